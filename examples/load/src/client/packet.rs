//! Packets of [Engine.IO](https://socket.io/docs/v4/engine-io-protocol/) and
//! [Socket.IO](https://socket.io/docs/v4/socket-io-protocol/), as far as servers send them here.

use super::stamp::{CONTENT_BYTES, Stamp};

const DELIVERY: &[u8] = b"42[\"chat message\",\"";

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// It asks whether the client is still there.
    Ping,
    /// A message, and its offset if the server gives one.
    Delivery(Stamp, Option<u64>),
    /// The answer to the request with this id, which may be that it was refused.
    Ack { id: u64, refused: bool },
    /// The connection to the namespace is made.
    Connected,
    /// Something else.
    Other,
}

impl Packet {
    /// Reads a packet. It looks at a few bytes only, and relies on a server that writes JSON
    /// without spaces.
    pub(crate) fn read(text: &[u8]) -> Self {
        if let Some(content) = text.strip_prefix(DELIVERY) {
            let Some(stamp) = Stamp::read(content) else { return Self::Other };
            return Self::Delivery(stamp, offset(content));
        }
        match text {
            b"2" => Self::Ping,
            [b'4', b'0', ..] => Self::Connected,
            [b'4', b'3', rest @ ..] => {
                let (id, rest) = leading_number(rest);
                id.map_or(Self::Other, |id| Self::Ack {
                    id,
                    refused: rest.starts_with(b"[{\"error\""),
                })
            }
            _ => Self::Other,
        }
    }
}

/// The number in `…",123,…`, what follows the content being of known length.
fn offset(content: &[u8]) -> Option<u64> {
    leading_number(content.get(CONTENT_BYTES..)?.strip_prefix(b"\",")?).0
}

fn leading_number(text: &[u8]) -> (Option<u64>, &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits.min(19));
    let number = digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    ((!digits.is_empty()).then_some(number), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart() {
        let stamp = Stamp { sender: 3, sequence: 4, sent_at: 5 };
        let mut content = Vec::new();
        stamp.write(&mut content);
        let content = String::from_utf8(content).unwrap();
        for (text, packet) in [
            ("2", Packet::Ping),
            ("40{\"sid\":\"x\"}", Packet::Connected),
            ("4312[]", Packet::Ack { id: 12, refused: false }),
            ("430[{\"offset\":1,\"duplicate\":false}]", Packet::Ack { id: 0, refused: false }),
            ("437[{\"error\":{\"code\":\"not_in_room\"}}]", Packet::Ack { id: 7, refused: true }),
            ("43[]", Packet::Other),
            ("42[\"chat message\",\"hello\",3]", Packet::Other),
            ("42[\"user joined\",{}]", Packet::Other),
            ("", Packet::Other),
        ] {
            assert_eq!(Packet::read(text.as_bytes()), packet, "{text}");
        }
        for (rest, offset) in [("]", None), (",12]", Some(12)), (",9,{},\"e-9\"]", Some(9))] {
            let text = format!("42[\"chat message\",\"{content}\"{rest}");
            assert_eq!(Packet::read(text.as_bytes()), Packet::Delivery(stamp, offset), "{text}");
        }
    }
}

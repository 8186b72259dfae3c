use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::SessionError;
use crate::{Refusal, RefusalCode};

/// The answer to an Engine.IO ping.
pub(super) const PONG: &str = "3";

/// A text frame from the server, in the namespace `/`.
#[derive(Debug)]
pub(super) enum Packet<'a> {
    /// The connection is open. The value is the longest time between two frames.
    Open(Duration),
    /// Asks for a [`PONG`].
    Ping,
    /// The client is accepted. The value is the secret of its session.
    Connected(Option<String>),
    /// The client is not accepted.
    Refused(Refusal),
    /// An event: an array whose first item is the name.
    Event(&'a str),
    /// The answer to the request with this number: an array.
    Answer(u64, &'a str),
    /// The connection ends.
    End,
    /// Nothing to do about it.
    Other,
}

impl<'a> Packet<'a> {
    pub(super) fn parse(frame: &'a str) -> Result<Self, SessionError> {
        Self::read(frame).ok_or_else(|| SessionError::malformed(frame))
    }

    fn read(frame: &'a str) -> Option<Self> {
        if let Some(open) = frame.strip_prefix('0') {
            let Open { ping_interval, ping_timeout } = serde_json::from_str(open).ok()?;
            let silence = ping_interval.saturating_add(ping_timeout);
            return Some(Self::Open(Duration::from_millis(silence)));
        }
        let Some(packet) = frame.strip_prefix('4') else {
            return match frame.as_bytes().first()? {
                b'1' => Some(Self::End),
                b'2' => Some(Self::Ping),
                // Pong, upgrade and no operation, which no server sends over a websocket.
                b'3' | b'5' | b'6' => Some(Self::Other),
                _ => None,
            };
        };
        let kind = packet.as_bytes().first().filter(|byte| byte.is_ascii_digit())?;
        let rest = &packet[1..];
        if rest.starts_with('/') {
            return Some(Self::Other);
        }
        let (id, body) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
        Some(match kind {
            b'0' => {
                let Accepted { pid } = serde_json::from_str(body).ok()?;
                Self::Connected(pid)
            }
            b'1' => Self::End,
            b'2' => Self::Event(array(body)?),
            b'3' => Self::Answer(id.parse().ok()?, array(body)?),
            b'4' => Self::Refused(refusal(body)?),
            // With binary attachments, which nothing of the chat has.
            b'5' | b'6' => Self::Other,
            _ => return None,
        })
    }
}

/// Returns the only item of an array.
pub(super) fn only_item(array: &str) -> Option<&RawValue> {
    let [item]: [&RawValue; 1] = serde_json::from_str(array).ok()?;
    Some(item)
}

fn array(json: &str) -> Option<&str> {
    Some(json).filter(|json| json.starts_with('['))
}

fn refusal(json: &str) -> Option<Refusal> {
    let ConnectError { message, data } = serde_json::from_str(json).ok()?;
    let Some(ErrorData { code, message, retry_after }) = data else {
        return Some(Refusal::new(RefusalCode::Unknown, message));
    };
    let refusal = Refusal::new(code, message);
    Some(match retry_after {
        Some(millis) => refusal.with_retry_after(Duration::from_millis(millis)),
        None => refusal,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    ping_interval: u64,
    ping_timeout: u64,
}

#[derive(Deserialize)]
struct Accepted {
    pid: Option<String>,
}

#[derive(Deserialize)]
struct ConnectError {
    message: String,
    data: Option<ErrorData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorData {
    #[serde(default = "unknown")]
    code: RefusalCode,
    message: String,
    retry_after: Option<u64>,
}

fn unknown() -> RefusalCode {
    RefusalCode::Unknown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_packet_is_recognised() {
        let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
        assert!(
            matches!(Packet::parse(open), Ok(Packet::Open(silence)) if silence.as_secs() == 45)
        );
        assert!(matches!(Packet::parse("2"), Ok(Packet::Ping)));
        assert!(matches!(Packet::parse("1"), Ok(Packet::End)));
        assert!(matches!(Packet::parse("41"), Ok(Packet::End)));
        assert!(matches!(Packet::parse(r#"40{"sid":"x"}"#), Ok(Packet::Connected(None))));
        assert!(matches!(Packet::parse(r#"42["a",1]"#), Ok(Packet::Event(r#"["a",1]"#))));
        assert!(matches!(Packet::parse(r#"4217["a"]"#), Ok(Packet::Event(r#"["a"]"#))));
        assert!(matches!(Packet::parse("4317[{}]"), Ok(Packet::Answer(17, "[{}]"))));
        for other in ["6", "42/admin,[\"a\"]", "451-[\"a\",{\"_placeholder\":true,\"num\":0}]"] {
            assert!(matches!(Packet::parse(other), Ok(Packet::Other)), "{other}");
        }
        for bad in ["", "4", "9", "0", "0{}", "40", "42", "42{}", "43[1]", "49", "4é", "é"] {
            assert!(Packet::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refused_client_is_told_why_and_when_to_try_again() {
        let frame = r#"44{"message":"slow_down: wait","data":{"code":"slow_down","message":"wait","retryAfter":1500}}"#;
        let Ok(Packet::Refused(refusal)) = Packet::parse(frame) else { panic!() };
        assert_eq!(refusal, Refusal::slow_down("wait", Duration::from_millis(1500)));
        let frame = r#"44{"message":"no ticket","data":{"code":"ticket_required","message":"no"}}"#;
        let Ok(Packet::Refused(refusal)) = Packet::parse(frame) else { panic!() };
        assert_eq!(refusal, Refusal::new(RefusalCode::Unknown, "no"));
        let Ok(Packet::Refused(refusal)) = Packet::parse(r#"44{"message":"no"}"#) else { panic!() };
        assert_eq!(refusal, Refusal::new(RefusalCode::Unknown, "no"));
    }

    proptest! {
        #[test]
        fn whatever_arrives_is_read_or_refused(frame in "[0-9]{0,3}.{0,40}") {
            let _ = Packet::parse(&frame);
        }
    }
}

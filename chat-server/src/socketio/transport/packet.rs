//! Checks whether what a client sends is a Socket.IO packet; see the
//! [protocol](https://github.com/socketio/socket.io-protocol#packet-encoding).

use std::sync::Arc;

use super::json::{First, Json};
use super::plain_name::PlainName;
use super::{Farewell, Link};

/// The first byte of an Engine.IO message with a packet, and of the others that a client sends.
const MESSAGE: u8 = b'4';
const CLOSE: u8 = b'1';
const PONG: u8 = b'3';

/// Only a server pings.
const PING: u8 = b'2';

/// Maximum number of bytes kept of a namespace's name.
const NAME_BYTES: usize = 1024;

/// Maximum number of bytes kept of the `auth` of a CONNECT.
const AUTH_BYTES: usize = 8 * 1024;

/// The message is no packet, or none that is allowed now. Node.js closes the connection for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoPacket;

/// Follows the text messages of a client, however they are split, and checks whether they are packets. Each byte is
/// read once, and nothing is kept but the name of a namespace and the `auth` of a CONNECT.
///
/// Engine.IO and socketioxide are more lenient: they read no further than necessary, silently drop what they do not
/// know, and close connections without a reason. The contents of `auth` are left to the chat, which refuses them with
/// a reason.
#[derive(Debug, Default)]
pub(super) struct PacketReader {
    at: At,
    packet_type: Type,
    /// Its name; empty for the main one.
    namespace: Vec<u8>,
    ack_id: Option<i64>,
    attachments: u64,
    json: Json,
    /// A byte more than the maximum if it is too long.
    auth: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the start of a message.
    #[default]
    Start,
    Type,
    /// In the number of attachments, after some digits.
    Attachments {
        some: bool,
    },
    /// After that, or after the type.
    Namespace,
    InNamespace,
    Id,
    Data,
    /// In a pong.
    Pong,
    /// In the message that closes the connection.
    Close,
    /// In a message for which Engine.IO ends the connection.
    Unknown,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Type {
    #[default]
    Connect,
    Disconnect,
    Event,
    Ack,
}

impl PacketReader {
    /// Checks whether a whole message may pass. If so, the name of its event is [written plainly](PlainName).
    ///
    /// # Errors
    /// It is no packet, or none that is allowed now.
    pub(super) fn check(message: &mut [u8], link: &Arc<Link>) -> Result<(), NoPacket> {
        let mut packet = Self::default();
        let read = packet.read(message)?;
        if let rest @ [_, ..] = &mut message[read..] {
            packet.read(rest)?;
            PlainName::write(rest);
        }
        packet.end(link)
    }

    /// Takes the next bytes of a message. Returns how many: all, unless the first escape in the name of an event
    /// begins after them. It stops there once, and continues when called again.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<usize, NoPacket> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.at {
                At::Pong | At::Close | At::Unknown => break,
                At::Data => return Ok(at + self.data(&bytes[at..])?),
                _ => {}
            }
            // Bytes that do not belong to one part begin the next one.
            if self.head(byte)? {
                at += 1;
            }
        }
        Ok(bytes.len())
    }

    /// Ends the message; the next bytes begin another one. A CONNECT that may be ignored is
    /// [repeated](Link::repeat_connects).
    pub(super) fn end(&mut self, link: &Arc<Link>) -> Result<(), NoPacket> {
        let Self { at, packet_type, namespace, ack_id, attachments, json, auth } =
            std::mem::take(self);
        match at {
            At::Pong => return Ok(()),
            At::Close => {
                link.note(Farewell::Closed);
                return Ok(());
            }
            At::Start | At::Unknown => {
                link.note(Farewell::NoPacket);
                return Ok(());
            }
            _ => link.expect_attachments(attachments),
        }
        let namespaces = &link.namespaces;
        let namespace = if namespace.is_empty() { b"/" } else { &*namespace };
        let is_array = at == At::Data && json.is_whole() && json.is_array();
        match packet_type {
            _ if matches!(at, At::Type | At::Attachments { .. }) => false,
            Type::Connect => {
                let auth = (auth.len() <= AUTH_BYTES).then_some(&*auth);
                if namespaces.joins(namespace, auth) {
                    link.repeat_connects();
                }
                true
            }
            Type::Disconnect => namespaces.leaves(namespace),
            // Node.js knows events whose name is a number; nothing here does.
            Type::Event => {
                is_array && json.first() == Some(First::String) && namespaces.has(namespace)
            }
            Type::Ack => is_array && ack_id.is_some() && namespaces.has(namespace),
        }
        .then_some(())
        .ok_or(NoPacket)
    }

    /// Takes a byte before the data. Returns whether it was taken.
    fn head(&mut self, byte: u8) -> Result<bool, NoPacket> {
        match (self.at, byte) {
            (At::Start, MESSAGE) => self.at = At::Type,
            (At::Start, PONG) => self.at = At::Pong,
            (At::Start, PING) => return Err(NoPacket),
            (At::Start, CLOSE) => self.at = At::Close,
            (At::Start, _) => self.at = At::Unknown,
            (At::Type, _) => {
                let (packet_type, at) = match byte {
                    b'0' => (Type::Connect, At::Namespace),
                    b'1' => (Type::Disconnect, At::Namespace),
                    b'2' => (Type::Event, At::Namespace),
                    b'3' => (Type::Ack, At::Namespace),
                    b'5' => (Type::Event, At::Attachments { some: false }),
                    b'6' => (Type::Ack, At::Attachments { some: false }),
                    // A server refuses clients, and not the other way round.
                    _ => return Err(NoPacket),
                };
                (self.packet_type, self.at) = (packet_type, at);
            }
            (At::Attachments { .. }, b'0'..=b'9') => {
                let digit = u64::from(byte - b'0');
                self.attachments = self.attachments.saturating_mul(10).saturating_add(digit);
                self.at = At::Attachments { some: true };
            }
            (At::Attachments { some: true }, b'-') if self.attachments > 0 => {
                self.at = At::Namespace;
            }
            (At::Attachments { .. }, _) => return Err(NoPacket),
            (At::Namespace, b'/') => {
                self.namespace.push(byte);
                self.at = At::InNamespace;
            }
            (At::Namespace, _) => {
                self.at = At::Id;
                return Ok(false);
            }
            (At::InNamespace, b',') => self.at = At::Id,
            (At::InNamespace, _) if self.namespace.len() >= NAME_BYTES => {}
            (At::InNamespace, _) => self.namespace.push(byte),
            (At::Id, b'0'..=b'9') => self.ack_id = Some(self.with_digit(byte)?),
            (At::Id, _) => {
                self.json = Json::new(self.attachments);
                self.at = At::Data;
                return Ok(false);
            }
            (At::Data | At::Pong | At::Close | At::Unknown, _) => {}
        }
        Ok(true)
    }

    /// Returns the ack id with one more digit. socketioxide drops an id that is too large for it, and the client would
    /// wait for the ack for ever.
    fn with_digit(&self, digit: u8) -> Result<i64, NoPacket> {
        let tens = self.ack_id.unwrap_or_default().checked_mul(10);
        tens.and_then(|tens| tens.checked_add(i64::from(digit - b'0'))).ok_or(NoPacket)
    }

    fn data(&mut self, bytes: &[u8]) -> Result<usize, NoPacket> {
        match self.packet_type {
            Type::Connect => {
                let room = AUTH_BYTES + 1 - self.auth.len();
                self.auth.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Type::Disconnect => return Err(NoPacket),
            Type::Event => {
                let read = self.json.read(bytes).map_err(|_| NoPacket)?;
                if self.json.first() == Some(First::Reserved) {
                    return Err(NoPacket);
                }
                return Ok(read);
            }
            Type::Ack => {
                let read = self.json.read(bytes).map_err(|_| NoPacket)?;
                // It has no name.
                self.json.read(&bytes[read..]).map_err(|_| NoPacket)?;
            }
        }
        Ok(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The link of a client that is connected to these namespaces.
    fn connected(namespaces: &[&str]) -> Arc<Link> {
        let link = Link::default();
        namespaces.iter().for_each(|name| link.namespaces.joined(name.as_bytes()));
        Arc::new(link)
    }

    fn is_packet(message: &str, cut: usize) -> bool {
        let link = connected(&["/", "/admin"]);
        let mut packet = PacketReader::default();
        let read = message.as_bytes().chunks(cut).try_for_each(|part| {
            let read = packet.read(part)?;
            packet.read(&part[read..]).map(|_| ())
        });
        read.and_then(|()| packet.end(&link)).is_ok()
    }

    #[test]
    fn packets_pass_and_what_is_none_does_not() {
        let packets = [
            "40",
            "40{}",
            "40/admin,{\"a\":1}",
            "40/new",
            "40null",
            "40{",
            "41",
            "41/admin",
            "41/admin,",
            "411",
            "42[\"chat message\",\"x\"]",
            "4217[\"x\"]",
            "42/,17[\"x\"]",
            "42/admin,[\"x\",{}]",
            "42 [\"x\"] ",
            "430[]",
            "4317[1]",
            "43/admin,2[]",
            "451-[\"x\"]",
            "451-/admin,3[\"x\",{\"_placeholder\":true,\"num\":0}]",
            "461-4[{\"_placeholder\":true,\"num\":0}]",
            "42[\"connected\"]",
            "42[\"x\",\"connect\"]",
            // Not of Socket.IO, and left to Engine.IO.
            "",
            "1",
            "3",
            "3probe",
            "5",
            "6",
            "9",
            "x",
            "bAAAA",
            // The greatest id that socketioxide knows.
            "429223372036854775807[\"x\"]",
            "4200000000000000000000000000017[\"x\"]",
        ];
        let others = [
            "4",
            "4abc",
            "47",
            "49",
            "44",
            "44\"x\"",
            "44{}",
            "41x",
            "41{}",
            "41/admin,[]",
            "41/other",
            "42",
            "42[]",
            "42{}",
            "42\"x\"",
            "42[5]",
            "42[null]",
            "42[\"x\"",
            "42[\"x\"]x",
            "42[\"x\"]]",
            "42[\"x\"][\"y\"]",
            "42abc[\"x\"]",
            "42/other,[\"x\"]",
            "42/admin[\"x\"]",
            "42-1[\"x\"]",
            "42[\"connect\"]",
            "42[\"connect_error\"]",
            "42[\"disconnect\"]",
            "42[\"disconnecting\"]",
            "42[\"newListener\"]",
            "42[\"removeListener\"]",
            "421[\"disc\\u006fnnect\",1]",
            "43[]",
            "430",
            "430{}",
            "430\"x\"",
            "430[",
            "430[]x",
            "43/other,1[]",
            "45",
            "451",
            "451-",
            "45-[\"x\"]",
            "450-[\"x\"]",
            "45-1-[\"x\"]",
            "45x-[\"x\"]",
            "451-[\"connect\"]",
            "451-[\"x\",{\"_placeholder\":true,\"num\":1}]",
            "461-[{\"_placeholder\":true,\"num\":0}]",
            "2",
            "2probe",
            // Ids that socketioxide drops.
            "429223372036854775808[\"x\"]",
            "42/admin,18446744073709551616[\"x\"]",
            "4399999999999999999999999[]",
            "451-9223372036854775808[\"x\"]",
        ];
        for cut in [1, 2, 5, 1000] {
            for packet in packets {
                assert!(is_packet(packet, cut), "{packet}");
            }
            for other in others {
                assert!(!is_packet(other, cut), "{other}");
            }
        }
    }

    #[test]
    fn names_of_events_are_written_plainly_and_nothing_else() {
        let link = connected(&["/", "/admin"]);
        for (packet, plain) in [
            (r#"427["caf\u00e9","\u00e9"]"#, r#"427["café"    ,"\u00e9"]"#),
            (r#"42/admin,["\/"]"#, r#"42/admin,["/" ]"#),
            (
                r#"451-["\u0020",{"_placeholder":true,"num":0}]"#,
                r#"451-[" "     ,{"_placeholder":true,"num":0}]"#,
            ),
            (r#"437["caf\u00e9"]"#, r#"437["caf\u00e9"]"#),
            (r#"40{"\u00e9":"\u00e9"}"#, r#"40{"\u00e9":"\u00e9"}"#),
        ] {
            let mut message = packet.to_owned().into_bytes();
            assert_eq!(PacketReader::check(&mut message, &link), Ok(()), "{packet}");
            assert_eq!(String::from_utf8(message).unwrap(), plain);
        }
    }

    #[test]
    fn what_others_end_the_connection_for_is_said_when_it_ends() {
        let said = |messages: &[&str], is_msgpack: bool| {
            let link = connected(&["/"]);
            if is_msgpack {
                link.encoding.sent_binary();
            }
            for message in messages {
                match *message {
                    "attachment" => link.take_attachment(),
                    text => PacketReader::check(&mut text.to_owned().into_bytes(), &link).unwrap(),
                }
            }
            link.last_words(&[])
        };
        let (one, two, text) = ("451-[\"x\"]", "452-[\"x\"]", "42[\"x\"]");
        let right: [&[&str]; 4] = [
            &["3", text, "1"],
            &[one, "attachment", text],
            &[two, "attachment", "3", "attachment", one, "attachment"],
            &[one, "attachment", "40"],
        ];
        for messages in right {
            assert_eq!(said(messages, false), b"", "{messages:?}");
        }
        let wrong: [&[&str]; 9] = [
            &[""],
            &["0"],
            &["5"],
            &["6"],
            &["x"],
            &["attachment"],
            &[one, "attachment", "attachment"],
            &[one, text],
            &[two, "attachment", "40"],
        ];
        for messages in wrong {
            assert_eq!(said(messages, false), Farewell::NoPacket.payload(), "{messages:?}");
        }
        // Those of MessagePack are within its packets.
        assert_eq!(said(&[one, text], true), b"");
    }

    #[test]
    fn who_leaves_a_namespace_sends_nothing_there_until_it_is_back() {
        let link = connected(&["/", "/admin"]);
        let namespaces = &link.namespaces;
        let sends = |message: &str| {
            PacketReader::check(&mut message.to_owned().into_bytes(), &link).is_ok()
        };
        assert!(sends("42/admin,[\"x\"]") && sends("41/admin"));
        assert!(!sends("42/admin,[\"x\"]") && !sends("41/admin"));
        assert!(sends("42[\"x\"]"), "the others stay");
        assert!(sends("40/admin") && !sends("42/admin,[\"x\"]"), "it is not back yet");
        namespaces.joined(b"/admin");
        assert!(sends("42/admin,[\"x\"]"));
        assert!(sends("40/admin") && sends("42/admin,[\"x\"]"), "who is there stays there");
        namespaces.leaves(b"/admin");
        assert!(!sends("42/admin,[\"x\"]"), "it was told to leave");
        let before = namespaces.public_id("/admin");
        assert!(sends("40/admin") && namespaces.public_id("/admin") != before);
    }

    #[test]
    fn who_leaves_before_it_was_told_that_it_is_connected_has_given_up() {
        let sends = |link: &Arc<Link>, message: &str| {
            PacketReader::check(&mut message.to_owned().into_bytes(), link).is_ok()
        };
        let has_given_up = |link: &Link| link.namespaces.has_given_up();
        let link = connected(&[]);
        assert!(sends(&link, "40/admin") && !sends(&link, "41/admin"));
        assert!(sends(&link, "40") && !has_given_up(&link));
        assert!(!sends(&link, "41") && has_given_up(&link));
        let link = connected(&[]);
        assert!(!sends(&link, "41") && has_given_up(&link), "its CONNECT may come later");
        let link = connected(&["/"]);
        assert!(sends(&link, "41") && !has_given_up(&link));
    }

    proptest! {
        #[test]
        fn no_message_does_harm_and_cuts_change_nothing(
            head in "4?[0-6]?[0-9]{0,2}-?(/[a-z]{0,5},?)?[0-9]{0,3}",
            data in "[\\[\\]{}\",:a-z0-9\\\\ ]{0,20}",
            cut in 1..10_usize,
        ) {
            let message = head + &data;
            prop_assert_eq!(is_packet(&message, cut), is_packet(&message, 1000), "{}", message);
        }

        #[test]
        fn events_are_packets_when_serde_reads_them(
            arguments in vec(any::<String>(), 0..4),
            rest in "[ \\]x]{0,2}",
            cut in 1..10_usize,
        ) {
            let text = serde_json::to_string(&arguments).unwrap() + &rest;
            let is_event = serde_json::from_str::<Vec<String>>(&text).is_ok_and(|read| !read.is_empty());
            prop_assert_eq!(is_packet(&format!("42{text}"), cut), is_event, "{}", text);
        }
    }
}

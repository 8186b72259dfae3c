use serde_json::json;

use super::msgpack::Skim;
use super::{Farewell, Link};

/// A packet larger than this ends the connection. It is not read to its end.
pub(super) const MAX_DROPPED_BYTES: u64 = 16 * 1024 * 1024;

/// The event that replaces one that was too large. Its argument is the size in bytes of the original.
pub(crate) const TOO_LARGE: &str = "too large";

/// The event that replaces one for which there was no room at the moment.
pub(crate) const NO_ROOM: &str = "no room";

/// The field of `auth` that replaces its contents if they are too large.
pub(crate) const AUTH_TOO_LARGE: &str = "tooLarge";

/// Maximum number of bytes kept of a packet: its type, namespace and ack id.
const HEAD_BYTES: usize = 300;

/// A packet of which only the beginning is kept.
#[derive(Debug)]
pub(super) struct Dropped {
    /// The reason: [`TOO_LARGE`] or [`NO_ROOM`].
    why: &'static str,
    head: Head,
    bytes: u64,
}

/// The part of a packet that is kept.
#[derive(Debug)]
enum Head {
    /// The beginning of a text.
    Text(Vec<u8>),
    /// The head of a MessagePack packet.
    Msgpack(Box<Skim>),
    /// The head of one in Base64.
    Base64(Box<Skim>),
}

impl Dropped {
    pub(super) fn new(why: &'static str) -> Self {
        Self { why, head: Head::Text(Vec::new()), bytes: 0 }
    }

    /// Creates a dropped MessagePack packet.
    pub(super) fn msgpack(why: &'static str) -> Self {
        Self { why, head: Head::Msgpack(Box::default()), bytes: 0 }
    }

    /// Creates a dropped MessagePack packet in Base64, which its first byte marks.
    pub(super) fn base64(why: &'static str) -> Self {
        Self { why, head: Head::Base64(Box::default()), bytes: 0 }
    }

    /// Takes the next `count` bytes.
    pub(super) fn take(&mut self, count: usize, bytes: impl Iterator<Item = u8>) {
        match &mut self.head {
            Head::Text(head) => {
                let room = HEAD_BYTES.saturating_sub(head.len());
                head.extend(bytes.take(room));
            }
            Head::Msgpack(skim) => skim.take(bytes),
            Head::Base64(skim) => skim.take_base64(bytes.skip(usize::from(self.bytes == 0))),
        }
        self.bytes += count as u64;
    }

    /// Returns the number of bytes taken.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the packet that Engine.IO gets in place of this one: an event or a CONNECT that will be refused;
    /// anything else is empty, which no packet may be.
    pub(super) fn replacement(&self) -> String {
        self.replaced().unwrap_or_default()
    }

    /// Returns the same, and notes why the connection ends if it is empty.
    pub(super) fn replacement_or_end(&self, link: &Link) -> String {
        let replacement = self.replacement();
        if replacement.is_empty() {
            link.note(if self.why == NO_ROOM { Farewell::NoRoom } else { Farewell::TooLarge });
        }
        replacement
    }

    fn replaced(&self) -> Option<String> {
        let head = match &self.head {
            // The last character may be cut off, and means nothing.
            Head::Text(head) => String::from_utf8_lossy(head),
            Head::Msgpack(skim) | Head::Base64(skim) => skim.head().into(),
        };
        let (packet_type, rest) = head.split_at_checked(2)?;
        let (namespace, rest) = match rest.split_once(',') {
            Some((namespace, rest)) if namespace.starts_with('/') => {
                (format!("{namespace},"), rest)
            }
            _ => (String::new(), rest),
        };
        let bytes = self.bytes;
        match packet_type {
            "42" => {
                let ack_id = rest.split('[').next().filter(|_| rest.contains('['))?;
                let is_id = ack_id.bytes().all(|byte| byte.is_ascii_digit());
                is_id.then(|| format!("42{namespace}{ack_id}{}", json!([self.why, bytes])))
            }
            "40" => Some(format!("40{namespace}{}", json!({ AUTH_TOO_LARGE: bytes }))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(packet: &str) -> String {
        let mut dropped = Dropped::new(TOO_LARGE);
        packet.as_bytes().chunks(7).for_each(|part| dropped.take(part.len(), part.iter().copied()));
        dropped.replacement()
    }

    #[test]
    fn what_a_packet_asked_for_is_refused_and_what_it_was_is_not_read() {
        for (packet, expected) in [
            ("42[\"chat message\",\"héllo\"]", "42[\"too large\",27]"),
            ("4217[\"join\",\"x\"]", "4217[\"too large\",16]"),
            ("42/admin,3[1]", "42/admin,3[\"too large\",13]"),
            ("40{\"pid\":\"x\"}", "40{\"tooLarge\":13}"),
            ("40/admin,{}", "40/admin,{\"tooLarge\":11}"),
            ("42x[1]", ""),
            ("42123", ""),
            ("451-[1]", ""),
            ("4", ""),
            ("", ""),
        ] {
            assert_eq!(replaced(packet), expected, "{packet}");
        }
        let long = format!("425[\"{}\"]", "é".repeat(1000));
        assert_eq!(replaced(&long), "425[\"too large\",2007]");
    }
}

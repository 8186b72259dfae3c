use std::sync::atomic::{AtomicU8, Ordering};

const UNKNOWN: u8 = 0;
const JSON: u8 = 1;
const MSGPACK: u8 = 2;

/// The encoding of a connection's packets. Its first Socket.IO packet determines it, and a change of the transport
/// keeps it.
#[derive(Debug, Default)]
pub(crate) struct Encoding(AtomicU8);

impl Encoding {
    /// Returns whether packets are text. True for nearly all clients, and cheap to check.
    pub(crate) fn is_json(&self) -> bool {
        self.0.load(Ordering::Acquire) == JSON
    }

    /// Returns whether packets are MessagePack maps.
    pub(crate) fn is_msgpack(&self) -> bool {
        self.0.load(Ordering::Acquire) == MSGPACK
    }

    /// Notes a text message of this many bytes. Engine.IO's own messages have a single byte, and determine nothing.
    pub(crate) fn sent_text(&self, bytes: u64) {
        if bytes > 1 {
            self.begin(JSON);
        }
    }

    /// Notes a binary message. It is an attachment of a packet, or a packet if nothing came before.
    pub(crate) fn sent_binary(&self) {
        self.begin(MSGPACK);
    }

    /// Sets the encoding unless it is known already.
    fn begin(&self, encoding: u8) {
        self.0.compare_exchange(UNKNOWN, encoding, Ordering::AcqRel, Ordering::Acquire).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_tells_and_heartbeats_do_not() {
        let (text, binary) = (Encoding::default(), Encoding::default());
        for encoding in [&text, &binary] {
            encoding.sent_text(1);
            assert!(!encoding.is_json() && !encoding.is_msgpack());
        }
        text.sent_text(2);
        text.sent_binary();
        assert!(text.is_json() && !text.is_msgpack());
        binary.sent_binary();
        binary.sent_text(100);
        assert!(binary.is_msgpack() && !binary.is_json());
    }
}

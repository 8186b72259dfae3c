use std::sync::atomic::{AtomicU8, Ordering};

const UNKNOWN: u8 = 0;
const JSON: u8 = 1;
const MSGPACK: u8 = 2;

/// The form of the packets of a connection. Its first packet of Socket.IO tells, and it stays over a change of the
/// transport.
#[derive(Debug, Default)]
pub(crate) struct Encoding(AtomicU8);

impl Encoding {
    /// Whether packets are text. It is the answer for nearly all clients, and takes one look.
    pub(crate) fn is_json(&self) -> bool {
        self.0.load(Ordering::Acquire) == JSON
    }

    /// Whether packets are maps of MessagePack.
    pub(crate) fn is_msgpack(&self) -> bool {
        self.0.load(Ordering::Acquire) == MSGPACK
    }

    /// The client has sent a text message of so many bytes. One of Engine.IO's own has a single byte, and tells nothing.
    pub(crate) fn sent_text(&self, bytes: u64) {
        if bytes > 1 {
            self.begin(JSON);
        }
    }

    /// The client has sent a binary message. It is an attachment of a packet, or, when there was none before, a packet.
    pub(crate) fn sent_binary(&self) {
        self.begin(MSGPACK);
    }

    /// What was found out first is right.
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

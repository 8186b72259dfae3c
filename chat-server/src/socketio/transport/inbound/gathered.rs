use super::super::client_frames::{FIN_TEXT, Header};

/// Bytes that are kept here or downstream: those of a message in several frames until the last one arrives, and an
/// event's attachments until the next message. The limit on single messages does not cover them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gathered {
    bytes: u64,
    /// Whether the message in several frames is a packet, so that nothing is kept after it.
    is_packet: bool,
}

impl Gathered {
    pub(super) fn bytes(self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }

    /// Returns the number of bytes of an event's attachments.
    pub(super) fn attached(self) -> u64 {
        if self.is_packet { 0 } else { self.bytes }
    }

    /// Returns what is kept when this frame has arrived.
    pub(super) fn with(self, header: &Header, is_msgpack: bool) -> Self {
        let Self { bytes, is_packet } = self;
        match header.first {
            // A heartbeat, which may come between an event and its attachments, has one byte.
            FIN_TEXT if header.length > 1 => Self::default(),
            FIN_TEXT => self,
            _ if header.is_control() => self,
            _ if header.goes_on() && header.is_last() && is_packet => Self::default(),
            _ => Self {
                bytes: bytes.saturating_add(header.length),
                is_packet: if header.goes_on() {
                    is_packet
                } else {
                    header.begins_text() || is_msgpack
                },
            },
        }
    }
}

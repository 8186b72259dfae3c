/// The header of a frame with a mask has 6, 8 or 14 bytes.
const LONGEST_HEADER: usize = 14;

/// How many frames of one message are read although nothing should be read from the client.
const MAX_FRAGMENTS: usize = 1024;

/// A pong of Engine.IO as a client sends it, with the mask 0; see
/// [RFC 6455, section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).
pub(super) const PONG: [u8; 7] = [0x81, 0x81, 0, 0, 0, 0, b'3'];

/// Follows the frames that a client writes to a websocket, however they are cut into reads: counts them, and
/// knows where one message ends.
#[derive(Debug, Default)]
pub(super) struct ClientFrames {
    header: [u8; LONGEST_HEADER],
    /// How many bytes of the header have come; 0 in the payload.
    have: usize,
    /// How many bytes of the payload are to come.
    left: u64,
    /// How many frames of a message have come whose last is still to come.
    fragments: usize,
}

impl ClientFrames {
    /// Follows what was read to the end of the message that it begins or continues: returns how many of the bytes that
    /// are, and how many frames begin in them.
    pub(super) fn read(&mut self, bytes: &[u8]) -> (usize, u64) {
        let (mut rest, mut begun) = (bytes, 0);
        while !rest.is_empty() {
            if self.left > 0 {
                let part = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                self.left -= part as u64;
                rest = &rest[part..];
            } else {
                let part = (header_length(&self.header[..self.have]) - self.have).min(rest.len());
                self.header[self.have..self.have + part].copy_from_slice(&rest[..part]);
                self.have += part;
                rest = &rest[part..];
                let header = &self.header[..self.have];
                if header.len() == header_length(header) {
                    begun += 1;
                    self.left = payload_length(header);
                    self.note_fragment();
                    self.have = 0;
                }
            }
            if self.is_between() {
                break;
            }
        }
        (bytes.len() - rest.len(), begun)
    }

    /// Whether the next byte begins a message.
    pub(super) fn is_between(&self) -> bool {
        self.have == 0 && self.left == 0 && self.fragments == 0
    }

    /// How many of the bytes to come belong to the message that has begun, as far as is known; none when it has
    /// very many frames, which no client of Socket.IO sends.
    pub(super) fn wanted(&self) -> usize {
        if self.left > 0 {
            return usize::try_from(self.left).unwrap_or(usize::MAX);
        }
        if self.is_between() || self.fragments > MAX_FRAGMENTS {
            return 0;
        }
        header_length(&self.header[..self.have]) - self.have
    }

    /// Control frames may come between those of a message, and are no part of it.
    fn note_fragment(&mut self) {
        let [first, ..] = self.header;
        let (is_last, is_control) = (first & 0x80 != 0, first & 0x08 != 0);
        match (is_control, is_last) {
            (true, _) => {}
            (false, true) => self.fragments = 0,
            (false, false) => self.fragments += 1,
        }
    }
}

/// How long a header that begins so is; at least one byte longer than it, when that cannot be said yet.
fn header_length(header: &[u8]) -> usize {
    let Some(second) = header.get(1) else { return 2 };
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + mask
}

/// The length of the payload, by its whole header.
fn payload_length(header: &[u8]) -> u64 {
    let bytes = match header[1] & 0x7f {
        126 => &header[2..4],
        127 => &header[2..10],
        length => return u64::from(length),
    };
    bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A frame as a client sends it, with zeros for the mask and the payload.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..=125 => frame.push(0x80 | length as u8),
            126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.resize(frame.len() + 4 + length, 0);
        frame
    }

    proptest! {
        #[test]
        fn frames_are_counted_however_they_are_cut(
            lengths in vec(prop_oneof![0usize..10, 120usize..130, 65_530usize..65_540], 1..20),
            cuts in vec(1usize..5000, 1..50),
        ) {
            let bytes: Vec<u8> = lengths.iter().flat_map(|&length| frame(0x81, length)).collect();
            let (mut frames, mut rest, mut begun) = (ClientFrames::default(), &*bytes, 0);
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                let (mut unread, mut parts) = (now, 0);
                while !unread.is_empty() {
                    let (read, frames_begun) = frames.read(unread);
                    begun += frames_begun;
                    unread = &unread[read..];
                    parts += 1;
                    prop_assert!(unread.is_empty() || frames.is_between(), "up to the end of a message");
                }
                prop_assert!(parts <= now.len());
                rest = later;
                prop_assert!(frames.wanted() <= rest.len());
                prop_assert_eq!(frames.wanted() == 0, frames.is_between());
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(begun, lengths.len() as u64);
            prop_assert!(frames.is_between());
        }
    }

    #[test]
    fn a_message_of_several_frames_ends_with_the_last() {
        let mut frames = ClientFrames::default();
        for (bytes, between) in [
            (frame(0x01, 5), false),
            (frame(0x89, 3), false),
            (frame(0x00, 0), false),
            (frame(0x80, 200), true),
            (frame(0x89, 0), true),
        ] {
            assert_eq!(frames.read(&bytes), (bytes.len(), 1));
            assert_eq!(frames.is_between(), between);
        }
        assert_eq!(frames.read(&PONG), (PONG.len(), 1));
        assert!(frames.is_between());
    }

    #[test]
    fn a_message_without_end_is_not_read_for_ever() {
        let mut frames = ClientFrames::default();
        frames.read(&frame(0x01, 1));
        for _ in 0..MAX_FRAGMENTS {
            assert_eq!(frames.wanted(), 2);
            frames.read(&frame(0x00, 1));
        }
        assert_eq!(frames.wanted(), 0);
    }
}

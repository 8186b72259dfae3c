use bytes::BufMut;

/// The first byte of a frame that can be a CONNECT reply: a whole text message.
const TEXT: u8 = 0x81;

/// The second byte is then its length. Longer ones have another form, and no CONNECT reply is as long.
const LENGTHS: std::ops::RangeInclusive<u8> = 2..=125;

/// Its payload begins so: an Engine.IO message (`4`) with a Socket.IO CONNECT (`0`), see the
/// [protocol](https://github.com/socketio/socket.io-protocol#packet-encoding).
const CONNECT: [u8; 2] = *b"40";

/// How many bytes of a frame tell whether it can be a CONNECT reply.
const TELLING: usize = 4;

/// The header of a frame without a mask has 2, 4 or 10 bytes.
const LONGEST_HEADER: usize = 10;

/// Follows the frames that a server writes to a websocket, however they are cut into writes, and picks out
/// the CONNECT replies.
///
/// All else passes untouched and in place.
#[derive(Debug, Default)]
pub(crate) struct FrameFilter {
    place: Place,
    /// Where the place will be when all that may pass has been written, so that it is walked once.
    ahead: Place,
    /// How many frames will have ended then.
    ending: usize,
}

/// Where in the stream the next byte lies.
#[derive(Debug, Clone)]
enum Place {
    /// In a frame that may be a CONNECT reply. This much of it is held back; nothing at its start.
    Start(Vec<u8>),
    /// In the header of another frame, of which `have` bytes have passed.
    Header { bytes: [u8; LONGEST_HEADER], have: usize },
    /// In the payload of another frame; so many bytes are left of it, one at least.
    Payload(u64),
}

/// What to do with bytes that are to be written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Write these many of them as they are, and tell [`FrameFilter::passed`] how many were written.
    Pass(usize),
    /// So many of them were taken. The rest of their frame is not there yet.
    Held(usize),
    /// So many of them were taken, and with those held back before they are these bytes: a CONNECT
    /// reply, or the beginning of another frame after all, or the whole of a short one. The last number
    /// says how many frames end in them.
    Taken(usize, Vec<u8>, usize),
}

impl Default for Place {
    fn default() -> Self {
        Self::Start(Vec::new())
    }
}

impl FrameFilter {
    /// Whether the next byte begins a frame, and nothing is held back.
    pub(crate) fn is_between(&self) -> bool {
        matches!(&self.place, Place::Start(held) if held.is_empty())
    }

    /// Says what to do with the first of these bytes, of which there must be one at least.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Part {
        self.ahead.clone_from(&self.place);
        let (passing, ending) = self.ahead.pass(bytes, bytes.len());
        if passing > 0 {
            self.ending = ending;
            return Part::Pass(passing);
        }
        // Nothing may pass only at the start of a frame or where some of one is held back.
        let Place::Start(mut held) = std::mem::take(&mut self.place) else { return Part::Held(0) };
        let before = held.len();
        for &byte in bytes {
            held.push(byte);
            let taken = held.len() - before;
            if !may_be_connect(&held) {
                let (_, ended) = self.place.pass(&held, held.len());
                return Part::Taken(taken, held, ended);
            }
            if held.len() > 1 && held.len() == 2 + usize::from(held[1]) {
                return Part::Taken(taken, held, 1);
            }
        }
        self.place = Place::Start(held);
        Part::Held(bytes.len())
    }

    /// The first `count` of these bytes were written, of the `passing` that [`next`](Self::next) has just
    /// let pass. Says how many frames ended in them.
    pub(crate) fn passed(&mut self, bytes: &[u8], passing: usize, count: usize) -> usize {
        if count == passing {
            std::mem::swap(&mut self.place, &mut self.ahead);
            self.ending
        } else {
            self.place.pass(bytes, count).1
        }
    }
}

impl Place {
    /// The place with so many bytes of a frame to come; counts the frame when there are none.
    fn before_payload(left: u64, ended: &mut usize) -> Self {
        if left > 0 {
            return Self::Payload(left);
        }
        *ended += 1;
        Self::default()
    }

    /// Moves on over those of the first `count` bytes that are certainly no part of a CONNECT reply. Says
    /// how many those are, and how many frames end in them. All the bytes together tell whether a reply
    /// begins.
    fn pass(&mut self, bytes: &[u8], count: usize) -> (usize, usize) {
        let mut passed = 0;
        let mut ended = 0;
        while passed < count {
            let rest = &bytes[passed..];
            match self {
                Self::Start(held) if !held.is_empty() || may_be_connect(rest) => break,
                // Most headers are short and whole.
                Self::Start(_) if count - passed > 1 && rest[1] & 0x7f < 126 => {
                    passed += 2;
                    *self = Self::before_payload(u64::from(rest[1] & 0x7f), &mut ended);
                }
                Self::Start(_) => *self = Self::Header { bytes: [0; LONGEST_HEADER], have: 0 },
                Self::Header { bytes, have } => {
                    bytes[*have] = rest[0];
                    *have += 1;
                    passed += 1;
                    if let Some(length) = payload_length(&bytes[..*have]) {
                        *self = Self::before_payload(length, &mut ended);
                    }
                }
                Self::Payload(left) => {
                    let part = u64::min(*left, (count - passed) as u64);
                    passed += part as usize;
                    *self = Self::before_payload(*left - part, &mut ended);
                }
            }
        }
        (passed, ended)
    }
}

/// Whether a frame that begins so can be a CONNECT reply.
fn may_be_connect(frame: &[u8]) -> bool {
    let matches = |index: usize, byte: u8| match index {
        0 => byte == TEXT,
        1 => LENGTHS.contains(&byte),
        _ => byte == CONNECT[index - 2],
    };
    frame.iter().take(TELLING).enumerate().all(|(index, &byte)| matches(index, byte))
}

/// The length of the payload, when the header is whole. Frames of a server have no mask; see
/// [RFC 6455, section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).
fn payload_length(header: &[u8]) -> Option<u64> {
    let short = u64::from(header.get(1)? & 0x7f);
    let long = |bytes: usize| {
        let length = header.get(2..2 + bytes)?;
        Some(length.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    };
    match short {
        126 => long(2),
        127 => long(8),
        _ => Some(short),
    }
}

/// Whether a frame that was taken out is the CONNECT reply of the namespace `/`.
pub(crate) fn is_root_connect(frame: &[u8]) -> bool {
    may_be_connect(frame) && matches!(frame.get(TELLING), None | Some(b'{'))
}

/// A whole text message of a server, made of these parts.
pub(crate) fn text_frame(parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut frame = Vec::with_capacity(LONGEST_HEADER + length);
    put_text_frame(&mut frame, parts);
    frame
}

/// Adds a whole text message of a server, made of these parts.
pub(crate) fn put_text_frame(buffer: &mut impl BufMut, parts: &[&[u8]]) {
    buffer.put_u8(TEXT);
    match parts.iter().map(|part| part.len()).sum() {
        length @ 0..=125_usize => buffer.put_u8(length as u8),
        length @ 126..=0xffff => {
            buffer.put_u8(126);
            buffer.put_u16(length as u16);
        }
        length => {
            buffer.put_u8(127);
            buffer.put_u64(length as u64);
        }
    }
    parts.iter().for_each(|part| buffer.put_slice(part));
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What the tests put in the place of a CONNECT reply.
    fn complete(frame: &[u8]) -> Vec<u8> {
        match frame.get(2..) {
            Some(payload) if payload.starts_with(b"40") => [b"<", frame, b">"].concat(),
            _ => frame.to_vec(),
        }
    }

    /// What leaves, in how many frames, when these writes go through a filter, of which at most `accepts` bytes are written
    /// at a time.
    fn filter(writes: &[&[u8]], accepts: usize) -> (Vec<u8>, usize) {
        let mut frames = 0;
        let mut filter = FrameFilter::default();
        let mut out = Vec::new();
        for mut bytes in writes.iter().copied() {
            while !bytes.is_empty() {
                let taken = match filter.next(bytes) {
                    Part::Pass(count) => {
                        let written = count.min(accepts);
                        out.extend_from_slice(&bytes[..written]);
                        frames += filter.passed(bytes, count, written);
                        written
                    }
                    Part::Held(count) => count,
                    Part::Taken(count, frame, ended) => {
                        frames += ended;
                        out.extend(complete(&frame));
                        count
                    }
                };
                assert!(taken > 0, "the filter stands still");
                bytes = &bytes[taken..];
            }
        }
        (out, frames)
    }

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = text_frame(&[payload]);
        frame[0] = first;
        frame
    }

    fn connect(json: &str) -> Vec<u8> {
        frame(TEXT, format!("40{json}").as_bytes())
    }

    fn some_frame() -> impl Strategy<Value = Vec<u8>> {
        let first = prop_oneof![
            4 => Just(TEXT),
            1 => Just(0x82_u8),
            1 => prop::sample::select(vec![0x01_u8, 0x80, 0x88, 0x89, 0x8a, 0xc1]),
        ];
        let payload = prop_oneof![
            3 => vec(any::<u8>(), 0..40),
            2 => prop::sample::select(vec!["4", "40", "41", "40{}", "40{\"sid\":\"x\"}", "40/a,{}", "42[\"e\"]"])
                .prop_map(|text| text.as_bytes().to_vec()),
            2 => prop::sample::select(vec![122_usize, 123, 124, 125, 126, 65_535, 65_536])
                .prop_map(|length| [b"40".to_vec(), vec![b'x'; length - 2]].concat()),
        ];
        (first, payload).prop_map(|(first, payload)| frame(first, &payload))
    }

    /// The plain way to do the same, and how many frames there are.
    fn reference(frames: &[Vec<u8>]) -> (Vec<u8>, usize) {
        let is_reply =
            |frame: &&Vec<u8>| frame[0] == TEXT && frame[1] <= 125 && frame[2..].starts_with(b"40");
        let completed = frames
            .iter()
            .flat_map(|frame| Some(frame).filter(is_reply).map_or(frame.clone(), |f| complete(f)))
            .collect();
        (completed, frames.len())
    }

    proptest! {
        #[test]
        fn replies_are_found_and_all_else_passes_byte_for_byte(
            frames in vec(some_frame(), 0..12),
            cuts in vec(any::<prop::sample::Index>(), 0..12),
            accepts in prop_oneof![Just(1_usize), 2..100_usize, Just(usize::MAX)],
        ) {
            let bytes = frames.concat();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let writes: Vec<&[u8]> = at.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(filter(&writes, accepts), reference(&frames));
        }
    }

    #[test]
    fn a_stream_can_be_cut_at_every_byte() {
        let frames = [
            frame(TEXT, b"0{\"sid\":\"abc\"}"),
            connect("{\"sid\":\"abc\"}"),
            frame(TEXT, b"42[\"chat message\"]"),
            connect("/admin,{\"sid\":\"abc\"}"),
            frame(0x82, &[4; 300]),
            frame(0x8a, b""),
        ];
        let bytes = frames.concat();
        for cut in 0..=bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(filter(&[a, b], usize::MAX), reference(&frames), "cut at {cut}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(filter(&single, 1), reference(&frames));
    }

    #[test]
    fn frames_that_are_no_replies_pass_in_one_piece() {
        let bytes = [frame(TEXT, b"42[1]"), frame(0x82, &[0; 70_000]), frame(TEXT, b"2")].concat();
        assert_eq!(FrameFilter::default().next(&bytes), Part::Pass(bytes.len()));
    }

    #[test]
    fn a_frame_that_is_not_whole_yet_is_held_back_and_nothing_else() {
        let reply = connect("{\"sid\":\"abc\"}");
        let mut filter = FrameFilter::default();
        assert_eq!(filter.next(&reply[..9]), Part::Held(9));
        assert_eq!(filter.next(&reply[9..]), Part::Taken(reply.len() - 9, reply, 1));
    }
}

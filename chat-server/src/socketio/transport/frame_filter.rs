use super::frames::{BINARY, CLOSE, LONGEST_HEADER, TEXT, payload};

/// Longer frames are no packets about namespaces.
const MAX_NAMESPACE_BYTES: u64 = 64 * 1024;

/// Follows the frames that a server writes to a websocket, however they are split into writes, and picks out those
/// that tell the client which namespaces it is connected to. It knows which binary messages belong to a Socket.IO
/// packet: nothing else may come between them and the packet.
///
/// Everything else passes untouched and in place.
#[derive(Debug, Default)]
pub(crate) struct FrameFilter {
    place: FilterState,
    /// The position once everything that may pass has been written, so that each byte is parsed once.
    ahead: FilterState,
    /// The number of frames that will have ended then.
    ending: usize,
}

/// The position of the next byte in the stream.
#[derive(Debug, Clone, Default)]
struct FilterState {
    within: Within,
    /// The number of attachments of a packet that are still to come.
    attachments: u32,
    /// Whether the websocket has been ended: nothing comes after that.
    ended: bool,
}

#[derive(Debug, Clone)]
enum Within {
    /// At the start of a frame whose kind is not known yet. The bytes so far are held back; none at its very start.
    Start(Vec<u8>),
    /// In the header of another frame, of which `have` bytes have passed.
    Header { bytes: [u8; LONGEST_HEADER], have: usize },
    /// In the payload of another frame; this many bytes of it are left, at least one.
    Payload { left: u64, first: u8 },
}

/// What to do with bytes that are to be written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Write this many bytes as they are, and tell [`FrameFilter::passed`] how many were written.
    Pass(usize),
    /// This many bytes were taken. The rest of their frame is not there yet.
    Held(usize),
    /// This many bytes were taken, and end a CONNECT reply, a CONNECT_ERROR or a DISCONNECT with this payload.
    Namespace(usize, Vec<u8>),
    /// This many bytes were taken: the frame that ends the websocket, without a reason.
    Close(usize),
    /// This many bytes were taken. Together with those held back before, they are these bytes of another frame. The
    /// last number is how many frames end in them.
    Taken(usize, Vec<u8>, usize),
}

/// The kind of a frame, as far as its first bytes tell; see the
/// [protocol](https://github.com/socketio/socket.io-protocol#packet-encoding).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An Engine.IO message (`4`) with a Socket.IO CONNECT (`0`), DISCONNECT (`1`) or CONNECT_ERROR (`4`), with the
    /// length of the frame and of the `header` before its payload.
    Namespace {
        header: usize,
        bytes: usize,
    },
    /// A packet with this many attachments: `45N-` or `46N-`.
    WithAttachments(u32),
    /// The end of the websocket, without a reason.
    Close,
    Other,
}

impl Default for Within {
    fn default() -> Self {
        Self::Start(Vec::new())
    }
}

impl FrameFilter {
    /// Returns whether a frame may begin with the next byte: the previous one is whole, no attachment is outstanding,
    /// nothing is held back, and the websocket has not ended.
    pub(crate) fn is_between(&self) -> bool {
        let FilterState { within, attachments, ended } = &self.place;
        let at_start = matches!(within, Within::Start(held) if held.is_empty());
        at_start && *attachments == 0 && !ended
    }

    /// Returns whether the websocket has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.place.ended
    }

    /// Notes that the websocket was ended in another way.
    pub(crate) fn end(&mut self) {
        self.place.ended = true;
    }

    /// Returns what to do with the first of these bytes. There must be at least one.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Part {
        self.ahead.clone_from(&self.place);
        let (passing, ending) = self.ahead.pass(bytes, bytes.len());
        if passing > 0 {
            self.ending = ending;
            return Part::Pass(passing);
        }
        // Nothing may pass only at the start of a frame or where part of one is held back.
        let Within::Start(mut held) = std::mem::take(&mut self.place.within) else {
            return Part::Held(0);
        };
        let before = held.len();
        for &byte in bytes {
            held.push(byte);
            let taken = held.len() - before;
            match kind(&held) {
                Some(Kind::Namespace { header, bytes }) if held.len() == bytes => {
                    return Part::Namespace(taken, held.split_off(header));
                }
                Some(Kind::Namespace { .. }) | None => {}
                Some(Kind::Close) => {
                    self.place.ended = true;
                    return Part::Close(taken);
                }
                Some(kind) => {
                    if let Kind::WithAttachments(count) = kind {
                        self.place.attachments = count;
                    }
                    self.place.within = Within::header();
                    let (_, ended) = self.place.pass(&held, held.len());
                    return Part::Taken(taken, held, ended);
                }
            }
        }
        self.place.within = Within::Start(held);
        Part::Held(bytes.len())
    }

    /// Notes that the first `count` of these bytes were written, of the `passing` ones that [`next`](Self::next) has
    /// just let pass. Returns how many frames ended in them.
    pub(crate) fn passed(&mut self, bytes: &[u8], passing: usize, count: usize) -> usize {
        if count == passing {
            std::mem::swap(&mut self.place, &mut self.ahead);
            self.ending
        } else {
            self.place.pass(bytes, count).1
        }
    }
}

impl Within {
    fn header() -> Self {
        Self::Header { bytes: [0; LONGEST_HEADER], have: 0 }
    }
}

impl FilterState {
    /// Notes how many bytes of a frame are to come; counts the frame if there are none.
    fn before_payload(&mut self, left: u64, first: u8, ended: &mut usize) {
        if left > 0 {
            self.within = Within::Payload { left, first };
            return;
        }
        *ended += 1;
        match first {
            BINARY => self.attachments = self.attachments.saturating_sub(1),
            CLOSE => self.ended = true,
            _ => {}
        }
        self.within = Within::default();
    }

    /// Advances over those of the first `count` bytes that certainly pass. Returns how many they are, and how many
    /// frames end in them. All bytes together determine the kind of a frame.
    fn pass(&mut self, bytes: &[u8], count: usize) -> (usize, usize) {
        let mut passed = 0;
        let mut ended = 0;
        while passed < count {
            let rest = &bytes[passed..];
            match &mut self.within {
                Within::Start(held) if !held.is_empty() || kind(rest) != Some(Kind::Other) => break,
                // Most headers are short and whole.
                Within::Start(_) if count - passed > 1 && rest[1] & 0x7f < 126 => {
                    passed += 2;
                    self.before_payload(u64::from(rest[1] & 0x7f), rest[0], &mut ended);
                }
                Within::Start(_) => self.within = Within::header(),
                Within::Header { bytes, have } => {
                    bytes[*have] = rest[0];
                    *have += 1;
                    passed += 1;
                    if let Some((_, length)) = payload(&bytes[..*have]) {
                        let [first, ..] = *bytes;
                        self.before_payload(length, first, &mut ended);
                    }
                }
                Within::Payload { left, first } => {
                    let part = u64::min(*left, (count - passed) as u64);
                    let (left, first) = (*left - part, *first);
                    passed += part as usize;
                    self.before_payload(left, first, &mut ended);
                }
            }
        }
        (passed, ended)
    }
}

/// Returns the kind of a frame with this beginning; none if it is not known yet.
fn kind(frame: &[u8]) -> Option<Kind> {
    match *frame.first()? {
        TEXT => {}
        CLOSE => return Some(if *frame.get(1)? == 0 { Kind::Close } else { Kind::Other }),
        _ => return Some(Kind::Other),
    }
    let (header, length) = payload(frame)?;
    if length < 2 {
        return Some(Kind::Other);
    }
    let packet = &frame[header..];
    let (engine, socket) = (*packet.first()?, packet.get(1));
    match (engine, socket) {
        (b'4', None) => None,
        (b'4', Some(b'0' | b'1' | b'4')) if length <= MAX_NAMESPACE_BYTES => {
            Some(Kind::Namespace { header, bytes: header + length as usize })
        }
        (b'4', Some(b'5' | b'6')) => attachments(&packet[2..], length - 2),
        _ => Some(Kind::Other),
    }
}

/// Returns the kind of a packet that may have attachments; `rest` follows its type, and `length` is its total size.
fn attachments(rest: &[u8], length: u64) -> Option<Kind> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = || str::from_utf8(&rest[..digits]).ok()?.parse().ok();
    match rest.get(digits) {
        Some(b'-') => Some(number().map_or(Kind::Other, Kind::WithAttachments)),
        // A number with more digits than any possible one is none.
        None if (digits as u64) < length && digits <= 10 => None,
        _ => Some(Kind::Other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::frames::text_frame;
    use super::*;

    /// What the tests put in the place of a CONNECT reply or a DISCONNECT.
    fn completed(payload: &[u8]) -> Vec<u8> {
        [b"<", payload, b">"].concat()
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
                    Part::Namespace(count, payload) => {
                        frames += 1;
                        out.extend(completed(&payload));
                        count
                    }
                    Part::Close(count) => {
                        frames += 1;
                        out.extend([CLOSE, 0]);
                        count
                    }
                    Part::Taken(count, bytes, ended) => {
                        frames += ended;
                        out.extend(bytes);
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
            2 => prop::sample::select(vec!["4", "40", "41", "44{}", "44/a,{}", "40{}", "40{\"sid\":\"x\"}", "40/a,{}", "42[\"e\"]", "451-[]", "462-/a,1[]", "45", "45-", "4599999999999-", "45x"])
                .prop_map(|text| text.as_bytes().to_vec()),
            2 => prop::sample::select(vec![122_usize, 123, 124, 125, 126, 65_535, 65_536])
                .prop_map(|length| [b"40".to_vec(), vec![b'x'; length - 2]].concat()),
        ];
        (first, payload).prop_map(|(first, payload)| frame(first, &payload))
    }

    /// The plain way to do the same, and how many frames there are.
    fn reference(frames: &[Vec<u8>]) -> (Vec<u8>, usize) {
        let passed = |frame: &Vec<u8>| {
            let header = match frame[1] {
                126 => 4,
                127 => 10,
                _ => 2,
            };
            let is_reply = frame[0] == TEXT
                && [&b"40"[..], b"41", b"44"]
                    .iter()
                    .any(|start| frame[header..].starts_with(start))
                && frame.len() - header <= MAX_NAMESPACE_BYTES as usize;
            if is_reply { completed(&frame[header..]) } else { frame.clone() }
        };
        (frames.iter().flat_map(passed).collect(), frames.len())
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
            frame(TEXT, b"41/admin,"),
            frame(TEXT, b"44/admin,{\"message\":\"no\"}"),
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
        assert_eq!(filter.next(&reply[9..]), Part::Namespace(reply.len() - 9, reply[2..].to_vec()));
    }

    #[test]
    fn a_packet_is_over_when_its_attachments_are() {
        let attachment = frame(BINARY, &[7; 200]);
        let heartbeat = frame(TEXT, b"2");
        for (packet, attachments) in [
            (frame(TEXT, b"452-[\"e\",{}]"), 2),
            (frame(TEXT, format!("4612-/admin,7{}", "x".repeat(70_000)).as_bytes()), 12),
            (frame(TEXT, b"450-[\"e\"]"), 0),
            (frame(TEXT, b"42[\"451-\"]"), 0),
            (frame(TEXT, b"45"), 0),
        ] {
            let rest = [&heartbeat[..], &attachment.repeat(attachments)].concat();
            let last = packet.len() + rest.len();
            for chunk in [1, 3, 50, usize::MAX] {
                let (mut filter, mut at) = (FrameFilter::default(), 0);
                let bytes = [&packet[..], &rest].concat();
                for mut part in bytes.chunks(chunk.min(bytes.len())) {
                    while !part.is_empty() {
                        let taken = match filter.next(part) {
                            Part::Pass(count) => {
                                let written = count.min(chunk);
                                filter.passed(part, count, written);
                                written
                            }
                            Part::Held(count)
                            | Part::Namespace(count, _)
                            | Part::Close(count)
                            | Part::Taken(count, ..) => count,
                        };
                        at += taken;
                        part = &part[taken..];
                        let may_be = at == last || (attachments == 0 && at == packet.len());
                        let is_between = filter.is_between();
                        assert!(
                            !is_between || may_be || at > packet.len() && attachments == 0,
                            "{at}"
                        );
                        assert!(is_between || at < last, "{at}");
                    }
                }
            }
        }
    }
}

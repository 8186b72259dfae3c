use std::net::IpAddr;
use std::sync::Arc;

use super::budget::{Budget, LARGE_BYTES, Room};
use super::msgpack::{ClientPacket, Encoding, MALFORMED, Unreadable, tell_of_malformed};
use super::oversize::{Dropped, MAX_DROPPED_BYTES, NO_ROOM, TOO_LARGE};

/// A whole text message.
const FIN_TEXT: u8 = 0x81;

/// A whole binary message.
const FIN_BINARY: u8 = 0x82;

/// The kind of a frame, in its first byte, and that of a text message that has begun.
const KIND: u8 = 0x0f;
const TEXT: u8 = 0x01;

const MASKED: u8 = 0x80;

/// Follows the frames that a client sends on a websocket, however they are cut into reads, and
/// [replaces](Dropped::replacement) messages that are too large. Packets of MessagePack are translated when they are
/// whole. All else passes untouched and in place.
///
/// What is fragmented passes too: the websocket library has the same limit, and ends the connection there. No client
/// of Socket.IO sends fragments.
#[derive(Debug)]
pub(super) struct Inbound {
    place: Place,
    /// The largest message in bytes.
    max: u64,
    budget: Arc<Budget>,
    address: Option<IpAddr>,
    /// The form of the client's packets.
    encoding: Arc<Encoding>,
    /// For the large message that is being read.
    room: Option<Room>,
    /// What is kept of messages that have ended, or of parts of one.
    gathered: Gathered,
    gathered_room: Option<Room>,
    /// Whether there was no room for that.
    has_no_room: bool,
    /// Whether a message has begun that is too large to be read at all.
    has_overlong: bool,
}

/// Where in the stream the next byte lies.
#[derive(Debug)]
enum Place {
    /// At the start of a frame, or in its header, of which this much is held back.
    Header(Vec<u8>),
    /// In the payload of a frame that passes; so many bytes are left of it, one at least.
    Payload(u64),
    /// In the payload of a message that is dropped.
    Dropping(Box<Dropping>),
    /// In a packet of MessagePack.
    Gathering(Box<Gathering>),
}

#[derive(Debug)]
struct Dropping {
    left: u64,
    mask: [u8; 4],
    dropped: Dropped,
}

#[derive(Debug)]
struct Gathering {
    left: u64,
    mask: [u8; 4],
    message: Vec<u8>,
}

/// What the header of a frame says, and how many bytes it has.
struct Header {
    first: u8,
    /// None when there is no mask, which is an error of the client's.
    mask: Option<[u8; 4]>,
    length: u64,
    bytes: usize,
}

impl Inbound {
    /// Passes messages of up to so many bytes, and large ones when there is room in the budget.
    pub(super) fn new(
        max: usize,
        budget: Arc<Budget>,
        address: Option<IpAddr>,
        encoding: Arc<Encoding>,
    ) -> Self {
        Self {
            place: Place::default(),
            max: max as u64,
            budget,
            address,
            encoding,
            room: None,
            gathered: Gathered::default(),
            gathered_room: None,
            has_no_room: false,
            has_overlong: false,
        }
    }

    /// Whether a message has begun that is too large to be read at all: the websocket library ends the connection.
    pub(super) fn has_overlong(&self) -> bool {
        self.has_overlong
    }

    /// Whether the connection has to end: what it sends in parts needs room that there is not.
    pub(super) fn has_no_room(&self) -> bool {
        self.has_no_room
    }

    /// Whether all of these bytes pass as they are. If so, they have been followed; if not, nothing has changed, and
    /// they are to be [rewritten](Self::rewrite). The end of the stream, which is no bytes, passes wherever it comes.
    pub(super) fn passes(&mut self, bytes: &[u8]) -> bool {
        if bytes.is_empty() {
            return true;
        }
        if !self.encoding.is_json() {
            return false;
        }
        let mut left = match &self.place {
            Place::Header(held) if held.is_empty() => 0,
            Place::Payload(left) => *left,
            _ => return false,
        };
        let (mut rest, mut gathered) = (bytes, self.gathered);
        loop {
            let payload = u64::min(left, rest.len() as u64);
            left -= payload;
            rest = &rest[payload as usize..];
            if rest.is_empty() {
                break;
            }
            match Header::read(rest) {
                Some(header) if header.length <= LARGE_BYTES as u64 => {
                    gathered = gathered.with(&header);
                    if gathered.bytes > LARGE_BYTES as u64 {
                        return false;
                    }
                    left = header.length;
                    rest = &rest[header.bytes..];
                }
                _ => return false,
            }
        }
        self.gather(gathered);
        self.place = self.before_payload(left);
        true
    }

    /// What is to be read in the place of these bytes, and of those that were held back before.
    pub(super) fn rewrite(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some((&first, others)) = rest.split_first() {
            match &mut self.place {
                Place::Header(held) => {
                    held.push(first);
                    rest = others;
                    let Some(header) = Header::read(held) else { continue };
                    let held = std::mem::take(held);
                    self.place = self.after(&header, &held, &mut out);
                }
                Place::Payload(left) => {
                    let (passing, others) = split(rest, *left);
                    out.extend_from_slice(passing);
                    let left = *left - passing.len() as u64;
                    rest = others;
                    self.place = self.before_payload(left);
                }
                Place::Dropping(dropping) => {
                    let (now, others) = split(rest, dropping.left);
                    dropping.take(now);
                    rest = others;
                    if dropping.left == 0 {
                        let replacement = dropping.dropped.replacement();
                        put_frame(FIN_TEXT, replacement.as_bytes(), &mut out);
                        self.place = Place::default();
                    }
                }
                Place::Gathering(gathering) => {
                    let (now, others) = split(rest, gathering.left);
                    gathering.take(now);
                    rest = others;
                    if gathering.left == 0 {
                        let message = std::mem::take(&mut gathering.message);
                        self.translate(&message, &mut out);
                        self.place = self.before_payload(0);
                    }
                }
            }
        }
        out
    }

    /// The place with so many bytes of a payload to come. At its end the room for it is given back.
    fn before_payload(&mut self, left: u64) -> Place {
        if left > 0 {
            return Place::Payload(left);
        }
        self.room = None;
        Place::default()
    }

    /// The place after a header: it passes, or the message is dropped.
    fn after(&mut self, header: &Header, held: &[u8], out: &mut Vec<u8>) -> Place {
        let left = header.length;
        match header.first {
            FIN_BINARY => self.encoding.sent_binary(),
            first if first & KIND == TEXT => self.encoding.sent_text(left),
            _ => {}
        }
        let is_msgpack = header.first == FIN_BINARY && self.encoding.is_msgpack();
        if !is_msgpack {
            self.gather(self.gathered.with(header));
        }
        let why = self.why_dropped(header, is_msgpack);
        if let (Some(why), Some(mask)) = (why, header.mask) {
            let dropped = if is_msgpack { Dropped::msgpack(why) } else { Dropped::new(why) };
            return Place::Dropping(Box::new(Dropping { left, mask, dropped }));
        }
        match header.mask.filter(|_| is_msgpack && left <= self.max) {
            Some(_) if left == 0 => {
                self.translate(&[], out);
                return Place::default();
            }
            Some(mask) => {
                let message = Vec::new();
                return Place::Gathering(Box::new(Gathering { left, mask, message }));
            }
            None => {}
        }
        out.extend_from_slice(held);
        self.before_payload(header.length)
    }

    /// Takes room for what is kept by now, or gives it back.
    fn gather(&mut self, gathered: Gathered) {
        self.gathered = gathered;
        let bytes = gathered.bytes as usize;
        if bytes <= LARGE_BYTES {
            self.gathered_room = None;
            return;
        }
        let has = self.gathered_room.as_ref().map_or(0, Room::bytes);
        if bytes <= has {
            return;
        }
        match (self.budget.take(self.address, bytes - has), &mut self.gathered_room) {
            (Some(more), Some(room)) => room.join(more),
            (Some(more), none) => *none = Some(more),
            (None, _) => self.has_no_room = true,
        }
    }

    /// Why a message cannot be read, if it cannot.
    fn why_dropped(&mut self, header: &Header, is_msgpack: bool) -> Option<&'static str> {
        let length = header.length;
        self.has_overlong |= length > MAX_DROPPED_BYTES;
        let is_packet = is_msgpack || header.first == FIN_TEXT;
        if !is_packet || length <= LARGE_BYTES as u64 || length > MAX_DROPPED_BYTES {
            return None;
        }
        if length > self.max {
            return Some(TOO_LARGE);
        }
        self.room = self.budget.take(self.address, length as usize);
        self.room.is_none().then_some(NO_ROOM)
    }

    /// Writes the frames in the place of a packet of MessagePack.
    fn translate(&self, message: &[u8], out: &mut Vec<u8>) {
        match ClientPacket::read(message, self.max as usize) {
            Ok(ClientPacket { text, attachments }) => {
                put_frame(FIN_TEXT, text.as_bytes(), out);
                attachments.iter().for_each(|bytes| put_frame(FIN_BINARY, bytes, out));
            }
            Err(Unreadable::TooLarge) => {
                let mut dropped = Dropped::msgpack(TOO_LARGE);
                dropped.take(message.len(), message.iter().copied());
                put_frame(FIN_TEXT, dropped.replacement().as_bytes(), out);
            }
            Err(why) => {
                tell_of_malformed(why);
                put_frame(FIN_TEXT, MALFORMED.as_bytes(), out);
            }
        }
    }
}

/// The bytes that are kept behind this: of a message in several frames until the last of them is there, and of an
/// event's attachments until the next message. No limit for one message counts them.
#[derive(Debug, Clone, Copy, Default)]
struct Gathered {
    bytes: u64,
    /// Whether the message in several frames is a text.
    is_text: bool,
}

impl Gathered {
    fn with(self, header: &Header) -> Self {
        const CONTROL: u8 = 0x08;
        const LAST_PART: u8 = 0x80;
        let Self { bytes, is_text } = self;
        match header.first {
            // A heartbeat, which may come between an event and its attachments, has one byte.
            FIN_TEXT if header.length > 1 => Self::default(),
            FIN_TEXT => self,
            LAST_PART if is_text => Self::default(),
            first if first & CONTROL != 0 => self,
            first => Self {
                bytes: bytes.saturating_add(header.length),
                is_text: if first & KIND == 0 { is_text } else { first & KIND == TEXT },
            },
        }
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::Header(Vec::new())
    }
}

impl Dropping {
    fn take(&mut self, bytes: &[u8]) {
        self.left -= bytes.len() as u64;
        // As far as the mask has come in those before.
        let turned = (self.dropped.bytes() % 4) as usize;
        let mask = self.mask.iter().cycle().skip(turned);
        self.dropped.take(bytes.len(), bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    }
}

impl Gathering {
    fn take(&mut self, bytes: &[u8]) {
        self.left -= bytes.len() as u64;
        let mask = self.mask.iter().cycle().skip(self.message.len() % 4);
        self.message.extend(bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    }
}

impl Header {
    /// The header that these bytes begin with, if it is whole; see
    /// [RFC 6455, section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (length, end) = match second & !MASKED {
            126 => (number(bytes.get(2..4)?), 4),
            127 => (number(bytes.get(2..10)?), 10),
            short => (u64::from(short), 2),
        };
        if second & MASKED == 0 {
            return Some(Self { first, mask: None, length, bytes: end });
        }
        let mask = bytes.get(end..end + 4)?.try_into().ok()?;
        Some(Self { first, mask: Some(mask), length, bytes: end + 4 })
    }
}

/// The bytes of a payload of which so many are to come, and those after it.
fn split(bytes: &[u8], left: u64) -> (&[u8], &[u8]) {
    bytes.split_at(u64::min(left, bytes.len() as u64) as usize)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// Adds a whole message of a client, with a mask of zeros.
fn put_frame(first: u8, message: &[u8], out: &mut Vec<u8>) {
    const MASK: [u8; 4] = [0; 4];
    let length = message.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => out.extend([first, MASKED | short]),
        (_, Ok(long)) => {
            out.extend([first, MASKED | 126]);
            out.extend(long.to_be_bytes());
        }
        _ => {
            out.extend([first, MASKED | 127]);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 20_000;

    /// Of a client that has sent a packet of JSON.
    fn inbound() -> Inbound {
        let inbound = fresh();
        inbound.encoding.sent_text(2);
        inbound
    }

    /// Of a client that has sent nothing yet.
    fn fresh() -> Inbound {
        let budget = Arc::new(Budget::new("tests", 80_000));
        Inbound::new(MAX, budget, Some([192, 0, 2, 1].into()), Arc::default())
    }

    fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let masked = if mask.is_some() { MASKED } else { 0 };
        let mut frame = match payload.len() {
            short @ 0..126 => vec![first, masked | short as u8],
            long @ 126..65_536 => {
                [&[first, masked | 126][..], &(long as u16).to_be_bytes()].concat()
            }
            long => [&[first, masked | 127][..], &(long as u64).to_be_bytes()].concat(),
        };
        frame.extend(mask.iter().flatten());
        let mask = mask.unwrap_or_default();
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// What is read when these bytes come in reads that end at `cuts`.
    fn read(bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
        read_by(inbound(), bytes, cuts)
    }

    fn read_by(mut inbound: Inbound, bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
        let mut out = Vec::new();
        for cut in cuts.windows(2) {
            let part = &bytes[cut[0]..cut[1]];
            if inbound.passes(part) {
                out.extend_from_slice(part);
            } else {
                out.extend(inbound.rewrite(part));
            }
        }
        out
    }

    fn some_frame() -> impl Strategy<Value = (u8, Option<[u8; 4]>, String)> {
        let first = prop_oneof![6 => Just(FIN_TEXT), 1 => prop::sample::select(vec![0x82_u8, 0x01, 0x80, 0x89])];
        let mask = prop_oneof![9 => any::<[u8; 4]>().prop_map(Some), 1 => Just(None)];
        let size = prop_oneof![
            3 => 0..40_usize,
            2 => 120..260_usize,
            2 => 16_300..16_500_usize,
            2 => 19_900..20_100_usize,
            1 => Just(70_000_usize),
        ];
        let payload = (size, any::<bool>()).prop_map(|(size, event)| {
            if event {
                format!("427[\"x\",\"{}\"]", "é".repeat(size / 2))
            } else {
                "a".repeat(size)
            }
        });
        (first, mask, payload)
    }

    proptest! {
        #[test]
        fn messages_that_are_too_large_are_replaced_and_all_else_passes(
            frames in vec(some_frame(), 0..8),
            cuts in vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let bytes: Vec<u8> = frames
                .iter()
                .flat_map(|(first, mask, payload)| frame(*first, *mask, payload.as_bytes()))
                .collect();
            let expected: Vec<u8> = frames
                .iter()
                .flat_map(|(first, mask, payload)| {
                    if *first != FIN_TEXT || mask.is_none() || payload.len() <= MAX {
                        return frame(*first, *mask, payload.as_bytes());
                    }
                    let mut dropped = Dropped::new(TOO_LARGE);
                    dropped.take(payload.len(), payload.bytes());
                    frame(FIN_TEXT, Some([0; 4]), dropped.replacement().as_bytes())
                })
                .collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            prop_assert_eq!(read(&bytes, &at), expected);
        }
    }

    #[test]
    fn a_stream_can_be_cut_at_every_byte() {
        let bytes = [
            frame(FIN_TEXT, Some([1, 2, 3, 4]), b"40{}"),
            frame(FIN_TEXT, Some([9, 8, 7, 6]), format!("420[\"{}\"]", "x".repeat(MAX)).as_bytes()),
            frame(0x88, Some([1, 2, 3, 4]), b""),
        ]
        .concat();
        let expected = read(&bytes, &[0, bytes.len()]);
        for cut in 0..=bytes.len() {
            assert_eq!(read(&bytes, &[0, cut, bytes.len()]), expected, "cut at {cut}");
        }
        assert!(expected.len() < 100);
        let each: Vec<usize> = (0..=bytes.len()).collect();
        assert_eq!(read(&bytes, &each), expected);
    }

    #[test]
    fn a_large_message_for_which_there_is_no_room_is_replaced() {
        let budget = Arc::new(Budget::new("tests", 80_000));
        let event = format!("427[\"{}\"]", "x".repeat(17_000));
        let large = frame(FIN_TEXT, Some([1, 2, 3, 4]), event.as_bytes());
        let address = Some([192, 0, 2, 1].into());
        let mut streams =
            [(); 2].map(|()| Inbound::new(MAX, Arc::clone(&budget), address, Arc::default()));
        let (begun, rest) = large.split_at(500);
        assert_eq!(streams[0].rewrite(begun), begun);
        let replaced = streams[1].rewrite(&large);
        assert!(replaced.ends_with(b"427[\"no room\",17007]"), "{replaced:?}");
        assert!(streams[0].passes(rest), "who was first goes on");
        assert_eq!(streams[1].rewrite(&large), large, "and makes room at the end");
    }

    /// A packet of MessagePack: an event with a text, and maybe an attachment.
    fn msgpack(text: &str, attachment: bool) -> Vec<u8> {
        let mut packet = b"\x84\xa4type\x02\xa4data".to_vec();
        packet.push(if attachment { 0x93 } else { 0x92 });
        packet.extend(b"\xa1e\xda");
        packet.extend((text.len() as u16).to_be_bytes());
        packet.extend(text.as_bytes());
        packet.extend(attachment.then_some(b"\xc4\x02\x01\x02").into_iter().flatten());
        packet.extend(b"\xa2id\x07\xa3nsp\xa1/");
        packet
    }

    #[test]
    fn packets_of_msgpack_become_text_wherever_a_stream_is_cut() {
        const BINARY: u8 = 0x82;
        let mask = Some([9, 8, 7, 6]);
        let long = "x".repeat(200);
        let (huge, control) = ("x".repeat(MAX), "\u{1}".repeat(4000));
        let dropped = msgpack(&huge, false).len();
        let grows = msgpack(&control, false).len();
        let bytes = [
            frame(FIN_TEXT, mask, b"3"),
            frame(BINARY, mask, b"\x82\xa4type\x00\xa3nsp\xa1/"),
            frame(BINARY, mask, &msgpack("xxx", false)),
            frame(0x89, mask, b"ping"),
            frame(BINARY, mask, &msgpack(&huge, false)),
            frame(BINARY, mask, &msgpack(&long, true)),
            frame(BINARY, mask, b""),
            frame(BINARY, mask, &msgpack(&control, false)),
            frame(FIN_TEXT, mask, b"1"),
        ]
        .concat();
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        let zero = Some([0; 4]);
        let expected = [
            frame(FIN_TEXT, mask, b"3"),
            frame(FIN_TEXT, zero, b"40"),
            frame(FIN_TEXT, zero, b"427[\"e\",\"xxx\"]"),
            frame(0x89, mask, b"ping"),
            frame(FIN_TEXT, zero, format!("427[\"too large\",{dropped}]").as_bytes()),
            frame(FIN_TEXT, zero, format!("451-7[\"e\",\"{long}\",{placeholder}]").as_bytes()),
            frame(BINARY, zero, &[1, 2]),
            frame(FIN_TEXT, zero, b"4"),
            // It is within the limit, and its text is not.
            frame(FIN_TEXT, zero, format!("427[\"too large\",{grows}]").as_bytes()),
            frame(FIN_TEXT, mask, b"1"),
        ]
        .concat();
        assert_eq!(read_by(fresh(), &bytes, &[0, bytes.len()]), expected);
        for cut in (0..=bytes.len()).filter(|cut| *cut < 200 || cut % 211 == 0) {
            assert_eq!(read_by(fresh(), &bytes, &[0, cut, bytes.len()]), expected, "cut at {cut}");
        }
        let each: Vec<usize> = (0..=bytes.len()).collect();
        assert_eq!(read_by(fresh(), &bytes, &each), expected);
    }

    #[test]
    fn attachments_of_a_client_with_json_pass() {
        let frames = [
            frame(FIN_TEXT, Some([1, 2, 3, 4]), b"40"),
            frame(FIN_TEXT, Some([1, 2, 3, 4]), b"451-[\"e\",{}]"),
            frame(0x82, Some([1, 2, 3, 4]), b"\x82\xa4type\x00\xa3nsp\xa1/"),
        ]
        .concat();
        let each: Vec<usize> = (0..=frames.len()).collect();
        assert_eq!(read_by(fresh(), &frames, &each), frames);
    }

    #[test]
    fn what_is_kept_of_messages_in_parts_and_of_attachments_needs_room() {
        const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);
        let part = [0; 5000];
        let event = || frame(FIN_TEXT, MASK, b"42[]");
        let take = |inbound: &mut Inbound, bytes: &[u8]| {
            if !inbound.passes(bytes) {
                assert_eq!(inbound.rewrite(bytes), bytes);
            }
            !inbound.has_no_room()
        };
        for first in [0x01, 0x02, FIN_BINARY] {
            let then = if first == FIN_BINARY { FIN_BINARY } else { 0x00 };
            let mut inbound = inbound();
            assert!(take(&mut inbound, &frame(first, MASK, &part)));
            let heartbeat = frame(FIN_TEXT, MASK, b"3");
            let taken = (0..9).take_while(|_| {
                let more = frame(then, MASK, &part);
                take(&mut inbound, &more) && take(&mut inbound, &heartbeat)
            });
            // An address may use 20,000.
            assert_eq!(taken.count(), 3, "{first}");
        }
        let mut inbound = inbound();
        for _ in 0..10 {
            for _ in 0..4 {
                assert!(take(&mut inbound, &frame(FIN_BINARY, MASK, &part)));
            }
            assert!(take(&mut inbound, &event()));
            for (first, length) in [(0x01, 5000), (0x00, 5000), (0x80, 5000)] {
                assert!(take(&mut inbound, &frame(first, MASK, &part[..length])));
            }
        }
    }

    #[test]
    fn what_is_no_message_that_can_be_dropped_ends_the_connection_elsewhere() {
        let mut header = vec![FIN_TEXT, MASKED | 127];
        header.extend((MAX_DROPPED_BYTES + 1).to_be_bytes());
        header.extend([0; 4]);
        assert_eq!(inbound().rewrite(&header), header);
    }
}

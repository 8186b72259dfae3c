use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use super::budget::{Budget, LARGE_BYTES, Room};
use super::client_frames::{FIN_BINARY, FIN_TEXT, Header, header_length, put_frame};
use super::dropped::{Dropped, MAX_DROPPED_BYTES, NO_ROOM, TOO_LARGE};
use super::msgpack::{ClientPacket, Encoding, Unreadable, tell_of_malformed};
use super::namespaces::Namespaces;
use super::packet::{NoPacket, PacketReader};
use super::plain_name::PlainName;

/// Maximum number of frames of one message that are read while reading from the client is paused.
const MAX_FRAGMENTS: usize = 1024;

/// The number of bytes of a text that are unmasked at a time for parsing.
const UNMASKED_BYTES: usize = 512;

/// Follows the frames that a client sends on a websocket, however they are split into reads. It counts them, knows
/// where each message ends, and [replaces](Dropped::replacement) messages that are too large. MessagePack packets are
/// translated once they are complete, and the names of events are [written plainly](PlainName). Everything else
/// passes untouched and in place, up to the first message that is no packet.
///
/// Fragmented messages pass too: the websocket library has the same limit, and ends the connection there. No
/// Socket.IO client sends fragments. In one that does, an escaped event name must not continue in another frame.
#[derive(Debug)]
pub(super) struct Inbound {
    place: Place,
    /// The number of frames of a message that has not ended yet.
    fragments: usize,
    /// The maximum size of a message in bytes.
    max: u64,
    budget: Arc<Budget>,
    address: Option<IpAddr>,
    /// The encoding of the client's packets.
    encoding: Arc<Encoding>,
    namespaces: Arc<Namespaces>,
    /// Reads the current text message.
    packet: PacketReader,
    /// Writes the name of its event, from an escape to the end of the name.
    name: Option<PlainName>,
    /// Whether the current message is a text.
    is_text: bool,
    /// Whether a message was no packet. Nothing passes from then on.
    has_no_packet: bool,
    /// For the large message that is being read.
    room: Option<Room>,
    /// Bytes kept of messages that have ended, or of parts of one.
    gathered: Gathered,
    gathered_room: Option<Room>,
    /// Whether there was no room for those bytes.
    has_no_room: bool,
    /// Whether a message has begun that is too large to be read at all.
    has_overlong: bool,
}

/// What happens to bytes from a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// The number of bytes that this covers, up to the end of a message.
    pub(super) bytes: usize,
    /// The number of frames that begin in them.
    pub(super) frames: u64,
    /// What is read instead of them and of those held back before; none if they pass as they are.
    pub(super) rewritten: Option<Vec<u8>>,
}

/// The position of the next byte in the stream.
#[derive(Debug)]
enum Place {
    /// At the start of a frame, or in its header, of which these bytes are held back.
    Header(Vec<u8>),
    /// In the payload of a frame that passes.
    Payload(Payload),
    /// In the payload of a message that is dropped.
    Dropping(Box<Dropping>),
    /// In a MessagePack packet.
    Gathering(Box<Gathering>),
}

#[derive(Debug, Clone, Copy)]
struct Payload {
    /// The number of bytes to come, at least one.
    left: u64,
    /// For a text message, the mask of the bytes to come.
    text: Option<[u8; 4]>,
    /// Whether it ends the message.
    is_last: bool,
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

/// The bytes to read instead of the input. Copies nothing as long as they are the same.
struct Output<'a> {
    read: &'a [u8],
    /// The number of leading bytes that pass.
    kept: usize,
    /// The replacement, if they differ.
    other: Option<Vec<u8>>,
}

impl Inbound {
    /// Creates a filter for messages of up to this many bytes; large ones need room in the budget.
    pub(super) fn new(
        max: usize,
        budget: Arc<Budget>,
        address: Option<IpAddr>,
        encoding: Arc<Encoding>,
        namespaces: Arc<Namespaces>,
    ) -> Self {
        Self {
            place: Place::default(),
            fragments: 0,
            max: max as u64,
            budget,
            address,
            encoding,
            namespaces,
            packet: PacketReader::default(),
            name: None,
            is_text: false,
            has_no_packet: false,
            room: None,
            gathered: Gathered::default(),
            gathered_room: None,
            has_no_room: false,
            has_overlong: false,
        }
    }

    /// Returns whether a message has begun that is too large to be read at all: the websocket library ends the
    /// connection.
    pub(super) fn has_overlong(&self) -> bool {
        self.has_overlong
    }

    /// Returns whether the connection has to end: a message in parts needs room that is not available.
    pub(super) fn has_no_room(&self) -> bool {
        self.has_no_room
    }

    /// Returns whether the connection has to end after what has passed: a message was no packet.
    pub(super) fn has_no_packet(&self) -> bool {
        self.has_no_packet
    }

    /// Returns whether the next byte begins a message.
    pub(super) fn is_between(&self) -> bool {
        self.fragments == 0 && matches!(&self.place, Place::Header(held) if held.is_empty())
    }

    /// Returns how many of the bytes to come belong to the current message, as far as is known; none if it has very
    /// many frames, which no Socket.IO client sends.
    pub(super) fn wanted(&self) -> usize {
        let left = match &self.place {
            Place::Payload(payload) => payload.left,
            Place::Dropping(dropping) => dropping.left,
            Place::Gathering(gathering) => gathering.left,
            Place::Header(_) if self.is_between() || self.fragments > MAX_FRAGMENTS => return 0,
            Place::Header(held) => return header_length(held) - held.len(),
        };
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    /// Takes bytes that were read, up to the end of a message. The end of the stream, an empty slice, passes wherever
    /// it occurs.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Read {
        let mut out = Output { read: bytes, kept: 0, other: None };
        let (mut at, mut frames) = (0, 0);
        while at < bytes.len() && !self.has_no_packet && (at == 0 || !self.is_between()) {
            let rest = &bytes[at..];
            let part = |left: u64| u64::min(left, rest.len() as u64) as usize;
            match &mut self.place {
                Place::Header(held) => {
                    let before = held.len();
                    if before > 0 || Header::read(rest).is_none() {
                        // As much as is known to belong to it.
                        let missing = header_length(held) - before;
                        held.extend_from_slice(&rest[..missing.min(rest.len())]);
                    }
                    let Some(header) = Header::read(if held.is_empty() { rest } else { held })
                    else {
                        at += held.len() - before;
                        continue;
                    };
                    let held = std::mem::take(held);
                    let end = at + header.bytes - before;
                    frames += 1;
                    match self.begin(&header, &mut out) {
                        _ if self.has_no_packet => break,
                        true if held.is_empty() => out.keep(at..end),
                        true => out.put(&held),
                        false => {}
                    }
                    at = end;
                }
                Place::Payload(payload) => {
                    let (payload, end) = (*payload, at + part(payload.left));
                    match self.pass(payload, &bytes[at..end]) {
                        Ok(None) => out.keep(at..end),
                        Ok(Some(other)) => out.put(&other),
                        Err(NoPacket) => {
                            self.has_no_packet = true;
                            break;
                        }
                    }
                    at = end;
                }
                Place::Dropping(dropping) => {
                    let end = at + part(dropping.left);
                    dropping.take(&bytes[at..end]);
                    at = end;
                    if dropping.left == 0 {
                        let replacement = dropping.dropped.replacement();
                        put_frame(FIN_TEXT, replacement.as_bytes(), out.other());
                        self.place = Place::default();
                    }
                }
                Place::Gathering(gathering) => {
                    let end = at + part(gathering.left);
                    gathering.take(&bytes[at..end]);
                    at = end;
                    if gathering.left == 0 {
                        let message = std::mem::take(&mut gathering.message);
                        self.has_no_packet = self.translate(&message, &mut out).is_err();
                        self.room = None;
                        self.place = Place::default();
                    }
                }
            }
        }
        if self.has_no_packet {
            at = bytes.len();
        }
        Read { bytes: at, frames, rewritten: out.finish(at) }
    }

    /// Passes the next bytes of a payload. Returns what to read instead if they do not pass. At the end of the
    /// payload its room is given back.
    ///
    /// # Errors
    /// The bytes belong to a text that is no packet.
    fn pass(&mut self, mut payload: Payload, bytes: &[u8]) -> Result<Option<Vec<u8>>, NoPacket> {
        let mut other: Option<Vec<u8>> = None;
        if let Some(mask) = &mut payload.text {
            let mut at = 0;
            for part in bytes.chunks(UNMASKED_BYTES) {
                let mut text = [0; UNMASKED_BYTES];
                let text = &mut text[..part.len()];
                unmask(part, *mask, text);
                let mut read = self.packet.read(text)?;
                if read < text.len() {
                    self.packet.read(&text[read..])?;
                    self.name = Some(PlainName::default());
                } else if self.name.is_some() {
                    read = 0;
                }
                if read < text.len() {
                    let other = other.get_or_insert_with(|| bytes[..at].to_vec());
                    other.extend_from_slice(&part[..read]);
                    self.write_name(&text[read..], *mask, read, other);
                } else if let Some(other) = &mut other {
                    other.extend_from_slice(part);
                }
                mask.rotate_left(part.len() % 4);
                at += part.len();
            }
        }
        payload.left -= bytes.len() as u64;
        if payload.left > 0 {
            self.place = Place::Payload(payload);
            return Ok(other);
        }
        self.room = None;
        self.place = Place::default();
        if payload.text.is_some() && self.name.is_some() {
            // Its length was in the header.
            return Err(NoPacket);
        }
        if payload.is_last && payload.text.is_some() {
            self.packet.end(&self.namespaces)?;
        }
        Ok(other)
    }

    /// Writes, with this mask, the replacement for a text that begins `at` bytes after it.
    fn write_name(&mut self, text: &[u8], mut mask: [u8; 4], at: usize, out: &mut Vec<u8>) {
        let Some(name) = &mut self.name else { return };
        mask.rotate_left(at % 4);
        mask.rotate_right(name.behind() % 4);
        let mut plain = Vec::with_capacity(text.len());
        name.read(text, &mut plain);
        if name.has_ended() {
            self.name = None;
        }
        out.extend(plain.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }

    /// Begins a frame. Returns whether its header passes, as it does unless the message is dropped or translated.
    fn begin(&mut self, header: &Header, out: &mut Output<'_>) -> bool {
        let left = header.length;
        match (header.is_control(), header.is_last()) {
            (true, _) => {}
            (false, true) => self.fragments = 0,
            (false, false) => self.fragments += 1,
        }
        if !header.is_control() && !header.goes_on() {
            self.is_text = header.begins_text();
            self.packet = PacketReader::default();
            self.name = None;
        }
        match header.first {
            FIN_BINARY => self.encoding.sent_binary(),
            _ if header.begins_text() => self.encoding.sent_text(left),
            _ => {}
        }
        let is_msgpack = header.first == FIN_BINARY && self.encoding.is_msgpack();
        if !is_msgpack {
            self.gather(self.gathered.with(header));
        }
        let why = self.why_dropped(header, is_msgpack);
        if let (Some(why), Some(mask)) = (why, header.mask) {
            let dropped = if is_msgpack { Dropped::msgpack(why) } else { Dropped::new(why) };
            self.place = Place::Dropping(Box::new(Dropping { left, mask, dropped }));
            return false;
        }
        match header.mask.filter(|_| is_msgpack && left <= self.max) {
            Some(_) if left == 0 => {
                self.has_no_packet = self.translate(&[], out).is_err();
                self.place = Place::default();
                return false;
            }
            Some(mask) => {
                let message = Vec::new();
                self.place = Place::Gathering(Box::new(Gathering { left, mask, message }));
                return false;
            }
            None => {}
        }
        let is_last = header.is_last();
        let text = header.mask.filter(|_| self.is_text && !header.is_control());
        // An empty frame ends here.
        self.has_no_packet = self.pass(Payload { left, text, is_last }, &[]).is_err();
        true
    }

    /// Takes room for the bytes that are kept now, or gives it back.
    fn gather(&mut self, gathered: Gathered) {
        self.gathered = gathered;
        let bytes = gathered.bytes as usize;
        if bytes <= LARGE_BYTES {
            self.gathered_room = None;
            return;
        }
        let has_room = self.budget.grow(&mut self.gathered_room, self.address, bytes);
        self.has_no_room |= !has_room;
    }

    /// Returns why a message cannot be read; none if it can.
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

    /// Writes the frames that replace a MessagePack packet.
    ///
    /// # Errors
    /// It is no packet.
    fn translate(&self, message: &[u8], out: &mut Output<'_>) -> Result<(), NoPacket> {
        match ClientPacket::read(message, self.max as usize) {
            Ok(ClientPacket { text, attachments }) => {
                let mut text = text.into_bytes();
                PacketReader::check(&mut text, &self.namespaces)?;
                put_frame(FIN_TEXT, &text, out.other());
                attachments.iter().for_each(|bytes| put_frame(FIN_BINARY, bytes, out.other()));
            }
            Err(Unreadable::TooLarge) => {
                let mut dropped = Dropped::msgpack(TOO_LARGE);
                dropped.take(message.len(), message.iter().copied());
                put_frame(FIN_TEXT, dropped.replacement().as_bytes(), out.other());
            }
            Err(why) => {
                tell_of_malformed(why);
                return Err(NoPacket);
            }
        }
        Ok(())
    }
}

/// Unmasks bytes, eight at a time: the mask repeats every four.
fn unmask(bytes: &[u8], mask: [u8; 4], text: &mut [u8]) {
    let twice = u64::from(u32::from_ne_bytes(mask)) * 0x1_0000_0001;
    let (eights, rest) = bytes.as_chunks::<8>();
    let (out, out_rest) = text.as_chunks_mut::<8>();
    for (text, eight) in out.iter_mut().zip(eights) {
        *text = (u64::from_ne_bytes(*eight) ^ twice).to_ne_bytes();
    }
    let mask = mask.iter().cycle();
    out_rest.iter_mut().zip(rest).zip(mask).for_each(|((text, byte), mask)| *text = byte ^ mask);
}

/// Bytes that are kept downstream: those of a message in several frames until the last one arrives, and an event's
/// attachments until the next message. The limit on single messages does not cover them.
#[derive(Debug, Clone, Copy, Default)]
struct Gathered {
    bytes: u64,
    /// Whether the message in several frames is a text.
    is_text: bool,
}

impl Gathered {
    fn with(self, header: &Header) -> Self {
        let Self { bytes, is_text } = self;
        match header.first {
            // A heartbeat, which may come between an event and its attachments, has one byte.
            FIN_TEXT if header.length > 1 => Self::default(),
            FIN_TEXT => self,
            _ if header.is_control() => self,
            _ if header.goes_on() && header.is_last() && is_text => Self::default(),
            _ => Self {
                bytes: bytes.saturating_add(header.length),
                is_text: if header.goes_on() { is_text } else { header.begins_text() },
            },
        }
    }
}

impl Output<'_> {
    /// Passes these bytes.
    fn keep(&mut self, range: Range<usize>) {
        if self.other.is_none() && range.start == self.kept {
            self.kept = range.end;
        } else {
            let read = self.read;
            self.put(&read[range]);
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.other().extend_from_slice(bytes);
    }

    /// Starts a replacement from here on.
    fn other(&mut self) -> &mut Vec<u8> {
        self.other.get_or_insert_with(|| self.read[..self.kept].to_vec())
    }

    /// Returns the replacement, if it differs from the bytes up to `end`.
    fn finish(mut self, end: usize) -> Option<Vec<u8>> {
        if self.other.is_none() && self.kept == end {
            return None;
        }
        Some(std::mem::take(self.other()))
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
        // The position within the mask after the previous bytes.
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::client_frames::PONG;
    use super::*;

    const MAX: usize = 20_000;
    const MASKED: u8 = 0x80;

    /// Of a client that has sent a packet of JSON.
    fn inbound() -> Inbound {
        let inbound = fresh();
        inbound.encoding.sent_text(2);
        inbound
    }

    /// The client is connected to the main namespace.
    fn connected() -> Arc<Namespaces> {
        Arc::new(Namespaces::of(&["/"]))
    }

    /// Of a client that has sent nothing yet.
    fn fresh() -> Inbound {
        let budget = Arc::new(Budget::new("tests", 80_000));
        Inbound::new(MAX, budget, Some([192, 0, 2, 1].into()), Arc::default(), connected())
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
            out.extend(read_part(&mut inbound, &bytes[cut[0]..cut[1]]));
        }
        out
    }

    /// What is read in the place of these bytes.
    fn read_part(inbound: &mut Inbound, mut bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let read = inbound.read(bytes);
            let (message, rest) = bytes.split_at(read.bytes);
            assert!(!message.is_empty() && (rest.is_empty() || inbound.is_between()));
            out.extend(read.rewritten.unwrap_or_else(|| message.to_vec()));
            bytes = rest;
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
        // A text in several frames is no packet when each of them is one.
        (first, mask, payload).prop_map(|(first, mask, payload)| match first {
            0x01 | 0x80 => (first, mask, "a".repeat(payload.len())),
            _ => (first, mask, payload),
        })
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
        let mut streams = [(); 2]
            .map(|()| Inbound::new(MAX, Arc::clone(&budget), address, Arc::default(), connected()));
        let (begun, rest) = large.split_at(500);
        assert_eq!(read_part(&mut streams[0], begun), begun);
        let replaced = read_part(&mut streams[1], &large);
        assert!(replaced.ends_with(b"427[\"no room\",17007]"), "{replaced:?}");
        assert_eq!(streams[0].read(rest).rewritten, None, "who was first goes on");
        assert_eq!(read_part(&mut streams[1], &large), large, "and makes room at the end");
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
    fn names_of_events_are_written_plainly_however_they_are_cut() {
        let mask = Some([9, 8, 7, 6]);
        let long = "x".repeat(UNMASKED_BYTES);
        let argument = format!("{{\"\\n\":\"{long}\\n\"}}");
        let frames = |names: [&str; 4]| {
            let [cafe, chat, all, many] = names;
            [
                frame(0x89, mask, b"ping"),
                frame(FIN_TEXT, mask, format!("427[\"{cafe},{argument}]").as_bytes()),
                frame(FIN_TEXT, mask, b"42[\"e\",\"\\n\"]"),
                frame(FIN_TEXT, mask, format!("42/,[\"{chat}]").as_bytes()),
                frame(0x01, mask, b"451-"),
                frame(0x00, mask, format!("[\"{all},").as_bytes()),
                frame(0x89, mask, b"ping"),
                frame(0x80, mask, b"{\"_placeholder\":true,\"num\":0}]"),
                frame(FIN_BINARY, mask, b"\\"),
                frame(FIN_TEXT, mask, format!("42[\"{long}{many},{argument}]").as_bytes()),
            ]
            .concat()
        };
        let escapes = "\\u00e9".repeat(UNMASKED_BYTES);
        let bytes =
            frames(["caf\\u00e9\"", "chat\\u0020message\"", "\\\"\"", &format!("{escapes}\"")]);
        let many = format!("{}\"{}", "é".repeat(UNMASKED_BYTES), " ".repeat(4 * UNMASKED_BYTES));
        let expected = frames(["café\"    ", "chat message\"     ", "\u{7f}\" ", &many]);
        for cut in (0..=bytes.len()).filter(|cut| *cut < 1500 || cut % 211 == 0) {
            assert!(read(&bytes, &[0, cut, bytes.len()]) == expected, "cut at {cut}");
        }
        let each: Vec<usize> = (0..=bytes.len()).collect();
        assert!(read(&bytes, &each) == expected);
        let others = frames(["e\"", "e\"", "e\"", "e\""]);
        let (mut inbound, mut rest) = (inbound(), &*others);
        while !rest.is_empty() {
            let read = inbound.read(rest);
            assert_eq!(read.rewritten, None, "it passes in place");
            rest = &rest[read.bytes..];
        }
    }

    #[test]
    fn a_name_with_an_escape_that_goes_on_in_another_frame_ends_the_connection() {
        let mask = Some([9, 8, 7, 6]);
        for (first, second) in [(r#"42["\"#, r#"u00e9"]"#), (r#"42["\u00e9"#, r#""]"#)] {
            let mut inbound = inbound();
            let parts = [frame(0x01, mask, first.as_bytes()), frame(0x80, mask, second.as_bytes())];
            read_part(&mut inbound, &parts.concat());
            assert!(inbound.has_no_packet(), "{first}");
        }
        let mut inbound = inbound();
        let parts = [frame(0x01, mask, b"42[\"e"), frame(0x80, mask, b"\\u00e9\"]")].concat();
        let expected = [frame(0x01, mask, b"42[\"e"), frame(0x80, mask, "é\"    ]".as_bytes())];
        assert_eq!(read_part(&mut inbound, &parts), expected.concat(), "only the end has one");
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
    fn nothing_passes_from_a_message_on_that_is_no_packet() {
        let mask = Some([9, 8, 7, 6]);
        let long = format!("427[\"x\",\"{}\"]x", "x".repeat(1000));
        let parts = [frame(0x01, mask, b"42[\"e\""), frame(0x80, mask, b"]]")].concat();
        let before = [
            frame(FIN_TEXT, mask, b"421[\"e\"]"),
            frame(0x01, mask, b"422["),
            frame(0x89, mask, b"42["),
            frame(0x00, mask, b"\"e\""),
            frame(0x80, mask, b"]"),
        ]
        .concat();
        for wrong in [
            frame(FIN_TEXT, mask, b"42[\"e\"]x"),
            frame(FIN_TEXT, mask, b"42[\"e\""),
            frame(FIN_TEXT, mask, b"42"),
            frame(FIN_TEXT, mask, b"42/other,[\"e\"]"),
            frame(FIN_TEXT, mask, long.as_bytes()),
            parts,
            [frame(0x01, mask, b"42[\"e\""), frame(0x80, mask, b"")].concat(),
            frame(FIN_BINARY, mask, b""),
            frame(FIN_BINARY, mask, b"\x83\xa4type\x03\xa3nsp\xa1/\xa4data\x90"),
            frame(FIN_BINARY, mask, b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa7connect"),
            frame(FIN_BINARY, mask, &vec![0xc1; 300]),
        ] {
            let bytes = [&*before, &wrong, &frame(FIN_TEXT, mask, b"423[\"e\"]")].concat();
            for cut in 0..=bytes.len() {
                let mut inbound = fresh();
                match wrong[0] {
                    FIN_BINARY => inbound.encoding.sent_binary(),
                    _ => inbound.encoding.sent_text(2),
                }
                let (first, second) = bytes.split_at(cut);
                let mut passed = read_part(&mut inbound, first);
                passed.extend(read_part(&mut inbound, second));
                assert!(inbound.has_no_packet());
                assert!(passed.starts_with(&before) && bytes.starts_with(&passed), "cut at {cut}");
                assert!(passed.len() < before.len() + wrong.len(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_kept_of_messages_in_parts_and_of_attachments_needs_room() {
        const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);
        let part = [0; 5000];
        let event = || frame(FIN_TEXT, MASK, b"42[\"e\"]");
        let take = |inbound: &mut Inbound, bytes: &[u8]| {
            assert_eq!(inbound.read(bytes).rewritten, None);
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
        assert_eq!(read(&header, &[0, header.len()]), header);
    }

    /// A frame with zeros for the mask and the payload.
    fn zeros(first: u8, length: usize) -> Vec<u8> {
        frame(first, Some([0; 4]), &vec![0; length])
    }

    proptest! {
        #[test]
        fn frames_are_counted_however_they_are_cut(
            lengths in vec(prop_oneof![0usize..10, 120usize..130, 65_530usize..65_540], 1..20),
            cuts in vec(1usize..5000, 1..50),
        ) {
            let bytes: Vec<u8> = lengths.iter().flat_map(|&length| zeros(FIN_TEXT, length)).collect();
            let (mut inbound, mut rest, mut begun) = (inbound(), &*bytes, 0);
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                let mut unread = now;
                while !unread.is_empty() {
                    let read = inbound.read(unread);
                    begun += read.frames;
                    unread = &unread[read.bytes..];
                    prop_assert!(unread.is_empty() || inbound.is_between());
                }
                rest = later;
                prop_assert!(inbound.wanted() <= rest.len());
                prop_assert_eq!(inbound.wanted() == 0, inbound.is_between());
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(begun, lengths.len() as u64);
            prop_assert!(inbound.is_between());
        }
    }

    #[test]
    fn a_message_of_several_frames_ends_with_the_last() {
        let mut inbound = inbound();
        for (bytes, between) in [
            (zeros(0x01, 5), false),
            (zeros(0x89, 3), false),
            (zeros(0x00, 0), false),
            (zeros(0x80, 200), true),
            (zeros(0x89, 0), true),
        ] {
            assert_eq!(inbound.read(&bytes).frames, 1);
            assert_eq!(inbound.is_between(), between);
        }
        assert_eq!(inbound.read(&PONG).frames, 1);
        assert!(inbound.is_between());
    }

    #[test]
    fn a_message_without_end_is_not_read_for_ever() {
        let mut inbound = inbound();
        inbound.read(&zeros(0x01, 1));
        for _ in 0..MAX_FRAGMENTS {
            assert_eq!(inbound.wanted(), 2);
            inbound.read(&zeros(0x00, 1));
        }
        assert_eq!(inbound.wanted(), 0);
    }
}

mod gathered;
mod held;
mod output;
mod text;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::gathered::Gathered;
use self::held::Held;
use self::output::Output;
use self::text::TextReader;
use super::budget::{Budget, LARGE_BYTES, Reservation};
use super::client_frames::{FIN_TEXT, Header, header_length};
use super::dropped::{MAX_DROPPED_BYTES, NO_ROOM, TOO_LARGE};
use super::packet::NoPacket;
use super::{Farewell, Link};

/// Maximum number of frames of one message that are read while reading from the client is paused.
const MAX_FRAGMENTS: usize = 1024;

/// Follows the frames that a client sends on a websocket, however they are split into reads. It counts them, knows
/// where each message ends, and replaces messages that are too large. MessagePack packets are translated once they
/// are complete, and the names of events are [written plainly](super::plain_name). Text messages in several frames,
/// which no Socket.IO client sends, become one frame. Everything else passes untouched and in place, up to the first
/// message that is no packet.
#[derive(Debug)]
pub(super) struct Inbound {
    place: InboundState,
    /// The number of frames of a message that has not ended yet.
    fragments: usize,
    /// The maximum size of a message in bytes.
    max: u64,
    budget: Arc<Budget>,
    link: Arc<Link>,
    /// Reads the current text message.
    text: TextReader,
    /// The message that is held back.
    held: Option<Box<Held>>,
    /// Whether a message was no packet. Nothing passes from then on.
    has_no_packet: bool,
    /// For the large message that is being read.
    room: Option<Reservation>,
    /// Bytes kept of messages that have ended, or of parts of one.
    gathered: Gathered,
    gathered_room: Option<Reservation>,
    /// Whether there was no room for those bytes.
    has_no_room: bool,
    /// Whether a message has begun that is too large to be read at all, or to be an attachment.
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
enum InboundState {
    /// At the start of a frame, or in its header, of which these bytes are held back.
    Header(Vec<u8>),
    /// In the payload of a frame that passes.
    Payload(Payload),
    /// In the payload of a frame of the message that is held back.
    Held(Payload),
}

#[derive(Debug, Clone, Copy)]
struct Payload {
    /// The number of bytes to come, at least one.
    left: u64,
    /// The mask of the bytes to come, if they are looked at.
    mask: Option<[u8; 4]>,
}

impl Inbound {
    /// Creates a filter for messages of up to this many bytes; large ones need room in the budget.
    pub(super) fn new(max: usize, budget: Arc<Budget>, link: Arc<Link>) -> Self {
        Self {
            place: InboundState::default(),
            fragments: 0,
            max: max as u64,
            budget,
            link,
            text: TextReader::default(),
            held: None,
            has_no_packet: false,
            room: None,
            gathered: Gathered::default(),
            gathered_room: None,
            has_no_room: false,
            has_overlong: false,
        }
    }

    /// Returns whether the connection has to end: a message has begun that is too large to be read at all, or the
    /// attachments of an event are. The event itself has passed, so it cannot be refused.
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
        self.fragments == 0 && matches!(&self.place, InboundState::Header(held) if held.is_empty())
    }

    /// Returns how many of the bytes to come belong to the current message, as far as is known; none if it has very
    /// many frames, which no Socket.IO client sends.
    pub(super) fn wanted(&self) -> usize {
        match &self.place {
            InboundState::Payload(Payload { left, .. })
            | InboundState::Held(Payload { left, .. }) => {
                usize::try_from(*left).unwrap_or(usize::MAX)
            }
            InboundState::Header(_) if self.is_between() || self.fragments > MAX_FRAGMENTS => 0,
            InboundState::Header(held) => header_length(held) - held.len(),
        }
    }

    /// Takes bytes that were read, up to the end of a message. The end of the stream, an empty slice, passes wherever
    /// it occurs.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Read {
        let mut out = Output::new(bytes);
        let (mut at, mut frames) = (0, 0);
        while at < bytes.len() && !self.has_no_packet && (at == 0 || !self.is_between()) {
            let rest = &bytes[at..];
            let part = |left: u64| u64::min(left, rest.len() as u64) as usize;
            match &mut self.place {
                InboundState::Header(held) => {
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
                InboundState::Payload(payload) => {
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
                InboundState::Held(payload) => {
                    let (payload, end) = (*payload, at + part(payload.left));
                    self.hold(payload, &bytes[at..end], &mut out);
                    at = end;
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
        let other = match &mut payload.mask {
            Some(mask) => self.text.read(bytes, mask)?,
            None => None,
        };
        payload.left -= bytes.len() as u64;
        if payload.left > 0 {
            self.place = InboundState::Payload(payload);
            return Ok(other);
        }
        self.room = None;
        self.place = InboundState::default();
        if payload.mask.is_some() {
            self.text.end(&self.link)?;
        }
        Ok(other)
    }

    /// Takes the next bytes of a payload that is held back, and writes what replaces the message at its end.
    fn hold(&mut self, mut payload: Payload, bytes: &[u8], out: &mut Output<'_>) {
        if let (Some(held), Some(mask)) = (&mut self.held, &mut payload.mask) {
            held.take(bytes, mask);
        }
        payload.left -= bytes.len() as u64;
        if payload.left > 0 {
            self.place = InboundState::Held(payload);
            return;
        }
        self.place = InboundState::default();
        if self.fragments > 0 {
            return;
        }
        self.room = None;
        let Some(held) = self.held.take() else { return };
        let written = held.write(self.max as usize, &self.link, out.other());
        self.has_no_packet = written.is_err();
    }

    /// Begins a frame. Returns whether its header passes, as it does unless the message is held back.
    fn begin(&mut self, header: &Header, out: &mut Output<'_>) -> bool {
        let (left, encoding) = (header.length, &self.link.encoding);
        match (header.is_control(), header.is_last()) {
            (true, _) => {}
            (false, true) => self.fragments = 0,
            (false, false) => self.fragments += 1,
        }
        if header.begins_binary() {
            encoding.sent_binary();
        } else if header.begins_text() {
            // Engine.IO's own messages are not in several frames.
            encoding.sent_text(if header.is_last() { left } else { u64::MAX });
        }
        let is_msgpack = header.begins_binary() && encoding.is_msgpack();
        if header.ends_stream() {
            self.link.note(Farewell::Closed);
        } else if header.begins_binary() && !is_msgpack {
            self.link.take_attachment();
        }
        if !(is_msgpack && header.is_last()) {
            self.gather(self.gathered.with(header, is_msgpack));
        }
        let why = self.why_dropped(header, is_msgpack);
        let bytes = match &self.held {
            _ if header.is_control() => None,
            Some(held) if header.goes_on() => Some(held.bytes().saturating_add(left)),
            Some(_) => {
                // A message has begun in another one.
                self.has_no_packet = true;
                return false;
            }
            None => {
                let is_part = header.begins_text() && !header.is_last();
                (is_msgpack || is_part || why.is_some()).then_some(left)
            }
        };
        self.has_overlong |= bytes.is_some_and(|bytes| bytes > MAX_DROPPED_BYTES);
        if let (Some(bytes @ ..=MAX_DROPPED_BYTES), Some(_)) = (bytes, header.mask) {
            let held = self.held.get_or_insert_with(|| Box::new(Held::new(is_msgpack)));
            if let Some(why) = why.or((bytes > self.max).then_some(TOO_LARGE)) {
                held.drop_because(why);
            }
            // An empty frame ends here.
            self.hold(Payload { left, mask: header.mask }, &[], out);
            return false;
        }
        let mask = header.mask.filter(|_| header.begins_text() && header.is_last());
        // An empty frame ends here.
        self.has_no_packet = self.pass(Payload { left, mask }, &[]).is_err();
        true
    }

    /// Takes room for the bytes that are kept now, or gives it back.
    fn gather(&mut self, gathered: Gathered) {
        self.gathered = gathered;
        self.has_overlong |= gathered.attached() > self.max;
        let bytes = gathered.bytes();
        if bytes <= LARGE_BYTES {
            self.gathered_room = None;
            return;
        }
        let has_room = self.budget.grow(&mut self.gathered_room, self.link.address(), bytes);
        self.has_no_room |= !has_room;
    }

    /// Returns why a message in one frame cannot be read; none if it can.
    fn why_dropped(&mut self, header: &Header, is_msgpack: bool) -> Option<&'static str> {
        let length = header.length;
        self.has_overlong |= length > MAX_DROPPED_BYTES;
        let is_packet = (is_msgpack && header.is_last()) || header.first == FIN_TEXT;
        if !is_packet || length <= LARGE_BYTES as u64 || length > MAX_DROPPED_BYTES {
            return None;
        }
        if length > self.max {
            return Some(TOO_LARGE);
        }
        self.room = self.budget.take(self.link.address(), length as usize);
        self.room.is_none().then_some(NO_ROOM)
    }
}

impl Default for InboundState {
    fn default() -> Self {
        Self::Header(Vec::new())
    }
}

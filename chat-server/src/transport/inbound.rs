use std::net::IpAddr;
use std::sync::Arc;

use super::budget::{Budget, LARGE_BYTES, Room};
use super::oversize::{Dropped, MAX_DROPPED_BYTES, NO_ROOM, TOO_LARGE};

/// A whole text message.
const FIN_TEXT: u8 = 0x81;

const MASKED: u8 = 0x80;

/// Follows the frames that a client sends on a websocket, however they are cut into reads, and
/// [replaces](Dropped::replacement) messages that are too large. All else passes untouched and in place.
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
    /// For the large message that is being read.
    room: Option<Room>,
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
}

#[derive(Debug)]
struct Dropping {
    left: u64,
    mask: [u8; 4],
    dropped: Dropped,
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
    pub(super) fn new(max: usize, budget: Arc<Budget>, address: Option<IpAddr>) -> Self {
        Self {
            place: Place::default(),
            max: max as u64,
            budget,
            address,
            room: None,
            has_overlong: false,
        }
    }

    /// Whether a message has begun that is too large to be read at all: the websocket library ends the connection.
    pub(super) fn has_overlong(&self) -> bool {
        self.has_overlong
    }

    /// Whether all of these bytes pass as they are. If so, they have been followed; if not, nothing has changed, and
    /// they are to be [rewritten](Self::rewrite).
    pub(super) fn passes(&mut self, bytes: &[u8]) -> bool {
        let mut left = match &self.place {
            Place::Header(held) if held.is_empty() => 0,
            Place::Payload(left) => *left,
            _ => return false,
        };
        let mut rest = bytes;
        loop {
            let payload = u64::min(left, rest.len() as u64);
            left -= payload;
            rest = &rest[payload as usize..];
            if rest.is_empty() {
                break;
            }
            match Header::read(rest) {
                Some(header) if header.length <= LARGE_BYTES as u64 => {
                    left = header.length;
                    rest = &rest[header.bytes..];
                }
                _ => return false,
            }
        }
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
                    let (passing, others) =
                        rest.split_at(u64::min(*left, rest.len() as u64) as usize);
                    out.extend_from_slice(passing);
                    let left = *left - passing.len() as u64;
                    rest = others;
                    self.place = self.before_payload(left);
                }
                Place::Dropping(dropping) => {
                    let (now, others) =
                        rest.split_at(u64::min(dropping.left, rest.len() as u64) as usize);
                    dropping.take(now);
                    rest = others;
                    if dropping.left == 0 {
                        out.extend(text_frame(&dropping.dropped.replacement()));
                        self.place = Place::default();
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
        let why = self.why_dropped(header);
        if let (Some(why), Some(mask)) = (why, header.mask) {
            let dropped = Dropped::new(why);
            return Place::Dropping(Box::new(Dropping { left: header.length, mask, dropped }));
        }
        out.extend_from_slice(held);
        self.before_payload(header.length)
    }

    /// Why a message cannot be read, if it cannot.
    fn why_dropped(&mut self, header: &Header) -> Option<&'static str> {
        let length = header.length;
        self.has_overlong |= length > MAX_DROPPED_BYTES;
        if header.first != FIN_TEXT || length <= LARGE_BYTES as u64 || length > MAX_DROPPED_BYTES {
            return None;
        }
        if length > self.max {
            return Some(TOO_LARGE);
        }
        self.room = self.budget.take(self.address, length as usize);
        self.room.is_none().then_some(NO_ROOM)
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

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// A text message of a client, with a mask of zeros. It is short.
fn text_frame(text: &str) -> Vec<u8> {
    const MASK: [u8; 4] = [0; 4];
    let length = text.len();
    let header = match u8::try_from(length) {
        Ok(short) if short < 126 => vec![FIN_TEXT, MASKED | short],
        _ => [&[FIN_TEXT, MASKED | 126][..], &(length as u16).to_be_bytes()].concat(),
    };
    [&header[..], &MASK, text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 20_000;

    fn inbound() -> Inbound {
        Inbound::new(MAX, Arc::new(Budget::new("tests", 80_000)), Some([192, 0, 2, 1].into()))
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
        let mut inbound = inbound();
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
        let mut streams = [(); 2].map(|()| Inbound::new(MAX, Arc::clone(&budget), address));
        let (begun, rest) = large.split_at(500);
        assert_eq!(streams[0].rewrite(begun), begun);
        let replaced = streams[1].rewrite(&large);
        assert!(replaced.ends_with(b"427[\"no room\",17007]"), "{replaced:?}");
        assert!(streams[0].passes(rest), "who was first goes on");
        assert_eq!(streams[1].rewrite(&large), large, "and makes room at the end");
    }

    #[test]
    fn what_is_no_message_that_can_be_dropped_ends_the_connection_elsewhere() {
        let mut header = vec![FIN_TEXT, MASKED | 127];
        header.extend((MAX_DROPPED_BYTES + 1).to_be_bytes());
        header.extend([0; 4]);
        assert_eq!(inbound().rewrite(&header), header);
    }
}

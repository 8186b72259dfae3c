//! Packets of clients that are too large to be read. What they ask for is refused, as anything is that cannot be done,
//! and costs no memory: all but their beginning is dropped as it comes, and Engine.IO gets a short one in their place.

use axum::body::Body;
use http_body_util::BodyExt;
use serde_json::json;

use super::budget::{LARGE_BYTES, Room};

/// A larger packet than this ends the connection. It is not read to its end.
pub(super) const MAX_DROPPED_BYTES: u64 = 16 * 1024 * 1024;

/// The event in the place of one that was too large. Its argument is how many bytes that one had.
pub(crate) const TOO_LARGE: &str = "too large";

/// The event in the place of one for which there was no room at the moment.
pub(crate) const NO_ROOM: &str = "no room";

/// In `auth`, when what a client says there is too large.
pub(crate) const AUTH_TOO_LARGE: &str = "tooLarge";

/// How much of a packet is kept: its type, namespace and ack id.
const HEAD_BYTES: usize = 300;

/// Stands between the packets of a body.
const SEPARATOR: u8 = 0x1e;

/// A packet of which only the beginning is kept.
#[derive(Debug)]
pub(super) struct Dropped {
    /// Why: [`TOO_LARGE`] or [`NO_ROOM`].
    why: &'static str,
    head: Vec<u8>,
    bytes: u64,
}

/// Why a body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is too large in all.
    TooLarge,
    /// It breaks off, or takes too long. Nothing of it counts: the client sends it again.
    Broken,
}

impl Dropped {
    pub(super) fn new(why: &'static str) -> Self {
        Self { why, head: Vec::new(), bytes: 0 }
    }

    /// Takes the next `count` bytes.
    pub(super) fn take(&mut self, count: usize, bytes: impl Iterator<Item = u8>) {
        self.bytes += count as u64;
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(bytes.take(room));
    }

    /// How many bytes were taken.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The packet for Engine.IO in the place of this one: an event or a CONNECT that will be refused; anything else is
    /// empty, which no packet may be.
    pub(super) fn replacement(&self) -> String {
        self.replaced().unwrap_or_default()
    }

    fn replaced(&self) -> Option<String> {
        // The last character may be cut off, and says nothing.
        let head = String::from_utf8_lossy(&self.head);
        let (packet_type, rest) = head.split_at_checked(2)?;
        let (namespace, rest) = match rest.split_once(',') {
            Some((namespace, rest)) if namespace.starts_with('/') => {
                (format!("{namespace},"), rest)
            }
            _ => (String::new(), rest),
        };
        let bytes = self.bytes;
        match packet_type {
            "42" => {
                let ack_id = rest.split('[').next().filter(|_| rest.contains('['))?;
                let is_id = ack_id.bytes().all(|byte| byte.is_ascii_digit());
                is_id.then(|| format!("42{namespace}{ack_id}{}", json!([self.why, bytes])))
            }
            "40" => Some(format!("40{namespace}{}", json!({ AUTH_TOO_LARGE: bytes }))),
            _ => None,
        }
    }
}

/// Reads the body of a request: packets, of which those with more than `max` bytes are replaced, and large ones for
/// which `room` has none. The room is the caller's until they are handled.
pub(super) async fn read(
    mut body: Body,
    max: usize,
    room: impl FnOnce(usize) -> Option<Room>,
) -> Result<(Vec<u8>, Option<Room>), Unread> {
    let mut packets = Packets::new(max, room);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        packets.take(&data)?;
    }
    packets.end_packet();
    Ok((packets.kept, packets.room))
}

struct Packets<F> {
    max: usize,
    /// Asked once: what is kept of a body is no more than one packet may have.
    ask: Option<F>,
    room: Option<Room>,
    kept: Vec<u8>,
    /// Where in it the packet begins that is being read.
    start: usize,
    dropped: Option<Dropped>,
    /// How many bytes there were in all.
    bytes: u64,
}

impl<F: FnOnce(usize) -> Option<Room>> Packets<F> {
    fn new(max: usize, ask: F) -> Self {
        let (kept, dropped) = Default::default();
        Self { max, ask: Some(ask), room: None, kept, start: 0, dropped, bytes: 0 }
    }

    /// Why a packet of this length cannot be kept, if it cannot.
    fn why_dropped(&mut self, length: usize) -> Option<&'static str> {
        if length > self.max {
            return Some(TOO_LARGE);
        }
        if self.kept.len().max(self.start + length) > LARGE_BYTES
            && let Some(ask) = self.ask.take()
        {
            self.room = ask(self.max);
        }
        let has_room = self.room.is_some() || self.start + length <= LARGE_BYTES;
        (!has_room).then_some(NO_ROOM)
    }

    fn take(&mut self, data: &[u8]) -> Result<(), Unread> {
        self.bytes += data.len() as u64;
        if self.bytes > MAX_DROPPED_BYTES {
            return Err(Unread::TooLarge);
        }
        for (index, part) in data.split(|&byte| byte == SEPARATOR).enumerate() {
            if index > 0 {
                self.end_packet();
                self.kept.push(SEPARATOR);
                self.start = self.kept.len();
            }
            // What a client packs into one body is no more than one packet may have.
            if self.start > self.max {
                return Err(Unread::TooLarge);
            }
            if let Some(dropped) = &mut self.dropped {
                dropped.take(part.len(), part.iter().copied());
            } else if let Some(why) = self.why_dropped(self.kept.len() - self.start + part.len()) {
                let mut dropped = Dropped::new(why);
                dropped.take(self.kept.len() - self.start, self.kept.drain(self.start..));
                dropped.take(part.len(), part.iter().copied());
                self.dropped = Some(dropped);
            } else {
                self.kept.extend_from_slice(part);
            }
        }
        Ok(())
    }

    fn end_packet(&mut self) {
        if let Some(dropped) = self.dropped.take() {
            self.kept.extend_from_slice(dropped.replacement().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use std::sync::Arc;

    use super::super::budget::Budget;
    use super::*;

    fn replaced(packet: &str) -> String {
        let mut dropped = Dropped::new(TOO_LARGE);
        packet.as_bytes().chunks(7).for_each(|part| dropped.take(part.len(), part.iter().copied()));
        dropped.replacement()
    }

    #[test]
    fn what_a_packet_asked_for_is_refused_and_what_it_was_is_not_read() {
        for (packet, expected) in [
            ("42[\"chat message\",\"héllo\"]", "42[\"too large\",27]"),
            ("4217[\"join\",\"x\"]", "4217[\"too large\",16]"),
            ("42/admin,3[1]", "42/admin,3[\"too large\",13]"),
            ("40{\"pid\":\"x\"}", "40{\"tooLarge\":13}"),
            ("40/admin,{}", "40/admin,{\"tooLarge\":11}"),
            ("42x[1]", ""),
            ("42123", ""),
            ("451-[1]", ""),
            ("4", ""),
            ("", ""),
        ] {
            assert_eq!(replaced(packet), expected, "{packet}");
        }
        let long = format!("425[\"{}\"]", "é".repeat(1000));
        assert_eq!(replaced(&long), "425[\"too large\",2007]");
    }

    #[tokio::test]
    async fn a_large_packet_needs_room_and_small_ones_do_not() {
        let budget = Arc::new(Budget::new(4 * 100_000));
        let room = |bytes| budget.take(Some([192, 0, 2, 1].into()), bytes);
        let large = format!("421[\"{}\"]", "x".repeat(LARGE_BYTES));
        let body = || Body::from(format!("3\u{1e}{large}\u{1e}422[\"small\"]"));
        let (kept, taken) = read(body(), 100_000, room).await.unwrap();
        assert!(kept.len() > LARGE_BYTES && taken.is_some());
        let (kept, none) = read(body(), 100_000, room).await.unwrap();
        let expected = format!("3\u{1e}421[\"no room\",{}]\u{1e}422[\"small\"]", large.len());
        assert_eq!((String::from_utf8(kept).unwrap(), none.is_none()), (expected, true));
        drop(taken);
        assert!(read(body(), 100_000, room).await.unwrap().1.is_some());
    }

    proptest! {
        #[test]
        fn packets_of_a_body_are_kept_or_replaced_however_it_is_cut(
            sizes in vec((0..60_usize, any::<bool>()), 1..8),
            cuts in vec(any::<prop::sample::Index>(), 0..10),
        ) {
            const MAX: usize = 30;
            let packet = |(size, event): &(usize, bool)| {
                let text = format!("421[\"{}\"]", "x".repeat(*size));
                if *event { text } else { "y".repeat(*size) }
            };
            let packets: Vec<String> = sizes.iter().map(packet).collect();
            let expected: Vec<String> = packets
                .iter()
                .map(|packet| if packet.len() > MAX { replaced(packet) } else { packet.clone() })
                .collect();
            let body = packets.join("\u{1e}");
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
            at.extend([0, body.len()]);
            at.sort_unstable();
            let mut reader = Packets::new(MAX, |_| None);
            let taken: Result<(), Unread> =
                at.windows(2).try_for_each(|cut| reader.take(&body.as_bytes()[cut[0]..cut[1]]));
            reader.end_packet();
            // All before the last packet has to fit.
            let before: usize = expected[..expected.len() - 1].iter().map(|packet| packet.len() + 1).sum();
            prop_assert_eq!(taken.is_ok(), before <= MAX);
            if taken.is_ok() {
                prop_assert_eq!(String::from_utf8(reader.kept).unwrap(), expected.join("\u{1e}"));
            }
        }
    }
}

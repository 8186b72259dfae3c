//! Handling of client packets that are too large to read. The request is refused like any other that cannot be
//! carried out, and costs no memory: all but the beginning is dropped as it arrives, and Engine.IO gets a short
//! replacement.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame};

use super::Link;
use super::budget::{Budget, LARGE_BYTES, Reservation};
use super::dropped::{Dropped, MAX_DROPPED_BYTES, NO_ROOM, TOO_LARGE};
use super::msgpack::polled;
use super::packet::PacketReader;
use super::payload::SEPARATOR;

/// The size up to which a packet in a body needs no room in the budget: more than most, including those with tokens.
const FREE_BYTES: usize = 4 * 1024;

/// The body of a request: packets, a whole one at a time. Packets of more than `max` bytes are replaced, and so are
/// large ones for which there is no room. One that cannot be replaced, such as an attachment, counts as no packet.
///
/// A truncated body ends with an error, and so does one of more than 16 MiB, an empty one, and one with a message
/// that is no packet, after the packets before it.
pub(super) struct ShrunkBody {
    body: Body,
    packets: Packets,
    ended: bool,
}

impl ShrunkBody {
    pub(super) fn new(body: Body, max: usize, budget: Arc<Budget>, link: Arc<Link>) -> Self {
        Self { body, packets: Packets::new(max, budget, link), ended: false }
    }
}

impl HttpBody for ShrunkBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        loop {
            if let Some(packet) = this.packets.whole.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(packet))));
            }
            if this.packets.has_no_packet || (this.ended && this.packets.passed == 0) {
                return Poll::Ready(Some(Err(io::Error::other("a message is no packet"))));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap_or_default();
                    if let Err(error) = this.packets.take(&data) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None => {
                    this.packets.end_packet();
                    this.ended = true;
                }
            }
        }
    }
}

pub(super) struct Packets {
    max: usize,
    budget: Arc<Budget>,
    link: Arc<Link>,
    /// Whether a message was no packet. Nothing is taken from then on.
    pub(super) has_no_packet: bool,
    /// For the large packets of this body. Kept to its end: they are handled one after the other.
    room: Option<Reservation>,
    /// The bytes so far of a packet that is kept.
    packet: Vec<u8>,
    /// The packet, if it is not kept.
    dropped: Option<Dropped>,
    /// Packets that are complete, with the separator after each.
    pub(super) whole: VecDeque<Bytes>,
    /// The total number of bytes.
    bytes: u64,
    /// The number of bytes of whole packets.
    passed: usize,
}

impl Packets {
    pub(super) fn new(max: usize, budget: Arc<Budget>, link: Arc<Link>) -> Self {
        Self {
            max,
            budget,
            link,
            has_no_packet: false,
            room: None,
            packet: Vec::new(),
            dropped: None,
            whole: VecDeque::new(),
            bytes: 0,
            passed: 0,
        }
    }

    /// Returns why a packet of this length cannot be kept; none if it can.
    fn why_dropped(&mut self, length: usize, is_msgpack: bool) -> Option<&'static str> {
        let max = if is_msgpack { polled::base64_len(self.max) } else { self.max };
        if length > max {
            return Some(TOO_LARGE);
        }
        let needed = match length {
            _ if length <= FREE_BYTES => 0,
            _ if length <= LARGE_BYTES => LARGE_BYTES,
            _ => self.max,
        };
        let has_room = self.budget.grow(&mut self.room, self.link.address(), needed);
        (!has_room).then_some(NO_ROOM)
    }

    pub(super) fn take(&mut self, data: &[u8]) -> io::Result<()> {
        self.bytes += data.len() as u64;
        if self.bytes > MAX_DROPPED_BYTES {
            return Err(io::Error::other("the body is too large"));
        }
        for (index, part) in data.split(|&byte| byte == SEPARATOR).enumerate() {
            if index > 0 {
                self.packet_ended(&[SEPARATOR]);
            }
            if self.has_no_packet {
                break;
            }
            match &mut self.dropped {
                Some(dropped) => dropped.take(part.len(), part.iter().copied()),
                None => self.take_part(part),
            }
        }
        Ok(())
    }

    /// Takes a part of a packet that was kept until now.
    fn take_part(&mut self, part: &[u8]) {
        let first = self.packet.first().or(part.first());
        let is_binary = first == Some(&polled::BINARY);
        let is_msgpack = is_binary && !self.link.encoding.is_json();
        let bytes = self.packet.len() + part.len();
        let Some(why) = self.why_dropped(bytes, is_msgpack) else {
            self.packet.extend_from_slice(part);
            return;
        };
        let mut dropped = if is_msgpack {
            self.link.encoding.sent_binary();
            Dropped::base64(why)
        } else {
            self.link.encoding.sent_text(bytes as u64);
            Dropped::new(why)
        };
        let packet = std::mem::take(&mut self.packet);
        dropped.take(packet.len(), packet.into_iter());
        dropped.take(part.len(), part.iter().copied());
        self.dropped = Some(dropped);
    }

    pub(super) fn end_packet(&mut self) {
        self.packet_ended(&[]);
    }

    fn packet_ended(&mut self, separator: &[u8]) {
        let mut packet = match self.dropped.take() {
            Some(dropped) => {
                let replacement = dropped.replacement_or_end(&self.link);
                if replacement.is_empty() {
                    self.has_no_packet = true;
                    return;
                }
                replacement.into_bytes()
            }
            None => {
                let packet = std::mem::take(&mut self.packet);
                let encoding = &self.link.encoding;
                let mut packets = polled::from_client(packet, encoding, self.max, self.passed);
                // Attachments follow the text that was a MessagePack packet.
                let text = packets.split_mut(|&byte| byte == SEPARATOR).next().unwrap_or_default();
                let checked = match text.first() {
                    None => Ok(()),
                    Some(&polled::BINARY) => {
                        self.link.take_attachment();
                        Ok(())
                    }
                    Some(_) => PacketReader::check(text, &self.link),
                };
                if checked.is_err() {
                    self.has_no_packet = true;
                    return;
                }
                packets
            }
        };
        self.passed += packet.len();
        packet.extend_from_slice(separator);
        if !packet.is_empty() {
            self.whole.push_back(packet.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use http_body_util::BodyExt;

    use super::*;

    /// Of a client that is connected to the main namespace.
    fn replaced(packet: &str) -> String {
        let mut dropped = Dropped::new(TOO_LARGE);
        dropped.take(packet.len(), packet.bytes());
        dropped.replacement()
    }

    fn connected() -> Arc<Link> {
        Arc::new(Link::connected([192, 0, 2, 1]))
    }

    async fn read(body: Body, budget: &Arc<Budget>) -> String {
        let body = ShrunkBody::new(body, 100_000, Arc::clone(budget), connected());
        String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_large_packet_needs_room_and_small_ones_do_not() {
        let budget = Arc::new(Budget::new("tests", 4 * 100_000));
        let large = format!("421[\"{}\"]", "x".repeat(LARGE_BYTES));
        let body = format!("3\u{1e}{large}\u{1e}422[\"small\"]");
        assert_eq!(read(Body::from(body.clone()), &budget).await, body);
        let taken = budget.take(Some([192, 0, 2, 1].into()), 10);
        let expected = format!("3\u{1e}421[\"no room\",{}]\u{1e}422[\"small\"]", large.len());
        assert_eq!(read(Body::from(body.clone()), &budget).await, expected);
        drop(taken);
        assert_eq!(read(Body::from(body.clone()), &budget).await, body, "it is given back");
    }

    #[tokio::test]
    async fn a_packet_of_some_size_needs_room_for_its_size() {
        let budget = Arc::new(Budget::new("tests", 4 * 100_000));
        let address = Some([192, 0, 2, 1].into());
        let [small, some] = [1000, 5000].map(|bytes| format!("421[\"{}\"]", "x".repeat(bytes)));
        let _most = budget.take(address, 100_000 - LARGE_BYTES).unwrap();
        assert_eq!(read(Body::from(some.clone()), &budget).await, some);
        let _rest = budget.take(address, 1).unwrap();
        assert_eq!(read(Body::from(some), &budget).await, "421[\"no room\",5007]");
        assert_eq!(read(Body::from(small.clone()), &budget).await, small);
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
            // One that cannot be replaced ends it.
            let expected: Vec<String> = packets
                .iter()
                .map(|packet| if packet.len() > MAX { replaced(packet) } else { packet.clone() })
                .zip(&packets)
                .take_while(|(replaced, packet)| !replaced.is_empty() || packet.is_empty())
                .map(|(replaced, _)| replaced)
                .collect();
            let (before, is_whole) = (expected.len(), expected.len() == packets.len());
            let body = packets.join("\u{1e}");
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
            at.extend([0, body.len()]);
            at.sort_unstable();
            let mut reader = Packets::new(MAX, Arc::new(Budget::new("tests", 0)), connected());
            for cut in at.windows(2) {
                if !reader.has_no_packet {
                    reader.take(&body.as_bytes()[cut[0]..cut[1]]).unwrap();
                }
            }
            if !reader.has_no_packet {
                reader.end_packet();
            }
            prop_assert_eq!(reader.has_no_packet, !is_whole);
            let mut expected = expected.join("\u{1e}");
            if before > 0 && !is_whole {
                expected.push('\u{1e}');
            }
            let whole = reader.whole.make_contiguous().concat();
            prop_assert_eq!(String::from_utf8(whole).unwrap(), expected);
        }
    }
}

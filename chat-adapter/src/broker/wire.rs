//! The encoding of frames for a broker.
//!
//! Without a [`ClusterSecret`], it is the output of [`Frame::encode`]. With one it is text too, because not every
//! broker carries other bytes:
//!
//! ```text
//! mac1 <HMAC-SHA256 in 64 hexadecimal digits> <what Frame::encode gives>
//! ```
//!
//! The code covers the name of this format, the channel, stream or subject, and the frame. So it is valid for no
//! other use of the secret, no other channel of the broker, and no later format.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chat_core::{Frame, FrameError};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokio::time::Instant;

use crate::{ClusterSecret, Incoming};

/// Longer frames are sent without their messages, so that buffers in brokers and connections are bounded in bytes
/// too. Longer incoming frames are not ours.
pub(crate) const MAX_FRAME: usize = 256 * 1024;

/// The beginning of a signed frame, which is the name of the format.
const SIGNED: &[u8] = b"mac1 ";

/// The length of the code in bytes: two digits per byte.
const CODE: usize = 64;

/// How much longer a signed frame is: the beginning, the code and a space.
const OVERHEAD: usize = SIGNED.len() + CODE + 1;

/// The minimum time between two gaps caused by frames that are not trusted.
const GAP_INTERVAL: Duration = Duration::from_secs(1);

/// Encodes and decodes the frames of one channel; signed if there is a secret.
#[derive(Clone, Default)]
pub(crate) struct Wire {
    /// One for each line of the secret; the first one signs. Each has already processed the prefix before a frame.
    keys: Arc<[Hmac<Sha256>]>,
}

impl Wire {
    /// Creates the wire format for a channel, a stream or a subject of this name.
    pub(crate) fn new(secret: Option<&ClusterSecret>, channel: &str) -> Self {
        let key = |line: &[u8]| {
            // An HMAC takes a key of any length.
            let mut key = Hmac::<Sha256>::new_from_slice(line).ok()?;
            key.update(b"chat-adapter frame ");
            key.update(SIGNED);
            key.update(channel.as_bytes());
            // No name contains it, so different pairs of name and frame never give the same bytes.
            key.update(b"\0");
            Some(key)
        };
        let lines = secret.into_iter().flat_map(ClusterSecret::lines);
        Self { keys: lines.filter_map(key).collect() }
    }

    /// Returns whether an incoming frame was certainly published by a node of this chat.
    pub(crate) fn is_signed(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Encodes the frame in at most `limit` bytes. A frame that does not fit is reduced to an append notification,
    /// for which the other nodes read the store.
    pub(crate) fn encode(&self, frame: &Frame, limit: usize) -> Vec<u8> {
        let limit = if self.is_signed() { limit.saturating_sub(OVERHEAD) } else { limit };
        let mut bytes = frame.encode();
        if bytes.len() > limit
            && let Cow::Owned(notification) = frame.without_messages()
        {
            bytes = notification.encode();
        }
        let Some(key) = self.keys.first() else { return bytes };
        let code = key.clone().chain_update(&bytes).finalize().into_bytes();
        let mut signed = Vec::with_capacity(OVERHEAD + bytes.len());
        signed.extend_from_slice(SIGNED);
        signed.extend_from_slice(HEXLOWER.encode(&code).as_bytes());
        signed.push(b' ');
        signed.extend_from_slice(&bytes);
        signed
    }

    /// Returns a decoder for what other nodes wrote in this format.
    pub(crate) fn decoder(&self) -> Decoder {
        Decoder { wire: self.clone(), ..Decoder::default() }
    }

    /// Returns the frame in these bytes once its origin is verified.
    fn open<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], Distrust> {
        let signed = bytes.strip_prefix(SIGNED).and_then(|rest| rest.split_at_checked(CODE));
        let signed = signed.and_then(|(code, rest)| Some((code, rest.strip_prefix(b" ")?)));
        match (signed, self.is_signed()) {
            (None, false) => Ok(bytes),
            (None, true) => Err(Distrust::Unsigned),
            // Nothing in it is trusted here anyway: see `Broadcast::is_authenticated`.
            (Some((_, frame)), false) => Ok(frame),
            (Some((code, frame)), true) => {
                let code = HEXLOWER_PERMISSIVE.decode(code).map_err(|_| Distrust::Forged)?;
                let fits = |key: &Hmac<Sha256>| {
                    // Takes the same time wherever the first difference is.
                    key.clone().chain_update(frame).verify_slice(&code).is_ok()
                };
                if self.keys.iter().any(fits) { Ok(frame) } else { Err(Distrust::Forged) }
            }
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("signed", &self.is_signed()).finish_non_exhaustive()
    }
}

/// Why a frame is not trusted to come from a node of this chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Distrust {
    Unsigned,
    Forged,
}

/// Decodes what other nodes wrote, and warns once about each kind of problem: unreadable or not trusted.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    wire: Wire,
    versions: BTreeSet<u32>,
    malformed: bool,
    distrusted: BTreeSet<Distrust>,
    /// When an untrusted frame last counted as a gap.
    gap: Option<Instant>,
    told_of_signatures: bool,
}

impl Decoder {
    /// Nobody runs more versions than this side by side. A frame that claims yet another version is not ours, and
    /// must fill neither the memory nor the log.
    const VERSIONS: usize = 8;

    /// Returns the frame, or nothing if it has another version or is no frame. A frame that is not trusted is a gap,
    /// at most once a second: it may be from a node that has another secret, or none yet.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> Option<Incoming> {
        match self.wire.open(bytes) {
            Ok(frame) => {
                if frame.len() < bytes.len() && !self.wire.is_signed() {
                    self.tell_of_signatures();
                }
                self.read(frame)
            }
            Err(distrust) => self.distrust(distrust),
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Option<Incoming> {
        if bytes.len() > MAX_FRAME {
            self.tell_of_malformed(&format_args!("{} bytes, {MAX_FRAME} is the most", bytes.len()));
            return None;
        }
        match Frame::decode(bytes) {
            Ok(frame) => return Some(Incoming::Frame(Arc::new(frame))),
            Err(error @ FrameError::Version { found }) => {
                if self.versions.len() < Self::VERSIONS && self.versions.insert(found) {
                    tracing::warn!("frames of another node are ignored: {error}");
                }
            }
            Err(error) => self.tell_of_malformed(&error),
        }
        None
    }

    fn distrust(&mut self, distrust: Distrust) -> Option<Incoming> {
        if self.distrusted.insert(distrust) {
            match distrust {
                Distrust::Unsigned => tracing::warn!(
                    "a frame that is not signed was ignored: all nodes need the cluster secret"
                ),
                Distrust::Forged => tracing::warn!(
                    "a frame that is signed with another secret was ignored: all nodes need the \
                     same cluster secret, and the same name for the channel"
                ),
            }
        }
        let now = Instant::now();
        if self.gap.is_some_and(|gap| now < gap + GAP_INTERVAL) {
            return None;
        }
        self.gap = Some(now);
        Some(Incoming::Gap)
    }

    fn tell_of_malformed(&mut self, error: &dyn fmt::Display) {
        if !self.malformed {
            self.malformed = true;
            tracing::warn!("something that is no frame was ignored: {error}");
        }
    }

    fn tell_of_signatures(&mut self) {
        if !self.told_of_signatures {
            self.told_of_signatures = true;
            tracing::warn!(
                "other nodes sign their frames and do not believe those of this one: it needs the cluster \
                 secret too"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{Epoch, FrameBody, NewMessage, NodeId, Offset, RoomId, Timestamp};

    use super::*;

    const NODE: NodeId = NodeId::from_random([1; 8]);

    fn secret(lines: &[&str]) -> ClusterSecret {
        let text: String = lines.iter().map(|line| line.repeat(32) + "\n").collect();
        ClusterSecret::from_bytes(text.as_bytes()).expect("a secret")
    }

    fn wire(lines: &[&str]) -> Wire {
        Wire::new(Some(&secret(lines)), "chat")
    }

    fn frame() -> Frame {
        let new = NewMessage::new(RoomId::general(), "hello".parse().expect("content"));
        let (epoch, after) = (Epoch::from_random([7; 8]), Offset::ZERO);
        let new = new.with_at(Timestamp::from_millis(1));
        let messages = vec![chat_core::Message::from_new(Offset::FIRST, new)];
        let body = FrameBody::Appended { epoch, after, tail: Offset::FIRST, messages };
        Frame::new(NODE, body)
    }

    fn heard(wire: &Wire, bytes: &[u8]) -> Option<Incoming> {
        wire.decoder().decode(bytes)
    }

    fn whole() -> Option<Incoming> {
        Some(Incoming::Frame(Arc::new(frame())))
    }

    #[tokio::test]
    async fn nodes_with_one_secret_read_each_other_and_nobody_else() {
        let (ours, theirs, plain) = (wire(&["a"]), wire(&["b"]), Wire::default());
        let signed = ours.encode(&frame(), MAX_FRAME);
        assert_eq!(heard(&ours, &signed), whole());
        assert_eq!(heard(&theirs, &signed), Some(Incoming::Gap));
        assert_eq!(heard(&ours, &frame().encode()), Some(Incoming::Gap), "not signed");
        // A node without a secret believes nothing, and hears that there is something.
        assert_eq!(heard(&plain, &signed), whole());
        assert!(!plain.is_signed() && ours.is_signed());
    }

    #[tokio::test]
    async fn the_first_secret_signs_and_all_are_accepted() {
        let (old, both, turned, new) =
            (wire(&["a"]), wire(&["a", "b"]), wire(&["b", "a"]), wire(&["b"]));
        for (from, to) in [(&old, &both), (&both, &old), (&both, &turned), (&turned, &both)] {
            assert_eq!(heard(to, &from.encode(&frame(), MAX_FRAME)), whole());
        }
        for (from, to) in [(&turned, &new), (&new, &turned)] {
            assert_eq!(heard(to, &from.encode(&frame(), MAX_FRAME)), whole());
        }
        assert_eq!(heard(&new, &old.encode(&frame(), MAX_FRAME)), Some(Incoming::Gap));
    }

    #[tokio::test]
    async fn a_code_is_for_one_channel() {
        let other = Wire::new(Some(&secret(&["a"])), "another");
        let signed = wire(&["a"]).encode(&frame(), MAX_FRAME);
        assert_eq!(heard(&other, &signed), Some(Incoming::Gap));
    }

    /// So that a change of the form does not go unnoticed: nodes of two versions would not hear each other.
    #[test]
    fn the_form_stays() {
        let left = Frame::new(NODE, FrameBody::NodeLeft);
        let signed = wire(&["a"]).encode(&left, MAX_FRAME);
        let (head, body) = signed.split_at(OVERHEAD);
        assert_eq!(body, left.encode());
        // printf 'chat-adapter frame mac1 chat\0%s' BODY | openssl dgst -sha256 -hmac aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        let code = "136e0c503d88991218dd63c235e7b07b6dcca5c254b169b4b4d4f82461191406";
        assert_eq!(head, format!("mac1 {code} ").as_bytes());
    }

    #[tokio::test]
    async fn not_one_bit_of_a_signed_frame_can_be_changed() {
        let wire = wire(&["a"]);
        let signed = wire.encode(&frame(), MAX_FRAME);
        for index in 0..signed.len() {
            let mut changed = signed.clone();
            changed[index] ^= 1;
            assert_eq!(heard(&wire, &changed), Some(Incoming::Gap), "byte {index}");
            assert_eq!(heard(&wire, &signed[..index]), Some(Incoming::Gap), "{index} bytes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_that_is_not_believed_is_a_gap_a_second() {
        let mut decoder = wire(&["a"]).decoder();
        let forged = frame().encode();
        for _ in 0..3 {
            assert_eq!(decoder.decode(&forged), Some(Incoming::Gap));
            for _ in 0..1000 {
                assert_eq!(decoder.decode(&forged), None);
            }
            tokio::time::advance(GAP_INTERVAL).await;
        }
    }

    #[test]
    fn a_frame_fits_into_the_limit_with_its_code() {
        let wire = wire(&["a"]);
        let length = wire.encode(&frame(), MAX_FRAME).len();
        assert_eq!(wire.encode(&frame(), length).len(), length);
        let notification = wire.encode(&frame(), length - 1);
        assert!(notification.len() < length);
        assert_eq!(
            heard(&wire, &notification),
            Some(Incoming::Frame(Arc::new(frame().without_messages().into_owned())))
        );
    }

    #[test]
    fn what_is_longer_than_any_frame_is_not_read() {
        let mut long = frame().encode();
        long.resize(MAX_FRAME, b' ');
        assert_eq!(heard(&Wire::default(), &long), whole());
        long.push(b' ');
        assert_eq!(heard(&Wire::default(), &long), None);
    }

    #[test]
    fn a_flood_of_versions_is_not_remembered() {
        let mut decoder = Wire::default().decoder();
        for version in 1000..1100 {
            assert_eq!(decoder.decode(format!(r#"{{"v":{version}}}"#).as_bytes()), None);
        }
        assert_eq!(decoder.versions.len(), Decoder::VERSIONS);
    }
}

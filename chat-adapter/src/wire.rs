//! Frames as the bytes that a broker carries.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use chat_core::{Frame, FrameError};

use crate::Incoming;

/// Longer frames travel as hints, so that what a broker or a connection keeps has a limit in bytes too.
pub(crate) const MAX_FRAME: usize = 256 * 1024;

/// The frame in at most `limit` bytes: what does not fit is cut down to a hint, for which the other nodes
/// read the store.
pub(crate) fn encode(frame: &Frame, limit: usize) -> Vec<u8> {
    let bytes = frame.encode();
    if bytes.len() <= limit {
        return bytes;
    }
    match frame.without_messages() {
        Cow::Owned(hint) => hint.encode(),
        Cow::Borrowed(_) => bytes,
    }
}

/// Reads what other nodes wrote, and warns once about each kind of what it cannot read.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    versions: BTreeSet<u32>,
    malformed: bool,
}

impl Decoder {
    /// Nobody runs more versions than this side by side: what claims to be yet another is not ours, and
    /// must neither fill the memory nor the log.
    const VERSIONS: usize = 8;

    /// The frame, or nothing when it is of another version or none at all.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> Option<Incoming> {
        match Frame::decode(bytes) {
            Ok(frame) => return Some(Incoming::Frame(Arc::new(frame))),
            Err(error @ FrameError::Version { found }) => {
                if self.versions.len() < Self::VERSIONS && self.versions.insert(found) {
                    tracing::warn!("frames of another node are ignored: {error}");
                }
            }
            Err(error) => {
                if !self.malformed {
                    self.malformed = true;
                    tracing::warn!("something that is no frame was ignored: {error}");
                }
            }
        }
        None
    }
}

mod presence;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Epoch, Message, NodeId, Offset, RoomId};

pub use presence::{Attendee, MemberId};

/// The version of [`Frame`] that this crate writes and reads.
pub const FRAME_VERSION: u32 = 1;

/// What one node tells the others.
///
/// A frame is a hint, never the truth: it may come late, twice, in another order or not at all, and what
/// it says can be read from the store instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Who says it.
    pub node: NodeId,
    /// What it says.
    pub body: FrameBody,
}

/// The kinds of [`Frame`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type")]
#[non_exhaustive]
pub enum FrameBody {
    /// The log has grown.
    Appended {
        /// The log.
        epoch: Epoch,
        /// The offset after which `messages` continue, without a hole.
        after: Offset,
        /// The last offset of the log that the sender knows of. `messages` may end before it, when they
        /// are too many for one frame.
        tail: Offset,
        /// The first of the messages after `after`, in order.
        messages: Vec<Message>,
    },
    /// A client has got its session on the sender: whoever had it before is to let go.
    SessionTaken {
        /// The name of the session: the hash of its secret, in hexadecimal.
        session: String,
        /// Whose it is now, as it is saved with the session. Of two owners the one of the higher
        /// generation keeps it.
        generation: i64,
    },
    /// Who has come into a room and who has left one on the sender. With neither it says that the sender
    /// is alive, and how far it has come.
    ///
    /// Who is in which room of a node has a version: 0 when nobody was ever in one, and each of these
    /// frames leads from one to the next. Whoever missed one wants a
    /// [`PresenceSnapshot`](Self::PresenceSnapshot).
    Presence {
        /// The version that this changes.
        from: u64,
        /// The version that this leads to; `from` when nothing has changed.
        version: u64,
        /// Those who are in a room now, also when they were before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        came: Vec<Attendee>,
        /// Those who are not, also when they never were.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<Attendee>,
    },
    /// The sender does not know who is in which room of a node, and asks it.
    PresenceWanted {
        /// The node that is asked.
        of: NodeId,
    },
    /// A part of the list of all who are in the rooms of the sender.
    PresenceSnapshot {
        /// The version of the list.
        version: u64,
        /// Which of the sender's lists this is a part of, counted from 1. Parts of different ones do not
        /// fit together, also when they have one version.
        round: u64,
        /// Which part, counted from 0.
        part: u32,
        /// How many parts there are.
        parts: u32,
        /// Those who are in a room.
        present: Vec<Attendee>,
    },
    /// Somebody who is in a room of the sender types, or does not any more.
    Typing {
        /// The room.
        room: RoomId,
        /// Who.
        member: MemberId,
        /// Whether it types.
        typing: bool,
    },
    /// The sender stops, and its clients will connect to other nodes.
    NodeLeft,
}

/// Why bytes are not a [`Frame`] of this version.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Written by another version of this crate. Nodes of both versions keep working: what the frame
    /// said is read from the store.
    #[error("the frame has version {found}, this node speaks version {FRAME_VERSION}")]
    Version {
        /// The version it has.
        found: u32,
    },
    /// Not a frame at all.
    #[error("the frame cannot be read")]
    Malformed(#[source] serde_json::Error),
}

impl Frame {
    /// The frame as the bytes that travel between nodes: one JSON object.
    pub fn encode(&self) -> Vec<u8> {
        let frame = FrameRef { v: FRAME_VERSION, node: self.node, body: &self.body };
        // Strings, numbers and maps with string keys: nothing in a frame can fail to serialise.
        serde_json::to_vec(&frame).unwrap_or_default()
    }

    /// The frame as a hint: that the log has grown, without what was said. For a carrier that limits how
    /// long a frame may be. Borrowed when there is nothing to leave out.
    pub fn without_messages(&self) -> Cow<'_, Self> {
        match &self.body {
            FrameBody::Appended { epoch, after, tail, messages } if !messages.is_empty() => {
                let (epoch, after, tail) = (epoch.clone(), *after, *tail);
                let body = FrameBody::Appended { epoch, after, tail, messages: Vec::new() };
                Cow::Owned(Self { node: self.node, body })
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// The frame that these bytes hold. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`FrameError::Version`] when another version wrote it, [`FrameError::Malformed`] when they hold
    /// no frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        // Nearly all frames are of this kind, and the largest.
        if let Ok(frame) = serde_json::from_slice::<AppendedFrame>(bytes) {
            return frame.try_into();
        }

        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        #[derive(Deserialize)]
        struct Owned {
            node: NodeId,
            #[serde(flatten)]
            body: FrameBody,
        }

        // The version is read first: the rest of another version's frame may have any form.
        let Version { v } = serde_json::from_slice(bytes).map_err(FrameError::Malformed)?;
        if v != FRAME_VERSION {
            return Err(FrameError::Version { found: v });
        }
        let Owned { node, body } = serde_json::from_slice(bytes).map_err(FrameError::Malformed)?;
        Ok(Self { node, body })
    }
}

/// A frame with [`FrameBody::Appended`], as it is read: without putting aside all of it before it is
/// known which kind it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppendedFrame {
    v: u32,
    #[serde(rename = "type")]
    _kind: AppendedKind,
    node: NodeId,
    epoch: Epoch,
    after: Offset,
    tail: Offset,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum AppendedKind {
    Appended,
}

impl TryFrom<AppendedFrame> for Frame {
    type Error = FrameError;

    fn try_from(frame: AppendedFrame) -> Result<Self, FrameError> {
        let AppendedFrame { v, _kind: AppendedKind::Appended, node, epoch, after, tail, messages } =
            frame;
        if v != FRAME_VERSION {
            return Err(FrameError::Version { found: v });
        }
        Ok(Self { node, body: FrameBody::Appended { epoch, after, tail, messages } })
    }
}

#[derive(Serialize)]
struct FrameRef<'a> {
    v: u32,
    node: NodeId,
    #[serde(flatten)]
    body: &'a FrameBody,
}

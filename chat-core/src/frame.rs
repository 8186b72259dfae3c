mod access;
mod operator;
mod presence;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Epoch, Message, Nickname, NodeId, Offset, RoomId, UserId};

pub use access::AccessScope;
pub use operator::OperatorQuestion;
pub use presence::{PresenceEntry, PresenceId};

/// The version of [`Frame`] that this crate writes and reads.
pub const FRAME_VERSION: u32 = 1;

/// A message from one node to the others.
///
/// A frame only notifies; the store is the source of truth. A frame may arrive late, twice, out of order or not at
/// all, and its contents can be read from the store instead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// The sender.
    pub node: NodeId,
    /// The contents.
    pub body: FrameBody,
}

/// The kinds of [`Frame`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type")]
#[non_exhaustive]
pub enum FrameBody {
    /// The log has grown (an append notification).
    Appended {
        /// The log.
        epoch: Epoch,
        /// The offset after which `messages` continue without a gap.
        after: Offset,
        /// The last offset of the log that the sender knows. `messages` may end before it if they do not all fit into
        /// one frame.
        tail: Offset,
        /// The first messages after `after`, in order.
        messages: Vec<Message>,
    },
    /// A client has recovered its session on the sender: the previous owner must release it.
    SessionTaken {
        /// The key of the session: the hash of its secret, in hexadecimal.
        session: String,
        /// The new owner's generation, as it is saved with the session. Of two owners the one with the higher
        /// generation keeps it.
        generation: i64,
    },
    /// Who has joined and left rooms on the sender. If both lists are empty, it reports that the sender is alive and
    /// its current version.
    ///
    /// A node's presence has a version: 0 while nobody was ever in a room, and each of these frames leads from one
    /// version to the next. A node that missed one requests a [`PresenceSnapshot`](Self::PresenceSnapshot).
    Presence {
        /// The version that this changes.
        from: u64,
        /// The version that this leads to; equal to `from` if nothing has changed.
        version: u64,
        /// Users who are in a room now, even if they were before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        came: Vec<PresenceEntry>,
        /// Users who are not in a room, even if they never were.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<PresenceEntry>,
    },
    /// The sender does not know a node's presence and requests it.
    PresenceWanted {
        /// The node that is asked.
        of: NodeId,
    },
    /// One part of the list of all users in the sender's rooms.
    PresenceSnapshot {
        /// The version of the list.
        version: u64,
        /// Which of the sender's lists this part belongs to, counted from 1. Parts of different lists must not be
        /// combined, even if they have the same version.
        round: u64,
        /// The number of this part, counted from 0.
        part: u32,
        /// The number of parts.
        parts: u32,
        /// Users who are in a room.
        present: Vec<PresenceEntry>,
    },
    /// A user in a room of the sender has started or stopped typing.
    Typing {
        /// The room.
        room: RoomId,
        /// The user, or the anonymous client.
        #[serde(rename = "member")]
        who: PresenceId,
        /// Whether the user is typing.
        typing: bool,
    },
    /// A user in a room of the sender has read the room up to an offset.
    Read {
        /// The room.
        room: RoomId,
        /// The user.
        #[serde(rename = "member")]
        who: PresenceId,
        /// The newest message that the user has read.
        offset: Offset,
    },
    /// A user, connected to the sender, has read the private messages with another one up to an offset.
    ReadPrivately {
        /// The user.
        #[serde(rename = "member")]
        who: PresenceId,
        /// The other user.
        with: UserId,
        /// The newest message that the user has read.
        offset: Offset,
    },
    /// A user, connected to the sender, has started or stopped typing a private message to another one.
    TypingPrivately {
        /// The user.
        #[serde(rename = "member")]
        who: PresenceId,
        /// The user's nickname.
        nickname: Nickname,
        /// The other user.
        to: UserId,
        /// Whether the user is typing.
        typing: bool,
    },
    /// Who may do what has changed: receivers forget what they were allowed, and ask again. The change itself is not in
    /// the frame, so a forged one costs some questions and nothing else.
    AccessChanged {
        /// Whose access has changed.
        scope: AccessScope,
    },
    /// The operator of the sender asks other nodes something.
    OperatorAsked {
        /// Tells questions apart.
        inquiry: u64,
        /// The node that is asked; none for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<NodeId>,
        /// The question.
        question: OperatorQuestion,
    },
    /// One part of the sender's answer to [`OperatorAsked`](Self::OperatorAsked).
    OperatorAnswered {
        /// The number of the question.
        inquiry: u64,
        /// The number of this part, counted from 0.
        part: u32,
        /// The number of parts.
        parts: u32,
        /// A part of the answer, which is JSON.
        text: String,
    },
    /// The sender stops, and its clients will connect to other nodes.
    NodeLeft,
}

/// Why bytes are not a [`Frame`] of this version.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame was written by another version of this crate. Nodes of both versions keep working: they read the
    /// frame's contents from the store.
    #[error("the frame has version {found}, this node speaks version {FRAME_VERSION}")]
    Version {
        /// The version of the frame.
        found: u32,
    },
    /// The bytes are not a frame.
    #[error("the frame cannot be read")]
    Malformed(#[source] serde_json::Error),
}

impl Frame {
    /// Creates a frame of this sender.
    pub const fn new(node: NodeId, body: FrameBody) -> Self {
        Self { node, body }
    }

    /// Encodes the frame for transport between nodes: one JSON object.
    pub fn encode(&self) -> Vec<u8> {
        let frame = FrameRef { v: FRAME_VERSION, node: self.node, body: &self.body };
        // Strings, numbers and maps with string keys: nothing in a frame can fail to serialise.
        serde_json::to_vec(&frame).unwrap_or_default()
    }

    /// Returns the frame as a bare append notification: the log has grown, without the messages. For a transport that
    /// limits the length of a frame. Borrowed if there is nothing to leave out.
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

    /// Decodes a frame. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`FrameError::Version`] if another version wrote it, [`FrameError::Malformed`] if the bytes are not a frame.
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

/// A frame with [`FrameBody::Appended`] as it is deserialised, without buffering all of it to find out its kind.
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

use serde::{Deserialize, Serialize};

use crate::{Posting, RoomId, Topic, Visibility};

/// The argument of [`ROOM_CHANGED`](super::ROOM_CHANGED).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoomChanged {
    /// The room, in the spelling in which the client has joined it.
    pub room: RoomId,
    /// What it is about.
    pub topic: Topic,
    /// Who may find and read it.
    pub visibility: Visibility,
    /// Who may write there.
    pub posting: Posting,
}

impl RoomChanged {
    /// Creates the report of what is kept about a room now.
    pub fn new(room: RoomId, topic: Topic, visibility: Visibility, posting: Posting) -> Self {
        Self { room, topic, visibility, posting }
    }
}

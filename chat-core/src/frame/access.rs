use serde::{Deserialize, Serialize};

use crate::{RoomId, UserId};

/// Whose access has changed: what a server has to ask about again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum AccessScope {
    /// That of anybody to anything.
    Everything,
    /// That of anybody to this room.
    Room(RoomId),
    /// That of this user to anything, and that of anybody to this user.
    User(UserId),
}

use serde::{Deserialize, Serialize};

use crate::{Nickname, PersonId, RoomId};

/// Who is counted as one in a room: a person, however many connections it has, or an anonymous client.
///
/// Written as a number: that of the person, or the hash of the client's id with the highest bit set. It
/// never leaves the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(u64);

impl MemberId {
    const ANONYMOUS: u64 = 1 << 63;

    /// A person. Its id is not negative, so it is never taken for an anonymous client.
    pub const fn person(person: PersonId) -> Self {
        Self(person.as_i64().cast_unsigned() & !Self::ANONYMOUS)
    }

    /// A client without a nickname, by a hash of its id that all nodes compute alike.
    pub const fn anonymous(hash: u64) -> Self {
        Self(hash | Self::ANONYMOUS)
    }
}

/// That somebody is in a room, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendee {
    /// The room.
    pub room: RoomId,
    /// Who.
    pub member: MemberId,
    /// By which name; none when anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<Nickname>,
}

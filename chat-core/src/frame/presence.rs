use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::check_name;
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
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "shown")]
    pub nickname: Option<Nickname>,
}

/// A name that may be shown. It is not in a log whose history must not be refused, and may come from anybody who
/// reaches the broker. What else makes a name is checked where it is claimed.
fn shown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Nickname>, D::Error> {
    let nickname = Option::<Nickname>::deserialize(deserializer)?;
    if let Some(nickname) = &nickname {
        check_name("a nickname", nickname.as_str(), Nickname::MAX_BYTES)
            .map_err(D::Error::custom)?;
    }
    Ok(nickname)
}

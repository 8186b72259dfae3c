use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::check_name;
use crate::{Nickname, RoomId, UserId};

/// The id of who is present in a room: a user, however many connections it has, or an anonymous client.
///
/// Written as a number: the user's id, or the hash of the client's id with the highest bit set. It never
/// leaves the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PresenceId(u64);

impl PresenceId {
    const ANONYMOUS: u64 = 1 << 63;

    /// Returns the id of a user's presence. User ids are not negative, so none is taken for an anonymous client.
    pub const fn user(user: UserId) -> Self {
        Self(user.as_i64().cast_unsigned() & !Self::ANONYMOUS)
    }

    /// Returns the user; none for an anonymous client.
    pub fn as_user(self) -> Option<UserId> {
        let number = i64::try_from(self.0).ok();
        number.map(UserId::from_stored)
    }

    /// Returns the id of the presence of a client without a nickname, from a hash of its id that all nodes compute alike.
    pub const fn anonymous(hash: u64) -> Self {
        Self(hash | Self::ANONYMOUS)
    }
}

/// Who is in a room, or was in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceEntry {
    /// The room.
    pub room: RoomId,
    /// The user, or the anonymous client.
    #[serde(rename = "member")]
    pub who: PresenceId,
    /// The user's nickname; none if anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "shown")]
    pub nickname: Option<Nickname>,
}

/// Accepts only a name that may be shown. Unlike names in the log, it may come from anyone who can reach the broker.
/// The other rules for names are checked when a name is claimed.
fn shown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Nickname>, D::Error> {
    let nickname = Option::<Nickname>::deserialize(deserializer)?;
    if let Some(nickname) = &nickname {
        check_name("a nickname", nickname.as_str(), Nickname::MAX_BYTES)
            .map_err(D::Error::custom)?;
    }
    Ok(nickname)
}

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Nickname, ParseError, RoomId};

/// A user, across all connections, devices and nodes. The id stays when the user takes another nickname or is away, and
/// is never reused: when a nickname gets a new owner, that owner is another user.
///
/// Random, created when a user claims the first nickname. On the wire to clients, and as text, it has 16 hexadecimal
/// digits; between servers it is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(i64);

impl UserId {
    /// Creates an id from random bytes.
    pub const fn from_random(bytes: [u8; 8]) -> Self {
        Self(i64::from_be_bytes(bytes) & i64::MAX)
    }

    /// Creates an id from a number that was [stored](Self::as_i64).
    pub const fn from_stored(number: i64) -> Self {
        Self(number)
    }

    /// Returns the id as a number for databases, which is not negative.
    pub const fn as_i64(self) -> i64 {
        self.0
    }

    /// Returns what private messages to this user, who is erased, have in place of the nickname. Two of those whom somebody
    /// wrote to rarely have the same one.
    pub fn name_when_erased(self) -> Nickname {
        Nickname::from_stored(format!("deleted user {:04x}", self.0 & 0xffff))
    }

    /// Serialises an id as clients know it.
    pub(crate) fn public<S: Serializer>(
        user: &Option<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match user {
            Some(user) => serializer.collect_str(user),
            None => serializer.serialize_none(),
        }
    }

    /// Deserialises an id as clients know it.
    pub(crate) fn from_public<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Self>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse()).transpose().map_err(D::Error::custom)
    }
}

/// Writes it as clients know it: 16 hexadecimal digits.
impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for UserId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match i64::from_str_radix(text, 16) {
            Ok(number) if digits => Ok(Self(number)),
            _ => Err(ParseError::Form { what: "a user id", form: "16 hexadecimal digits" }),
        }
    }
}

/// The receivers of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Audience {
    /// Everybody in this room.
    Room(RoomId),
    /// Two users, and never anyone else.
    Private {
        /// The sender.
        from: UserId,
        /// The receiver. The sender itself for what the application tells one user, and nobody else.
        to: UserId,
        /// The receiver's nickname when it was sent.
        nickname: Nickname,
    },
}

/// A part of the log that can be read on its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    /// The messages of a room.
    Room(RoomId),
    /// The private messages that a user has sent or received.
    User(UserId),
    /// The private messages between two users, in both directions. The order of the two does not matter.
    Between(UserId, UserId),
}

impl Audience {
    /// Returns the room; none for a private message.
    pub fn room(&self) -> Option<&RoomId> {
        match self {
            Self::Room(room) => Some(room),
            Self::Private { .. } => None,
        }
    }

    /// Returns whether both are the same room, or the same sender and receiver, under whatever nickname.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Room(one), Self::Room(other)) => one == other,
            (Self::Private { from, to, .. }, Self::Private { from: from2, to: to2, .. }) => {
                (from, to) == (from2, to2)
            }
            _ => false,
        }
    }

    /// Returns whether both are the same room, or have the same receiver of a private message, whoever the sender is.
    pub fn has_same_receivers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Room(one), Self::Room(other)) => one == other,
            (Self::Private { to, .. }, Self::Private { to: to2, .. }) => to == to2,
            _ => false,
        }
    }

    /// Returns whether both are the same room, or the same two users, whoever the sender is.
    pub fn is_same_conversation(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Room(one), Self::Room(other)) => one == other,
            (&Self::Private { from, to, .. }, Self::Private { .. }) => {
                Feed::Between(from, to).contains(other)
            }
            _ => false,
        }
    }

    /// Returns the feeds in which a message for this audience appears and which connections follow: the feed of the
    /// room, or those of the two users.
    pub fn feeds(&self) -> impl Iterator<Item = Feed> + use<> {
        let (first, second) = match self {
            Self::Room(room) => (Feed::Room(room.clone()), None),
            Self::Private { from, to, .. } => {
                (Feed::User(*from), Some(Feed::User(*to)).filter(|_| from != to))
            }
        };
        [Some(first), second].into_iter().flatten()
    }
}

impl Feed {
    /// Returns whether a message for `audience` belongs to this feed.
    pub fn contains(&self, audience: &Audience) -> bool {
        match (self, audience) {
            (Self::Room(room), Audience::Room(other)) => room == other,
            (Self::User(user), Audience::Private { from, to, .. }) => user == from || user == to,
            (&Self::Between(a, b), &Audience::Private { from, to, .. }) => {
                (a, b) == (from, to) || (b, a) == (from, to)
            }
            _ => false,
        }
    }
}

impl From<RoomId> for Audience {
    fn from(room: RoomId) -> Self {
        Self::Room(room)
    }
}

impl From<RoomId> for Feed {
    fn from(room: RoomId) -> Self {
        Self::Room(room)
    }
}

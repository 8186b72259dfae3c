//! What is kept about a room.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::named::named;
use crate::normalisation::{folded, normalised};
use crate::{ParseError, RoomId};

/// The key that names of rooms are compared by, as [nicknames](crate::NicknameKey) are: names that differ only in
/// case, width or spaces have the same key. Never empty.
///
/// The messages of a room hang on its exact name, a [`RoomId`]: two names with the same key are still two feeds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomKey(Arc<str>);

impl RoomKey {
    /// Creates a key from text that was read back from a store.
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RoomId {
    /// Returns the key for comparing.
    ///
    /// ```
    /// use chat_core::RoomId;
    ///
    /// let room: RoomId = "Release  Party".parse()?;
    /// assert_eq!(room.key(), "ｒｅｌｅａｓｅ party".parse::<RoomId>()?.key());
    /// # Ok::<(), chat_core::ParseError>(())
    /// ```
    pub fn key(&self) -> RoomKey {
        let key = folded(&normalised(self.as_str()));
        // Only names that another program has written. No other name has this key: it would have been trimmed.
        if key.is_empty() { RoomKey(" ".into()) } else { RoomKey(key.into()) }
    }
}

named! {
    /// The rights of a member of a room. A greater role includes the smaller ones.
    Role, "a role", "member, moderator or owner":
    /// Reads, and writes as the room permits.
    Member = "member",
    /// Also keeps order among the members.
    Moderator = "moderator",
    /// Also changes the room and the roles of its members.
    Owner = "owner",
}

named! {
    /// Who may find and read a room.
    Visibility, "the visibility of a room", "public, private or deleted":
    /// Everybody.
    Public = "public",
    /// Its members.
    Private = "private",
    /// Nobody: the room was deleted. Its name stays taken, so that nobody else gets at what was said there.
    Deleted = "deleted",
}

named! {
    /// Who may write to a room, of those who may read it.
    Posting, "who may post", "everyone, members or moderators":
    /// Everybody.
    Everyone = "everyone",
    /// Its members.
    Members = "members",
    /// Its moderators and owners.
    Moderators = "moderators",
}

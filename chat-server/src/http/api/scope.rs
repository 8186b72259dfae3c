use std::fmt;
use std::str::FromStr;

use chat_core::RoomId;
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

/// What the holder of an [`ApiToken`](crate::ApiToken) may do: `read`, `send` or `moderate`, everywhere, or in one room as
/// in `send:ci`.
///
/// ```
/// use chat_server::ApiScope;
///
/// let scope: ApiScope = "send:ci".parse()?;
/// assert_eq!(scope.to_string(), "send:ci");
/// assert!("shout".parse::<ApiScope>().is_err());
/// # Ok::<_, chat_server::ApiScopeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ApiScope {
    right: Right,
    /// None for everywhere.
    room: Option<RoomId>,
}

/// The error of parsing an [`ApiScope`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a scope is read, send or moderate, or one of them in a room, as in send:ci")]
pub struct ApiScopeError;

/// What a scope allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Right {
    /// Read messages, follow rooms, and see who is there.
    Read,
    /// Send texts and events.
    Send,
    /// Kick, ban and mute.
    Moderate,
}

impl ApiScope {
    /// Returns whether it allows something in a room, or, without one, everywhere. All spellings of a room's name count as
    /// the same.
    pub(super) fn allows(&self, right: Right, room: Option<&RoomId>) -> bool {
        let is_there = match (&self.room, room) {
            (None, _) => true,
            (Some(own), Some(room)) => own.key() == room.key(),
            (Some(_), None) => false,
        };
        self.right == right && is_there
    }

    /// Returns the room in which alone it allows something.
    pub(super) fn room_of(&self, right: Right) -> Option<&RoomId> {
        self.room.as_ref().filter(|_| self.right == right)
    }

    /// Returns whether it allows something somewhere.
    pub(super) fn has(&self, right: Right) -> bool {
        self.right == right
    }
}

impl Right {
    const ALL: [Self; 3] = [Self::Read, Self::Send, Self::Moderate];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Moderate => "moderate",
        }
    }
}

impl FromStr for ApiScope {
    type Err = ApiScopeError;

    fn from_str(text: &str) -> Result<Self, ApiScopeError> {
        let (name, room) = match text.split_once(':') {
            Some((name, room)) => (name, Some(room.parse().map_err(|_| ApiScopeError)?)),
            None => (text, None),
        };
        let right = Right::ALL.into_iter().find(|right| right.name() == name);
        Ok(Self { right: right.ok_or(ApiScopeError)?, room })
    }
}

impl TryFrom<String> for ApiScope {
    type Error = ApiScopeError;

    fn try_from(text: String) -> Result<Self, ApiScopeError> {
        text.parse()
    }
}

impl fmt::Display for ApiScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.right.name())?;
        self.room.iter().try_for_each(|room| write!(f, ":{room}"))
    }
}

impl Serialize for ApiScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_for_a_room_allows_nothing_elsewhere() {
        let room: RoomId = "ci".parse().unwrap();
        let [everywhere, there, odd] =
            ["read", "read:CI", "read:a:b c"].map(|text| text.parse::<ApiScope>().unwrap());
        assert!(
            everywhere.allows(Right::Read, None) && everywhere.allows(Right::Read, Some(&room))
        );
        assert!(there.allows(Right::Read, Some(&room)) && !there.allows(Right::Read, None));
        assert!(!there.allows(Right::Send, Some(&room)) && there.has(Right::Read));
        assert!(!there.allows(Right::Read, Some(&"cd".parse().unwrap())));
        assert!(odd.allows(Right::Read, Some(&"a:b c".parse().unwrap())));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for text in ["", "read:", ":ci", "READ", "read ", "send: ci", "admin", "read:a\nb"] {
            assert_eq!(text.parse::<ApiScope>(), Err(ApiScopeError), "{text}");
        }
    }
}

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ParseError;
use crate::error::check_name;

/// What a message is to the clients that receive it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Kind {
    /// A text, delivered as [`CHAT_MESSAGE`](crate::event::CHAT_MESSAGE) or
    /// [`PRIVATE_MESSAGE`](crate::event::PRIVATE_MESSAGE).
    #[default]
    Text,
    /// An event of the application's own, delivered under its name. The content is its payload as JSON.
    Event(EventName),
}

impl Kind {
    /// Returns the kind of a message that is stored with this name of an event, or without one.
    pub fn from_stored(event: Option<String>) -> Self {
        event.map_or(Self::Text, |name| Self::Event(EventName::from_stored(name)))
    }

    /// Returns whether it is a text.
    pub fn is_text(&self) -> bool {
        *self == Self::Text
    }

    /// Returns the name of the event, if it is one.
    pub fn event(&self) -> Option<&EventName> {
        match self {
            Self::Text => None,
            Self::Event(name) => Some(name),
        }
    }
}

/// The name of an event of an application: 1 to 100 bytes of UTF-8 without control characters, and no name that the
/// chat or Socket.IO uses.
///
/// ```
/// use chat_core::EventName;
///
/// assert!("order updated".parse::<EventName>().is_ok());
/// assert!("chat message".parse::<EventName>().is_err());
/// assert!("disconnect".parse::<EventName>().is_err());
/// ```
///
/// `parse` and `try_from` check new names. Deserialising accepts any text, like [`from_stored`](Self::from_stored): it
/// is for events that are in the log already.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventName(Box<str>);

/// The names that [Socket.IO reserves](https://socket.io/docs/v4/emit-cheatsheet/#reserved-events).
const SOCKET_IO: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// The names of the chat's own events, in the module `event`, which knows this one.
const CHAT: [&str; 33] = [
    "chat message",
    "private message",
    "join",
    "not joined",
    "leave",
    "nickname",
    "device code",
    "link device",
    "devices",
    "unlink device",
    "token",
    "users",
    "history",
    "rooms",
    "create room",
    "change room",
    "room changed",
    "members",
    "set role",
    "invite",
    "accept invitation",
    "revoke invitation",
    "kick",
    "ban",
    "mute",
    "lift",
    "moderation log",
    "read",
    "unread",
    "readers",
    "typing",
    "user joined",
    "user left",
];

impl EventName {
    /// The maximum length of a name in bytes of UTF-8.
    pub const MAX_BYTES: usize = 100;

    /// Creates a name from text that was read back from a store. It is not checked: history is never refused.
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const WHAT: &str = "the name of an event";
        check_name(WHAT, text, Self::MAX_BYTES)?;
        if SOCKET_IO.contains(&text) || CHAT.contains(&text) {
            let form = "one that neither the chat nor Socket.IO uses";
            return Err(ParseError::Form { what: WHAT, form });
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for EventName {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Borrow<str> for EventName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_of_the_chat_is_missing() {
        let constants = include_str!("event.rs").lines();
        let names = constants.filter_map(|line| {
            let (_, value) = line.strip_prefix("pub const ")?.split_once(": &str = \"")?;
            value.strip_suffix("\";")
        });
        assert_eq!(names.collect::<Vec<_>>(), CHAT);
    }

    #[test]
    fn names_are_checked() {
        for name in ["order updated", "é", &"x".repeat(EventName::MAX_BYTES)] {
            assert_eq!(name.parse::<EventName>().map(|it| it.to_string()).as_deref(), Ok(name));
        }
        for name in ["", "a\nb", "disconnect", &"x".repeat(EventName::MAX_BYTES + 1)] {
            assert!(name.parse::<EventName>().is_err(), "{name}");
        }
    }
}

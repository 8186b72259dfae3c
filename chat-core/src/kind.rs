use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::check_name;
use crate::visible::is_visible;
use crate::{Offset, ParseError};

/// What a message is to the clients that receive it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Kind {
    /// A text, delivered as [`CHAT_MESSAGE`](crate::event::CHAT_MESSAGE) or
    /// [`PRIVATE_MESSAGE`](crate::event::PRIVATE_MESSAGE).
    #[default]
    Text,
    /// A text that answers the message at this offset. Otherwise as [`Text`](Self::Text).
    Reply(Offset),
    /// An event of the application's own, delivered under its name. The content is its payload as JSON.
    Event(EventName),
    /// The new text of the message at this offset, delivered as [`MESSAGE_EDITED`](crate::event::MESSAGE_EDITED).
    Edit(Offset),
    /// The deletion of the message at this offset, delivered as [`MESSAGE_DELETED`](crate::event::MESSAGE_DELETED).
    /// Without content.
    Deletion(Offset),
    /// A reaction to the message at this offset, delivered as [`REACTION`](crate::event::REACTION). The content is an
    /// [`Emoji`].
    Reaction {
        /// The message.
        to: Offset,
        /// Whether it is given, or taken back.
        on: bool,
    },
}

/// The names under which stores keep kinds that are not events of an application.
const EDIT: &str = "message edited";
const DELETION: &str = "message deleted";
const REACTION: &str = "reaction";
const REACTION_OFF: &str = "reaction off";

impl Kind {
    /// Returns the kind of a message that is stored with this [name](Self::stored_name) and this
    /// [target](Self::target).
    pub fn from_stored(name: Option<&str>, target: Option<Offset>) -> Self {
        match (name, target) {
            (None, None) => Self::Text,
            (None, Some(to)) => Self::Reply(to),
            (Some(EDIT), Some(of)) => Self::Edit(of),
            (Some(DELETION), Some(of)) => Self::Deletion(of),
            (Some(REACTION), Some(to)) => Self::Reaction { to, on: true },
            (Some(REACTION_OFF), Some(to)) => Self::Reaction { to, on: false },
            (Some(name), _) => Self::Event(EventName::from_stored(name)),
        }
    }

    /// Returns the name under which stores keep this kind: none for texts, the event's for events, and names that no
    /// event has for all others.
    pub fn stored_name(&self) -> Option<&str> {
        match self {
            Self::Text | Self::Reply(_) => None,
            Self::Event(name) => Some(name.as_str()),
            Self::Edit(_) => Some(EDIT),
            Self::Deletion(_) => Some(DELETION),
            Self::Reaction { on: true, .. } => Some(REACTION),
            Self::Reaction { on: false, .. } => Some(REACTION_OFF),
        }
    }

    /// Returns the offset of the message that this is about: that it answers, changes, deletes or reacts to.
    pub const fn target(&self) -> Option<Offset> {
        match self {
            Self::Text | Self::Event(_) => None,
            Self::Reply(of)
            | Self::Edit(of)
            | Self::Deletion(of)
            | Self::Reaction { to: of, .. } => Some(*of),
        }
    }

    /// Returns the offset of the message that this is nothing without: a store refuses it if that message is not there,
    /// or has been deleted. None for messages that stand for themselves.
    pub const fn depends_on(&self) -> Option<Offset> {
        match self {
            Self::Text | Self::Reply(_) | Self::Event(_) => None,
            _ => self.target(),
        }
    }

    /// Returns whether it is a text without a target.
    pub fn is_text(&self) -> bool {
        *self == Self::Text
    }

    /// Returns whether it is something that somebody has said: a text, a reply or an event, and no change of one.
    pub const fn is_said(&self) -> bool {
        self.depends_on().is_none()
    }

    /// Returns the name of the event, if it is one of an application.
    pub fn event(&self) -> Option<&EventName> {
        match self {
            Self::Event(name) => Some(name),
            _ => None,
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
const SOCKET_IO: [&str; 7] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
    // Means something else in JavaScript.
    "__proto__",
];

/// The names of the chat's own events, in the module `event`, which knows this one.
const CHAT: [&str; 49] = [
    "chat message",
    "private message",
    "edit message",
    "message edited",
    "delete message",
    "message deleted",
    "react",
    "reaction",
    "join",
    "not joined",
    "other log",
    "history gone",
    "leave",
    "nickname",
    "device code",
    "link device",
    "devices",
    "unlink device",
    "token",
    "users",
    "history",
    "search",
    "rooms",
    "create room",
    "change room",
    "delete room",
    "room changed",
    "members",
    "set role",
    "invite",
    "invitations",
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
    "private typing",
    "is online",
    "upload",
    "file links",
    "file limits",
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
        if SOCKET_IO.contains(&text) || CHAT.contains(&text) || text == REACTION_OFF {
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

/// What a [reaction](Kind::Reaction) shows: an emoji, or a short word such as `:shipit:`. 1 to 64 bytes of UTF-8 without
/// white space and control characters.
///
/// ```
/// use chat_core::Emoji;
///
/// assert!("👍🏽".parse::<Emoji>().is_ok());
/// assert!("not one".parse::<Emoji>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Emoji(Box<str>);

impl Emoji {
    /// The maximum length in bytes of UTF-8.
    pub const MAX_BYTES: usize = 64;

    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Emoji {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const WHAT: &str = "a reaction";
        check_name(WHAT, text, Self::MAX_BYTES)?;
        if text.chars().any(char::is_whitespace) || !is_visible(text) {
            return Err(ParseError::Form {
                what: WHAT,
                form: "an emoji that can be seen, without white space",
            });
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Emoji {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again() {
        let of = Offset::new(7).unwrap();
        for kind in [
            Kind::Text,
            Kind::Reply(of),
            Kind::Event("order updated".parse().unwrap()),
            Kind::Edit(of),
            Kind::Deletion(of),
            Kind::Reaction { to: of, on: true },
            Kind::Reaction { to: of, on: false },
        ] {
            assert_eq!(Kind::from_stored(kind.stored_name(), kind.target()), kind);
            let is_event = kind.event().is_some();
            let name = kind.stored_name().map(|name| name.parse::<EventName>().is_ok());
            assert_eq!(name.unwrap_or_default(), is_event, "{kind:?}");
        }
    }

    #[test]
    fn emoji_have_no_space() {
        for text in ["👍🏽", ":shipit:", "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}"]
        {
            assert_eq!(text.parse::<Emoji>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "a b",
            "\u{a0}",
            "\u{200b}",
            "\u{feff}\u{ad}",
            "\u{202e}\u{2060}",
            "\n",
            &"x".repeat(65),
        ] {
            assert!(text.parse::<Emoji>().is_err(), "{text:?}");
        }
    }

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

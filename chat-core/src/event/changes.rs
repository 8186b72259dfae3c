use serde::{Deserialize, Serialize, Serializer};

use super::arguments::{Arguments, invalid};
use crate::{
    ClientOffset, Content, Emoji, Nickname, Offset, RecoveryOffset, Refusal, RefusalCode, RoomId,
    Timestamp, UserId,
};

const OF: &str = "the first argument must be the offset of a message, a whole number from 1 on";
const KEY: &str = "the last argument must be the client offset, a string";

/// The arguments of [`EDIT_MESSAGE`](super::EDIT_MESSAGE): `emit("edit message", offset, content)`, with a client offset as
/// an optional third argument.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EditMessage {
    /// The message.
    pub of: Offset,
    /// Its new text.
    pub content: Content,
    /// The client's key for the edit.
    pub client_offset: Option<ClientOffset>,
}

impl EditMessage {
    /// Creates an edit without a client offset.
    pub fn new(of: Offset, content: Content) -> Self {
        Self { of, content, client_offset: None }
    }

    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's name. Extra
    /// arguments are ignored.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        let arguments = Arguments::of(json)?;
        Ok(Self {
            of: arguments.offset(1, OF)?,
            content: arguments.content(2, "the second argument must be the new text, a string")?,
            client_offset: arguments.client_offset(3, KEY)?,
        })
    }
}

/// As a client sends it.
impl Serialize for EditMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.of, &self.content, &self.client_offset).serialize(serializer)
    }
}

/// The arguments of [`DELETE_MESSAGE`](super::DELETE_MESSAGE): `emit("delete message", offset)`, with a client offset as an
/// optional second argument.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteMessage {
    /// The message.
    pub of: Offset,
    /// The client's key for the deletion.
    pub client_offset: Option<ClientOffset>,
}

impl DeleteMessage {
    /// Creates a deletion without a client offset.
    pub fn new(of: Offset) -> Self {
        Self { of, client_offset: None }
    }

    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's name. Extra
    /// arguments are ignored.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        let arguments = Arguments::of(json)?;
        let (of, client_offset) = (arguments.offset(1, OF)?, arguments.client_offset(2, KEY)?);
        Ok(Self { of, client_offset })
    }
}

/// As a client sends it.
impl Serialize for DeleteMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.of, &self.client_offset).serialize(serializer)
    }
}

/// The arguments of [`REACT`](super::REACT): `emit("react", offset, emoji, on)`, with a client offset as an optional fourth
/// argument. `on` is `true` if absent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct React {
    /// The message.
    pub to: Offset,
    /// The reaction.
    pub emoji: Emoji,
    /// Whether it is given, or taken back.
    pub on: bool,
    /// The client's key for it.
    pub client_offset: Option<ClientOffset>,
}

impl React {
    /// Creates a reaction without a client offset.
    pub fn new(to: Offset, emoji: Emoji, on: bool) -> Self {
        Self { to, emoji, on, client_offset: None }
    }

    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's name. Extra
    /// arguments are ignored.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EMOJI: &str = "the second argument must be the reaction, a string such as \"👍\"";
        const ON: &str = "the third argument must be true, or false to take the reaction back";
        let arguments = Arguments::of(json)?;
        let emoji: String = arguments.required(2, EMOJI)?;
        let emoji = emoji.try_into();
        Ok(Self {
            to: arguments.offset(1, OF)?,
            emoji: emoji.map_err(|error| Refusal::invalid(RefusalCode::InvalidArguments, error))?,
            on: arguments.optional(3, ON)?.unwrap_or(true),
            client_offset: arguments.client_offset(4, KEY)?,
        })
    }
}

/// As a client sends it.
impl Serialize for React {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.to, &self.emoji, self.on, &self.client_offset).serialize(serializer)
    }
}

/// The arguments of [`MESSAGE_EDITED`](super::MESSAGE_EDITED): the new text, the offset of the edit, and more. A JSON array
/// of four. The last one is a string on purpose: see [`RecoveryOffset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageEdited(pub Content, pub Offset, pub ChangeMeta, pub RecoveryOffset);

/// The arguments of [`MESSAGE_DELETED`](super::MESSAGE_DELETED): the offset of the deletion, and more. A JSON array of
/// three. The last one is a string on purpose: see [`RecoveryOffset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageDeleted(pub Offset, pub ChangeMeta, pub RecoveryOffset);

/// The arguments of [`REACTION`](super::REACTION): the emoji, the offset of the reaction, and more. A JSON array of four.
/// The last one is a string on purpose: see [`RecoveryOffset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reacted(pub Content, pub Offset, pub ChangeMeta, pub RecoveryOffset);

/// What a client is told about a change of a message, or a reaction to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChangeMeta {
    /// The offset of the message.
    pub of: Offset,
    /// Whether a reaction is given, or taken back; absent if it is no reaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    /// Whether the message was deleted because its user is erased: forget the name under which it was sent, too. Absent if
    /// not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    /// The room of the message; absent if it is private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// The nickname of who did it; `null` if anonymous.
    pub from: Option<Nickname>,
    /// The user who did it; `null` if anonymous.
    #[serde(default, serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// The nickname of the other user; absent if it is in a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Nickname>,
    /// When the server received it.
    pub at: Option<Timestamp>,
    /// The key of who did it; `null` for all other users, and if there is none.
    pub client_offset: Option<ClientOffset>,
}

impl ChangeMeta {
    /// Creates the description of a change of the message at an offset, by nobody known.
    pub fn new(of: Offset) -> Self {
        Self {
            of,
            on: None,
            erased: false,
            room: None,
            from: None,
            user: None,
            to: None,
            at: None,
            client_offset: None,
        }
    }
}

impl Arguments<'_> {
    /// Reads a required argument that is the offset of a message.
    fn offset(&self, index: usize, expected: &str) -> Result<Offset, Refusal> {
        let super::whole::Whole(number) = self.required(index, expected)?;
        let offset = Offset::new(number).ok().filter(|&offset| offset > Offset::ZERO);
        offset.ok_or_else(|| invalid(expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sends_is_read_again() {
        let of = Offset::new(7).unwrap();
        let key: ClientOffset = "k".parse().unwrap();
        let event = |arguments: String| format!("[\"event\",{}", &arguments[1..]);
        let mut edit = EditMessage::new(of, "new".parse().unwrap());
        edit.client_offset = Some(key.clone());
        let json = serde_json::to_string(&edit).unwrap();
        assert_eq!(EditMessage::from_event(&event(json)).unwrap(), edit);
        let delete = DeleteMessage::new(of);
        let json = serde_json::to_string(&delete).unwrap();
        assert_eq!(DeleteMessage::from_event(&event(json)).unwrap(), delete);
        for on in [true, false] {
            let mut react = React::new(of, "👍".parse().unwrap(), on);
            react.client_offset = Some(key.clone());
            let json = serde_json::to_string(&react).unwrap();
            assert_eq!(React::from_event(&event(json)).unwrap(), react);
        }
        assert!(React::from_event(r#"["react",7,"👍"]"#).unwrap().on);
        assert!(!React::from_event(r#"["react",7.0,"👍",false]"#).unwrap().on);
    }

    #[test]
    fn what_is_not_an_offset_is_refused() {
        for of in ["0", "-1", "1.5", "\"x\"", "null", "9007199254740992", "{}"] {
            let json = format!("[\"event\",{of},\"text\"]");
            for refusal in [
                EditMessage::from_event(&json).unwrap_err(),
                DeleteMessage::from_event(&json).unwrap_err(),
                React::from_event(&json).unwrap_err(),
            ] {
                assert_eq!(refusal.code, RefusalCode::InvalidArguments, "{of}");
            }
        }
        let long = format!("[\"react\",1,\"{}\"]", "x".repeat(65));
        for json in ["[\"react\",1,\"\"]", "[\"react\",1,\"a b\"]", "[\"react\",1]", &long] {
            assert!(React::from_event(json).is_err(), "{json}");
        }
    }
}

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::arguments::{Arguments, MAX_EVENT_BYTES, Options, invalid};
use crate::{ClientOffset, Content, Offset, Refusal, RoomId};

/// The arguments of [`CHAT_MESSAGE`](super::CHAT_MESSAGE) from a client.
///
/// `emit("chat message", content)`, with an optional client offset as the second argument and optional options as the
/// third; `null` stands for a missing argument. Without a client offset, options may be the second argument.
///
/// A client serialises this type: the result is the JSON array of the three arguments. A server reads the text of the
/// whole event, which begins with its name, with [`from_event`](Self::from_event).
///
/// ```
/// use chat_core::event::{CHAT_MESSAGE, ChatMessage};
///
/// let message = ChatMessage::new("hello".parse()?)
///     .with_client_offset("bot-1".parse()?)
///     .with_room("rust".parse()?);
/// let arguments = serde_json::to_string(&message)?;
/// assert_eq!(arguments, r#"["hello","bot-1",{"room":"rust"}]"#);
///
/// let event = format!(r#"["{CHAT_MESSAGE}",{}"#, &arguments[1..]);
/// assert_eq!(ChatMessage::from_event(&event), Ok(message));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChatMessage {
    /// The text.
    pub content: Content,
    /// The client's key for the message.
    pub client_offset: Option<ClientOffset>,
    /// The options.
    pub options: ChatMessageOptions,
}

/// The last argument of [`CHAT_MESSAGE`](super::CHAT_MESSAGE) from a client. Unknown fields are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChatMessageOptions {
    /// The room to send to; `general` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// The offset of the message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Offset>,
}

impl ChatMessage {
    /// Creates a message to the room `general` without a client offset.
    pub fn new(content: Content) -> Self {
        Self { content, client_offset: None, options: ChatMessageOptions::default() }
    }

    /// Sets the client's key.
    #[must_use]
    pub fn with_client_offset(self, key: ClientOffset) -> Self {
        Self { client_offset: Some(key), ..self }
    }

    /// Sets the room to send to.
    #[must_use]
    pub fn with_room(self, room: RoomId) -> Self {
        Self { options: ChatMessageOptions { room: Some(room), ..self.options }, ..self }
    }

    /// Makes it the answer to the message at an offset.
    #[must_use]
    pub fn in_reply_to(self, offset: Offset) -> Self {
        Self { options: ChatMessageOptions { reply_to: Some(offset), ..self.options }, ..self }
    }

    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's name. Extra
    /// arguments are ignored.
    ///
    /// # Errors
    /// The refusal to answer with, for arguments that the event does not accept and for text that is not JSON.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        Plain::read(json).map_or_else(|| Self::from_any_event(json), Ok)
    }

    fn from_any_event(json: &str) -> Result<Self, Refusal> {
        const KEY: &str = "the second argument must be the client offset, a string";
        const OPTIONS: &str = "the third argument must be options such as { room: \"general\" }";

        let arguments = Arguments::of(json)?;
        let content = arguments.content(1, "the first argument must be the message, a string")?;
        let known = ["room", REPLY_TO];
        let (client_offset, options) = arguments.key_and_options(2, &known, KEY, OPTIONS)?;
        let (room, reply_to) = (options.room()?, reply_to(&options)?);
        Ok(Self { content, client_offset, options: ChatMessageOptions { room, reply_to } })
    }
}

pub(super) const REPLY_TO: &str = "replyTo";

/// Reads the field `replyTo`.
pub(super) fn reply_to(options: &Options<'_>) -> Result<Option<Offset>, Refusal> {
    const EXPECTED: &str = "`replyTo` must be the offset of a message, a whole number from 1 on";
    match options.offset(REPLY_TO, EXPECTED)? {
        Some(Offset::ZERO) => Err(invalid(EXPECTED)),
        offset => Ok(offset),
    }
}

/// The event as most clients write it: a text, perhaps a key, perhaps a room. One pass reads it; [`Arguments`] reads
/// every other form, and knows what to refuse.
#[derive(Deserialize)]
struct Plain<'a>(
    IgnoredAny,
    String,
    #[serde(default)] Option<String>,
    #[serde(default, borrow)] Option<&'a RawValue>,
);

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainOptions {
    room: Option<String>,
    reply_to: Option<Offset>,
}

impl Plain<'_> {
    fn read(json: &str) -> Option<ChatMessage> {
        if json.len() > MAX_EVENT_BYTES {
            return None;
        }
        let Plain(_, content, key, options) = serde_json::from_str(json).ok()?;
        let options = match options.map(RawValue::get) {
            None => PlainOptions::default(),
            // An array would do for the deserialiser.
            Some(json) if json.starts_with('{') => serde_json::from_str(json).ok()?,
            Some(_) => return None,
        };
        if options.reply_to == Some(Offset::ZERO) {
            return None;
        }
        Some(ChatMessage {
            content: content.try_into().ok()?,
            client_offset: key.map(TryInto::try_into).transpose().ok()?,
            options: ChatMessageOptions {
                room: options.room.map(TryInto::try_into).transpose().ok()?,
                reply_to: options.reply_to,
            },
        })
    }
}

impl Serialize for ChatMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.content, &self.client_offset, &self.options).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_most_clients_write_takes_one_pass() {
        for json in [
            r#"["chat message","hi"]"#,
            r#"["chat message","\u00e9\n😀",null]"#,
            r#"[ "chat message" , "hi" , "a-1" , { "room" : "r" , "x" : [1] } ]"#,
            r#"["chat message","hi","a-1",{}]"#,
            r#"["chat message","hi",null,null]"#,
            r#"["chat message","hi",null,{"room":null}]"#,
        ] {
            assert!(Plain::read(json).is_some(), "{json}");
        }
    }

    proptest! {
        /// One pass reads nothing that the other way refuses, or reads differently.
        #[test]
        fn both_ways_read_the_same(arguments in prop::collection::vec(prop::sample::select(vec![
            "null", "\"\"", "\"hi\"", "\"a\\u00e9\"", "\"\\ud83d\"", "\"k\\n\"", "5", "true", "[]", "[\"r\"]", "{}",
            "{\"room\":\"r\"}", "{\"room\":null}", "{\"room\":5}", "{\"room\":\"\"}", "{\"room\":\"a\",\"room\":\"b\"}",
            "{\"replyTo\":7}", "{\"replyTo\":0}", "{\"replyTo\":-1}", "{\"room\":\"r\",\"replyTo\":7.0}", "{\"replyTo\":\"7\"}",
            "{\"other\":1,\"room\":\" R \"}", "{\"room\":\"a\"", "{\"room\":\"\\u200b\"}", "\"", "",
        ]), 0..6)) {
            let json = format!("[{}]", arguments.join(","));
            if let Some(message) = Plain::read(&json) {
                prop_assert_eq!(Ok(message), ChatMessage::from_any_event(&json));
            }
        }
    }
}

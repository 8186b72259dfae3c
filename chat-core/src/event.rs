//! The events of the chat, their arguments, and what a client says when it connects.

mod chat_message;
mod delivery;
mod handshake;
mod history;
mod people;
mod private_message;
mod rooms;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{ClientOffset, Content, ParseError, Refusal, RefusalCode};

pub use chat_message::{ChatMessage, ChatMessageOptions};
pub use delivery::{Delivery, DeliveryMeta, PrivateDelivery, PrivateDeliveryMeta};
pub use handshake::{Handshake, Token};
pub use history::{History, HistoryMessage, HistoryOf, HistoryRequest};
pub use people::{Named, NicknameRequest, Typing, TypingHeard, UserChange};
pub use private_message::PrivateMessage;
pub use rooms::{Join, Joined, Left, Users, room_from_event};

/// The event that carries a message for a room, in both directions.
///
/// | direction | arguments | ack |
/// |---|---|---|
/// | client to server | content, client offset?, `{ room }`? ([`ChatMessage`]) | [`Ack`](crate::Ack) or [`Refusal`] |
/// | server to client | content, offset, `{ room, from, at, clientOffset }`, recovery offset ([`Delivery`]); `clientOffset` is for the author only | none |
pub const CHAT_MESSAGE: &str = "chat message";

/// The event that carries a message from one person to another, in both directions.
///
/// | direction | arguments | ack |
/// |---|---|---|
/// | client to server | nickname, content, client offset? ([`PrivateMessage`]) | [`Ack`](crate::Ack) or [`Refusal`] |
/// | server to client | content, offset, `{ from, to, at, clientOffset }`, recovery offset ([`PrivateDelivery`]); `clientOffset` is for the author only | none |
///
/// It is kept in the log as any message is, and delivered to the connections of these two people only.
pub const PRIVATE_MESSAGE: &str = "private message";

/// The event with which a client joins a room: what is sent to the room from now on is delivered.
///
/// Arguments: the room, `{ after }`? ([`Join`]). Ack: [`Joined`] or [`Refusal`]. Joining a room twice changes
/// nothing, except that with `after` its messages are delivered again from there.
pub const JOIN: &str = "join";

/// The event with which a client leaves a room.
///
/// Argument: the room. Ack: [`Left`] or [`Refusal`]. Leaving a room that one is not in changes nothing.
pub const LEAVE: &str = "leave";

/// The event with which a client takes a nickname, and with which the server tells a client which one it has.
///
/// | direction | arguments | ack |
/// |---|---|---|
/// | client to server | nickname, token? ([`NicknameRequest`]) | [`Named`] or [`Refusal`] |
/// | server to client, after connecting with one | [`Named`] | none |
pub const NICKNAME: &str = "nickname";

/// The event with which a client asks who is in a room.
///
/// Argument: the room. Ack: [`Users`] or [`Refusal`].
pub const USERS: &str = "users";

/// The event with which a client reads back what was said, newest first by page.
///
/// Argument: [`HistoryRequest`]. Ack: [`History`] or [`Refusal`].
pub const HISTORY: &str = "history";

/// The event that says who is typing, in both directions. At most once: it may be lost.
///
/// | direction | arguments | ack |
/// |---|---|---|
/// | client to server | room, whether it types | [`TypingHeard`] or [`Refusal`] |
/// | server to client | [`Typing`] | none |
pub const TYPING: &str = "typing";

/// The event that tells the users of a room that there is one more: [`UserChange`]. At most once.
pub const USER_JOINED: &str = "user joined";

/// The event that tells the users of a room that there is one fewer: [`UserChange`]. At most once.
pub const USER_LEFT: &str = "user left";

/// The name of an event from its JSON text: the first item of the array. `None` when there is none.
pub fn event_name(json: &str) -> Option<String> {
    serde_json::from_str(Arguments::of(json).ok()?.raw(0)?).ok()
}

/// The longest event in bytes of JSON: one with the longest message, every character of it escaped.
pub const MAX_EVENT_BYTES: usize = 6 * (Content::MAX_BYTES + 2 * ClientOffset::MAX_BYTES + 1024);

/// The arguments of an event as they arrived: the JSON text of an array whose first item is its name.
///
/// `null` stands for an argument that is left out; further arguments than an event takes are ignored.
struct Arguments<'a>(Vec<&'a RawValue>);

impl<'a> Arguments<'a> {
    fn of(json: &'a str) -> Result<Self, Refusal> {
        if json.len() > MAX_EVENT_BYTES {
            let error =
                ParseError::TooLong { what: "an event", bytes: json.len(), max: MAX_EVENT_BYTES };
            return Err(Refusal::invalid(RefusalCode::InvalidContent, error));
        }
        let arguments = serde_json::from_str(json);
        arguments.map(Self).map_err(|_| invalid("the arguments are not a valid JSON array"))
    }

    /// The JSON text of an argument, counted from 1; none when it was left out.
    fn raw(&self, index: usize) -> Option<&'a str> {
        self.0.get(index).map(|raw| raw.get()).filter(|&json| json != "null")
    }

    /// An argument that has to be there; `expected` says what it should be.
    fn required<T: DeserializeOwned>(&self, index: usize, expected: &str) -> Result<T, Refusal> {
        self.optional(index, expected)?.ok_or_else(|| invalid(expected))
    }

    /// An argument that may be left out.
    fn optional<T: DeserializeOwned>(
        &self,
        index: usize,
        expected: &str,
    ) -> Result<Option<T>, Refusal> {
        let value = self.raw(index).map(serde_json::from_str).transpose();
        value.map_err(|_| invalid(expected))
    }

    /// An argument that is an object and may be left out: one with all fields left out then.
    fn options<T: DeserializeOwned + Default>(
        &self,
        index: usize,
        expected: &str,
    ) -> Result<T, Refusal> {
        // A list would be read as the fields in their order.
        if self.raw(index).is_some_and(|json| !json.starts_with('{')) {
            return Err(invalid(expected));
        }
        Ok(self.optional(index, expected)?.unwrap_or_default())
    }

    /// The content of a message.
    fn content(&self, index: usize, expected: &str) -> Result<Content, Refusal> {
        let text: String = self.required(index, expected)?;
        let content = Content::try_from(text);
        content.map_err(|error| Refusal::invalid(RefusalCode::InvalidContent, error))
    }

    /// The client's key for a message.
    fn client_offset(&self, index: usize, expected: &str) -> Result<Option<ClientOffset>, Refusal> {
        let text: Option<String> = self.optional(index, expected)?;
        let key = text.map(ClientOffset::try_from).transpose();
        key.map_err(|error| Refusal::invalid(RefusalCode::InvalidClientOffset, error))
    }
}

fn invalid(what: &str) -> Refusal {
    Refusal::new(RefusalCode::InvalidArguments, what)
}

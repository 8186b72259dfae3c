use serde::Serialize;
use thiserror::Error;

use crate::event::{
    CHAT_MESSAGE, ChatMessage, ClientEvent, DELETE_MESSAGE, DeleteMessage, EDIT_MESSAGE,
    EditMessage, JOIN, LEAVE, PRIVATE_MESSAGE, PrivateMessage, REACT, React,
};
use crate::{ClientOffset, EventName, ParseError, PayloadError, RoomId, TypedEvent};

/// What a client sends. The session gives it a key if it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// A text for a room.
    Text(ChatMessage),
    /// A text for a user.
    Private(PrivateMessage),
    /// A new text of an earlier message.
    Edit(EditMessage),
    /// The deletion of an earlier message.
    Delete(DeleteMessage),
    /// A reaction to an earlier message.
    React(React),
    /// An event of the application: one that [lets clients send it](Self::event).
    Event(EventName, ClientEvent),
    /// Joins a room: what is sent to it from now on arrives, also after a reconnect.
    Join(RoomId),
    /// Leaves a room.
    Leave(RoomId),
}

/// Why an event cannot be sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TypedEventError {
    /// Its name is not one that an event can have.
    #[error(transparent)]
    Name(#[from] ParseError),
    /// Its payload cannot be JSON, or is too long.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

impl Request {
    /// Creates an event of the application for a room. The server must know it (`ChatBuilder::client_event`).
    ///
    /// # Errors
    /// When its name is not one that an event can have, or its payload cannot be serialised or is too long.
    pub fn event<E: TypedEvent>(room: RoomId, event: &E) -> Result<Self, TypedEventError> {
        Ok(Self::Event(E::NAME.parse()?, ClientEvent::new(event)?.with_room(room)))
    }

    /// Gives it this key, unless it has one or needs none.
    pub(super) fn set_key(&mut self, key: impl FnOnce() -> ClientOffset) {
        let place = match self {
            Self::Text(message) => &mut message.client_offset,
            Self::Private(message) => &mut message.client_offset,
            Self::Edit(edit) => &mut edit.client_offset,
            Self::Delete(deletion) => &mut deletion.client_offset,
            Self::React(reaction) => &mut reaction.client_offset,
            Self::Event(_, event) => &mut event.client_offset,
            Self::Join(_) | Self::Leave(_) => return,
        };
        place.get_or_insert_with(key);
    }

    /// Returns the JSON array of the event's name and its arguments.
    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        match self {
            Self::Text(message) => event(CHAT_MESSAGE, message),
            Self::Private(message) => event(PRIVATE_MESSAGE, message),
            Self::Edit(edit) => event(EDIT_MESSAGE, edit),
            Self::Delete(deletion) => event(DELETE_MESSAGE, deletion),
            Self::React(reaction) => event(REACT, reaction),
            Self::Event(name, payload) => event(name.as_str(), payload),
            Self::Join(room) => event(JOIN, &[room]),
            Self::Leave(room) => event(LEAVE, &[room]),
        }
    }
}

/// Inserts a name before the items of the array that `arguments` serialises to.
fn event(name: &str, arguments: &impl Serialize) -> serde_json::Result<String> {
    let (name, arguments) = (serde_json::to_string(name)?, serde_json::to_string(arguments)?);
    Ok(format!("[{name},{}", &arguments[1..]))
}

macro_rules! from {
    ($($variant:ident($request:ty)),+) => {
        $(impl From<$request> for Request {
            fn from(request: $request) -> Self {
                Self::$variant(request)
            }
        })+
    };
}

from!(
    Text(ChatMessage),
    Private(PrivateMessage),
    Edit(EditMessage),
    Delete(DeleteMessage),
    React(React)
);

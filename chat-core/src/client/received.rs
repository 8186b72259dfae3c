use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::event::{
    CHAT_MESSAGE, Delivery, HISTORY_GONE, HistoryGone, MESSAGE_DELETED, MESSAGE_EDITED,
    MessageDeleted, MessageEdited, NICKNAME, NOT_JOINED, Named, NotJoined, OTHER_LOG, OtherLog,
    PRIVATE_MESSAGE, PRIVATE_TYPING, PrivateDelivery, PrivateTyping, REACTION, READ, ROOM_CHANGED,
    Reacted, RoomChanged, Seen, TYPING, Typing, USER_JOINED, USER_LEFT, UserChange,
};
use crate::{
    ClientOffset, EventName, Nickname, Offset, RecoveryOffset, RoomId, Timestamp, TypedEvent,
    UserId,
};

/// What a client gets.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Received {
    /// A text in a room.
    Text(Delivery),
    /// A text from a user to a user: the client is one of them.
    Private(PrivateDelivery),
    /// The new text of an earlier message.
    Edited(MessageEdited),
    /// The deletion of an earlier message.
    Deleted(MessageDeleted),
    /// A reaction to an earlier message, given or taken back.
    Reaction(Reacted),
    /// An event of the application that is kept like a message.
    Event(EventDelivery),
    /// The nickname and the user that the client is. Not kept.
    Named(Named),
    /// Rooms that the client is not in. Not kept.
    NotJoined(NotJoined),
    /// The position of the client is not in the server's log. What it has got before may not be there, and it gets what
    /// is there from the beginning. Not kept.
    OtherLog(OtherLog),
    /// Messages that the client has not got may be gone. What is left follows.
    HistoryGone(HistoryGone),
    /// A user has joined a room. Not kept.
    UserJoined(UserChange),
    /// A user has left a room. Not kept.
    UserLeft(UserChange),
    /// A user types, or does not any more. Not kept.
    Typing(Typing),
    /// A user types a private message to the client, or does not any more. Not kept.
    PrivateTyping(PrivateTyping),
    /// A user has read a room up to an offset. Not kept.
    Seen(Seen),
    /// What is kept about a room has changed. The report is not kept.
    RoomChanged(RoomChanged),
    /// Anything else: an event that the application sends past the log, or one of a later version.
    Other {
        /// Its name.
        name: String,
        /// Its arguments without the name, a JSON array.
        arguments: String,
        /// Its position in the log; none if it is not kept.
        position: Option<RecoveryOffset>,
    },
}

/// An event of the application, as it is delivered: one that is kept like a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventDelivery {
    /// Its name.
    pub name: EventName,
    /// Its payload as JSON.
    pub payload: String,
    /// Its position in the log.
    pub offset: Offset,
    /// Where it was sent, by whom, and when.
    pub meta: EventMeta,
    /// Its position, with the log.
    pub position: RecoveryOffset,
}

/// The third argument of an [event of the application](EventDelivery).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EventMeta {
    /// The room that it was sent to; absent if it is for one user.
    pub room: Option<RoomId>,
    /// The sender's nickname; `null` if the application sent it, or nobody known.
    pub from: Option<Nickname>,
    /// The user who sent it; `null` as above.
    #[serde(default, deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// The receiver's nickname; absent if it was sent to a room.
    pub to: Option<Nickname>,
    /// When the server received it.
    pub at: Option<Timestamp>,
    /// The author's key; `null` for all others.
    pub client_offset: Option<ClientOffset>,
}

impl EventDelivery {
    /// Reads the event; none if it is another one.
    ///
    /// # Errors
    /// When its payload is not of this type.
    pub fn read<E: TypedEvent>(&self) -> Option<serde_json::Result<E>> {
        (self.name.as_str() == E::NAME).then(|| serde_json::from_str(&self.payload))
    }
}

impl Received {
    /// Reads an event from its JSON text: an array whose first item is the name. None if it is no such array.
    pub(super) fn parse(json: &str) -> Option<Self> {
        let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        let name: String = serde_json::from_str(items.first()?.get()).ok()?;
        let arguments = Arguments(&items[1..]);
        // What cannot be read is of a later version: it counts, and it is not lost.
        Some(Self::known(&name, arguments).unwrap_or_else(|| {
            let (arguments, position) = (arguments.to_json(), arguments.position());
            Self::Other { name, arguments, position }
        }))
    }

    fn known(name: &str, arguments: Arguments<'_>) -> Option<Self> {
        match name {
            CHAT_MESSAGE => arguments.all().map(Self::Text),
            PRIVATE_MESSAGE => arguments.all().map(Self::Private),
            MESSAGE_EDITED => arguments.all().map(Self::Edited),
            MESSAGE_DELETED => arguments.all().map(Self::Deleted),
            REACTION => arguments.all().map(Self::Reaction),
            NICKNAME => arguments.first().map(Self::Named),
            NOT_JOINED => arguments.first().map(Self::NotJoined),
            HISTORY_GONE => arguments.all().map(Self::HistoryGone),
            OTHER_LOG => arguments.first().map(Self::OtherLog),
            USER_JOINED => arguments.first().map(Self::UserJoined),
            USER_LEFT => arguments.first().map(Self::UserLeft),
            TYPING => arguments.first().map(Self::Typing),
            PRIVATE_TYPING => arguments.first().map(Self::PrivateTyping),
            READ => arguments.first().map(Self::Seen),
            ROOM_CHANGED => arguments.first().map(Self::RoomChanged),
            _ => arguments.event(name.parse().ok()?).map(Self::Event),
        }
    }

    /// Reads an event of the application that is kept like a message; none if it is another one, or none.
    ///
    /// # Errors
    /// When its payload is not of this type.
    pub fn read<E: TypedEvent>(&self) -> Option<serde_json::Result<E>> {
        let Self::Event(event) = self else { return None };
        event.read()
    }

    /// Returns its position in the log; none if it is not kept.
    pub fn position(&self) -> Option<&RecoveryOffset> {
        match self {
            Self::Text(Delivery(.., position))
            | Self::Private(PrivateDelivery(.., position))
            | Self::Edited(MessageEdited(.., position))
            | Self::Deleted(MessageDeleted(.., position))
            | Self::Reaction(Reacted(.., position))
            | Self::HistoryGone(HistoryGone(.., position)) => Some(position),
            Self::Event(event) => Some(&event.position),
            Self::Other { position, .. } => position.as_ref(),
            _ => None,
        }
    }

    /// Returns the key of a message of the client's own user; none for messages of others, and without a key.
    pub fn key(&self) -> Option<&ClientOffset> {
        match self {
            Self::Text(Delivery(_, _, meta, _)) => meta.client_offset.as_ref(),
            Self::Private(PrivateDelivery(_, _, meta, _)) => meta.client_offset.as_ref(),
            Self::Edited(MessageEdited(_, _, meta, _))
            | Self::Deleted(MessageDeleted(_, meta, _))
            | Self::Reaction(Reacted(_, _, meta, _)) => meta.client_offset.as_ref(),
            Self::Event(event) => event.meta.client_offset.as_ref(),
            _ => None,
        }
    }
}

/// The arguments of an event.
#[derive(Clone, Copy)]
struct Arguments<'a>(&'a [&'a RawValue]);

impl Arguments<'_> {
    fn all<T: DeserializeOwned>(self) -> Option<T> {
        serde_json::from_str(&self.to_json()).ok()
    }

    fn first<T: DeserializeOwned>(self) -> Option<T> {
        serde_json::from_str(self.0.first()?.get()).ok()
    }

    fn event(self, name: EventName) -> Option<EventDelivery> {
        let [payload, offset, meta, _] = self.0 else { return None };
        let (offset, meta) = (serde_json::from_str(offset.get()), serde_json::from_str(meta.get()));
        let (offset, meta, position) = (offset.ok()?, meta.ok()?, self.position()?);
        Some(EventDelivery { name, payload: payload.get().to_owned(), offset, meta, position })
    }

    fn position(self) -> Option<RecoveryOffset> {
        serde_json::from_str(self.0.last()?.get()).ok()
    }

    fn to_json(self) -> String {
        let items: Vec<&str> = self.0.iter().map(|item| item.get()).collect();
        format!("[{}]", items.join(","))
    }
}

#[cfg(test)]
mod tests;

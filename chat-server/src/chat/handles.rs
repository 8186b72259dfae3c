//! What an application does with its chat: sends, reads, and looks who is there.

use std::sync::Arc;

use chat_core::event::Users;
use chat_core::{
    Audience, NewMessage, Nickname, Offset, Reason, RoomId, SanctionKind, Timestamp, TypedEvent,
    UserId,
};
use chat_store::{
    AccessChanged, AccessRequest, NewAccessChange, Page, SanctionKey, StoreError, Subject,
};
use serde::Serialize;

use super::send::Sending;
use super::{Chat, ChatError};
use crate::engine::consumers::{self, Consumer, Consuming, Consumption};
use crate::engine::users::IdentityError;

/// A room, for the application: see [`Chat::room`]. Cheap to clone.
#[derive(Clone)]
pub struct RoomHandle {
    chat: Chat,
    room: RoomId,
}

/// A user, for the application: see [`Chat::user`]. Cheap to clone.
#[derive(Clone)]
pub struct UserHandle {
    chat: Chat,
    id: UserId,
    nickname: Nickname,
}

impl Chat {
    /// Returns a handle of a room, with which the application sends there, reads, and looks who is there. The room need
    /// not be [kept](crate::ChatBuilder::room_rules), nor have anybody in it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = std::sync::Arc::new(chat_store::MemoryStore::new());
    /// # let chat = chat_server::Chat::builder(store).start().await?;
    /// let builds = chat.room("ci".parse()?);
    /// let ack = builds.send("build 123 has failed").key("build-123").await?;
    /// // The webhook comes again: nothing is stored twice.
    /// let again = builds.send("build 123 has failed").key("build-123").await?;
    /// assert_eq!((again.offset, again.duplicate), (ack.offset, true));
    ///
    /// let orders = chat.room("orders".parse()?);
    /// // Clients get it as `socket.on("order updated", (order, serverOffset, meta) => …)`, also those who are away now.
    /// orders.emit("order updated", &serde_json::json!({ "id": 7, "state": "paid" })).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn room(&self, room: RoomId) -> RoomHandle {
        RoomHandle { chat: self.clone(), room }
    }

    /// Returns a handle of the user who has a nickname, or had it last; none if nobody has.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn user(&self, nickname: &Nickname) -> Result<Option<UserHandle>, StoreError> {
        match self.connections.services().identities.find(nickname).await {
            Ok((id, nickname)) => Ok(Some(UserHandle { chat: self.clone(), id, nickname })),
            Err(IdentityError::Refused(_)) => Ok(None),
            Err(IdentityError::Store(error)) => Err(error),
        }
    }

    /// Changes the text of the message at an offset, whoever wrote it. The text in the log is replaced; everybody who has
    /// the message, or gets it later, is told.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = std::sync::Arc::new(chat_store::MemoryStore::new());
    /// # let chat = chat_server::Chat::builder(store).start().await?;
    /// let builds = chat.room("ci".parse()?);
    /// let running = builds.send("build 123 is running").key("build-123").await?;
    /// chat.edit(running.offset, "build 123 has failed").await?;
    /// chat.react(running.offset, "🔥", true).await?;
    ///
    /// let history = builds.history(None, 10).await?;
    /// assert_eq!(history.messages[0].content.as_str(), "build 123 has failed");
    /// chat.delete(running.offset).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn edit(&self, offset: Offset, text: impl Into<String>) -> Sending {
        let text = text.into();
        Sending::change(self.clone(), offset, |audience| {
            Ok(NewMessage::edit(audience, offset, text.try_into()?))
        })
    }

    /// Deletes the message at an offset, whoever wrote it: a text, or an event. Its content is removed from the log and
    /// from the memory of all nodes; everybody who has it is told. Deleting it again is a duplicate.
    pub fn delete(&self, offset: Offset) -> Sending {
        Sending::change(self.clone(), offset, |audience| Ok(NewMessage::deletion(audience, offset)))
    }

    /// Reacts to the message at an offset with an [`Emoji`](chat_core::Emoji), or takes that back.
    pub fn react(&self, offset: Offset, emoji: &str, on: bool) -> Sending {
        Sending::change(self.clone(), offset, |audience| {
            Ok(NewMessage::reaction(audience, offset, &emoji.parse()?, on))
        })
    }

    /// Hands each message of the log to a [`Consumer`], at least once and in order, across restarts, on one of all
    /// nodes. Its cursor is kept with the [sessions](crate::Stores).
    ///
    /// ```
    /// use chat_core::Message;
    /// use chat_server::{Consumer, ConsumerError, Consumption};
    ///
    /// struct SearchIndex;
    ///
    /// #[async_trait::async_trait]
    /// impl Consumer for SearchIndex {
    ///     async fn consume(&self, messages: &[Message]) -> Result<(), ConsumerError> {
    ///         for message in messages {
    ///             println!("{}: {}", message.offset, message.content.as_str());
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = std::sync::Arc::new(chat_store::MemoryStore::new());
    /// # let chat = chat_server::Chat::builder(store).start().await?;
    /// let mut index =
    ///     chat.consume(Consumption::new("search index").from_the_beginning(), SearchIndex);
    /// let sent = chat.room("ci".parse()?).send("build 123 has failed").await?;
    /// index.reaches(sent.offset).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn consume(&self, consumption: Consumption, consumer: impl Consumer) -> Consuming {
        let (log, sessions) = (Arc::clone(&self.log), Arc::clone(&self.sessions));
        let consumer = Arc::new(consumer);
        let (consuming, run) =
            consumers::consumer(log, sessions, consumption, consumer, &self.listening);
        self.relay.spawn(run);
        consuming
    }

    /// Changes what is kept of rooms: creates a room, changes who may read and write there, adds members, gives roles,
    /// invites, kicks, bans, mutes. When it returns, live connections of this node obey; within a second, those of all
    /// nodes do. A kick takes up to a second here, too.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use chat_core::{Posting, Timestamp, Visibility};
    /// use chat_store::{AccessRequest, NewAccessChange};
    ///
    /// # let store = std::sync::Arc::new(chat_store::MemoryStore::new());
    /// let chat = chat_server::Chat::builder(store).room_rules().start().await?;
    /// let announcements = AccessRequest::CreateRoom {
    ///     room: "announcements".parse()?,
    ///     topic: "What is new".parse()?,
    ///     visibility: Visibility::Public,
    ///     posting: Posting::Moderators,
    ///     owner: None,
    /// };
    /// chat.change_access(&NewAccessChange::new(announcements, Timestamp::now())).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Cancel safe: the change is made as a whole or not at all, and in effect within a second if it is.
    ///
    /// # Errors
    /// When the store fails, or [rooms are not kept](crate::ChatBuilder::room_rules). Nothing was changed.
    pub async fn change_access(
        &self,
        change: &NewAccessChange,
    ) -> Result<AccessChanged, ChatError> {
        let Some(rooms) = &self.connections.services().rooms else {
            return Err(ChatError::NoRooms);
        };
        let changed = rooms.change_access(change).await?;
        if let AccessChanged::Yes(number) = changed {
            self.connections.made(change, number).await;
        }
        Ok(changed)
    }
}

impl RoomHandle {
    /// Sends a text to the room, from 1 byte to [`Limits::max_message_bytes`](crate::Limits::max_message_bytes).
    pub fn send(&self, text: impl Into<String>) -> Sending {
        Sending::text(self.chat.clone(), self.audience(), text.into())
    }

    /// Sends an event of the application's own to the room, with a payload that is serialised as JSON. It is kept in the
    /// log as messages are: everybody in the room gets it once, in order, also late.
    ///
    /// The name is checked as an [`EventName`](chat_core::EventName): not one that the chat or Socket.IO uses. Clients
    /// get the payload, the offset, the `meta` of messages, and the recovery offset. In
    /// [`history`](chat_core::event::History) it is a message with `event`.
    pub fn emit(&self, event: &str, payload: &(impl Serialize + ?Sized)) -> Sending {
        Sending::event(self.chat.clone(), self.audience(), event, payload)
    }

    /// Sends an event with its [name](TypedEvent::NAME); otherwise as [`emit`](Self::emit).
    pub fn publish<E: TypedEvent>(&self, event: &E) -> Sending {
        self.emit(E::NAME, event)
    }

    /// Returns the last messages of the room before an offset, or of all with `None`, as they are now, in the order of the
    /// log, without edits, deletions and reactions: at most
    /// `limit`, fewer if they are large. [`Page::more`] tells whether there are earlier ones.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn history(&self, before: Option<Offset>, limit: usize) -> Result<Page, StoreError> {
        self.chat.log.read_before(&self.room.clone().into(), before, limit).await
    }

    /// Returns the first messages of the room after an offset; otherwise as [`history`](Self::history). [`Page::more`]
    /// tells whether there are later ones.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn history_after(&self, after: Offset, limit: usize) -> Result<Page, StoreError> {
        self.chat.log.read_said_after(&self.room.clone().into(), after, limit).await
    }

    /// Returns who is in the room, over all nodes: what clients get as the answer to
    /// [`users`](chat_core::event::USERS).
    pub fn online(&self) -> Users {
        let listed = self.chat.connections.services().presence.users(&self.room);
        let users = listed.and_then(|json| serde_json::from_str(json.get()).ok());
        users.unwrap_or_else(|| Users::new(self.room.clone(), 0, Vec::new()))
    }

    fn audience(&self) -> Audience {
        self.room.clone().into()
    }
}

impl UserHandle {
    /// Returns the id of the user, which stays when the nickname changes.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// Returns the nickname as the user has written it.
    pub fn nickname(&self) -> &Nickname {
        &self.nickname
    }

    /// Returns whether the user is there, on any node.
    pub fn is_online(&self) -> bool {
        self.chat.connections.services().presence.is_present(self.id)
    }

    /// Gives the user another nickname, by the rules for new ones but for those of who may choose what: it must be free, and
    /// look like no other user's. Returns a handle with it. The user is told (`nickname`) and goes on under it on all
    /// nodes, within a second; the old one stays the user's for its lifetime.
    ///
    /// Cancel safe: the user has it or not. Live connections may not have been told.
    ///
    /// # Errors
    /// When the store fails, somebody else has the nickname or one that looks like it, or the user comes with signed
    /// tokens, which say what it is called. Nothing was changed.
    pub async fn rename(&self, nickname: Nickname) -> Result<Self, ChatError> {
        let renamed = self.chat.connections.rename_user(self.id, &nickname).await;
        let nickname = renamed.map_err(|error| match error {
            IdentityError::Refused(refusal) => ChatError::Refused(refusal),
            IdentityError::Store(error) => error.into(),
        })?;
        Ok(Self { nickname, ..self.clone() })
    }

    /// Disconnects the user on all nodes within a second. The sessions end: clients do not come back by themselves, and the
    /// user may connect again. To keep the user out, [`ban`](Self::ban).
    ///
    /// # Errors
    /// When the store fails, or [rooms are not kept](crate::ChatBuilder::room_rules). Nothing has happened.
    pub async fn disconnect(&self, reason: Option<Reason>) -> Result<(), ChatError> {
        let request = AccessRequest::Kick { room: None, subject: Subject::User(self.id) };
        self.moderate(request, reason).await
    }

    /// Keeps the user out of a room, or of everything with `None`, until a time, or until the ban is
    /// [lifted](Self::lift). In effect as with [`Chat::change_access`].
    ///
    /// # Errors
    /// When the store fails, or [rooms are not kept](crate::ChatBuilder::room_rules). Nothing was changed.
    pub async fn ban(
        &self,
        room: Option<&RoomId>,
        until: Option<Timestamp>,
        reason: Option<Reason>,
    ) -> Result<(), ChatError> {
        let key = self.sanction(room, SanctionKind::Ban);
        self.moderate(AccessRequest::Sanction { key, until }, reason).await
    }

    /// Keeps the user from writing; otherwise as [`ban`](Self::ban).
    ///
    /// # Errors
    /// As [`ban`](Self::ban).
    pub async fn mute(
        &self,
        room: Option<&RoomId>,
        until: Option<Timestamp>,
        reason: Option<Reason>,
    ) -> Result<(), ChatError> {
        let key = self.sanction(room, SanctionKind::Mute);
        self.moderate(AccessRequest::Sanction { key, until }, reason).await
    }

    /// Ends the ban and the mute of the user in a room, or with `None` those everywhere.
    ///
    /// # Errors
    /// As [`ban`](Self::ban). One of the two may have ended.
    pub async fn lift(&self, room: Option<&RoomId>) -> Result<(), ChatError> {
        for kind in SanctionKind::ALL {
            let key = self.sanction(room, *kind);
            self.moderate(AccessRequest::LiftSanction { key }, None).await?;
        }
        Ok(())
    }

    fn sanction(&self, room: Option<&RoomId>, kind: SanctionKind) -> SanctionKey {
        SanctionKey { room: room.map(RoomId::key), subject: Subject::User(self.id), kind }
    }

    async fn moderate(
        &self,
        request: AccessRequest,
        reason: Option<Reason>,
    ) -> Result<(), ChatError> {
        let change = NewAccessChange::new(request, Timestamp::now());
        let change = match reason {
            Some(reason) => change.with_reason(reason),
            None => change,
        };
        self.chat.change_access(&change).await.map(drop)
    }

    /// Sends an event of the application's own to all devices of the user, and to nobody else. Otherwise as
    /// [`RoomHandle::emit`].
    pub fn emit(&self, event: &str, payload: &(impl Serialize + ?Sized)) -> Sending {
        let nickname = self.nickname.clone();
        let audience = Audience::Private { from: self.id, to: self.id, nickname };
        Sending::event(self.chat.clone(), audience, event, payload)
    }

    /// Sends an event with its [name](TypedEvent::NAME); otherwise as [`emit`](Self::emit).
    pub fn publish<E: TypedEvent>(&self, event: &E) -> Sending {
        self.emit(E::NAME, event)
    }
}

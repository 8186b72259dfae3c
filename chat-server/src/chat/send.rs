use std::pin::Pin;

use chat_core::{
    Ack, Audience, Author, AuthorId, ClientOffset, Content, EventName, Kind, NewMessage, Nickname,
    Offset, ParseError, PayloadError, Refusal, RefusalCode, RoomId,
};
use chat_store::Appended;
use serde::Serialize;
use thiserror::Error;
use tokio::sync::oneshot;

use super::Chat;
use crate::engine::log::Outcome;
use crate::engine::planted::{self, Bug};

/// The application as an author: all its messages have this one, so that its keys are its own. No user has this number,
/// which is no hash.
const APPLICATION: Author =
    Author::user(AuthorId::of_user([0; 8]), AuthorId::of_session(*b"\0chatapp"));

/// A message or an event of the application that is to be sent: await it.
///
/// It goes through the same queue as the messages of clients and takes its turn among them, is in the same order for
/// everybody, and reaches clients that are away when they come back. No [policy](crate::Policy) is asked and no quota
/// counts. What it returns is the [`Ack`] that a client would get: the message is durable.
///
/// Dropping the future after it was polled does not take the message back: it may be sent. With a [key](Self::key), send
/// it again to be sure.
#[must_use = "nothing is sent before it is awaited"]
pub struct Sending {
    chat: Chat,
    message: Result<NewMessage, SendError>,
    /// The message whose audience it gets.
    of: Option<Offset>,
}

/// Why a message of the application was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The text, the name or the key is not allowed.
    #[error(transparent)]
    Invalid(#[from] ParseError),
    /// The event cannot be made.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// It is longer than [`Limits::max_message_bytes`](crate::Limits::max_message_bytes).
    #[error(transparent)]
    TooLong(Refusal),
    /// The key was used for another message, at this offset.
    #[error("the key was used for another message, at offset {0}")]
    KeyConflict(Offset),
    /// The message that it changes or reacts to is not there, has been deleted, or cannot be changed so.
    #[error("there is no such message, or it has been deleted")]
    Missing,
    /// The store has failed, or the chat is shut down. It can be sent again: with a key it is stored once, even if it was
    /// stored now.
    #[error("the message cannot be stored now; send it again")]
    Unavailable,
}

impl SendError {
    /// Returns the code with which a client would be refused.
    pub fn code(&self) -> RefusalCode {
        match self {
            Self::Invalid(_) => RefusalCode::InvalidArguments,
            Self::Payload(_) | Self::TooLong(_) => RefusalCode::TooLarge,
            Self::KeyConflict(_) => RefusalCode::ClientOffsetConflict,
            Self::Missing => RefusalCode::UnknownMessage,
            Self::Unavailable => RefusalCode::Unavailable,
        }
    }
}

impl Sending {
    pub(super) fn text(chat: Chat, audience: Audience, text: String) -> Self {
        let content = Content::try_from(text).map_err(SendError::from);
        Self::new(chat, content.map(|content| NewMessage::new(audience, content)))
    }

    pub(super) fn event(
        chat: Chat,
        audience: Audience,
        name: &str,
        payload: &(impl Serialize + ?Sized),
    ) -> Self {
        let name = name.parse::<EventName>().map_err(SendError::from);
        let event = name.and_then(|name| Ok(NewMessage::event(audience, name, payload)?));
        Self::new(chat, event)
    }

    /// A change of the message at an offset, whose audience it gets when it is sent.
    pub(super) fn change(
        chat: Chat,
        of: Offset,
        change: impl FnOnce(Audience) -> Result<NewMessage, SendError>,
    ) -> Self {
        Self { of: Some(of), ..Self::new(chat, change(RoomId::general().into())) }
    }

    fn new(chat: Chat, message: Result<NewMessage, SendError>) -> Self {
        let message = message.map(|message| message.with_author(APPLICATION));
        Self { chat, message, of: None }
    }

    /// Makes a text the answer to the message at an offset. Nothing else can be one.
    pub fn in_reply_to(self, offset: Offset) -> Self {
        self.with(|message| match message.kind {
            Kind::Text => Ok(message.in_reply_to(offset)),
            _ => Ok(message),
        })
    }

    /// Sets the key: a message that is sent again with its key, at any time and on any node, is stored once. The keys of
    /// the application are its own; no client can use them up. 1 to 256 bytes without control characters.
    pub fn key(self, key: &str) -> Self {
        self.with(|message| Ok(message.with_client_offset(key.parse::<ClientOffset>()?)))
    }

    /// Sets the name under which clients show it. Without one it is anonymous. It is a label, and no user's nickname
    /// because of it.
    pub fn from(self, name: Nickname) -> Self {
        self.with(|message| Ok(message.with_from(name)))
    }

    fn with(self, change: impl FnOnce(NewMessage) -> Result<NewMessage, SendError>) -> Self {
        Self { message: self.message.and_then(change), ..self }
    }

    async fn send(self) -> Result<Ack, SendError> {
        let Self { chat, message, of } = self;
        let mut message = message?;
        if planted::is(Bug::ApplicationUnkeyed) {
            message.client_offset = None;
        }
        if let Some(of) = of {
            let found = chat.log.message(of).await.map_err(|_| SendError::Unavailable)?;
            message.audience = found.ok_or(SendError::Missing)?.audience;
        }
        chat.limits.admit(&message.content).map_err(SendError::TooLong)?;
        let (answer, answered) = oneshot::channel();
        chat.log.submit(chat.application, message, None, move |outcome| {
            let _ = answer.send(outcome);
        });
        match answered.await {
            Ok(Outcome::Answered(Appended::New(offset))) => Ok(Ack::new(offset, false)),
            Ok(Outcome::Answered(Appended::Duplicate(offset))) => Ok(Ack::new(offset, true)),
            Ok(Outcome::Answered(Appended::Conflict(offset))) => {
                Err(SendError::KeyConflict(offset))
            }
            Ok(Outcome::Answered(Appended::Missing)) => Err(SendError::Missing),
            Ok(Outcome::Unavailable) | Err(_) => Err(SendError::Unavailable),
        }
    }
}

impl IntoFuture for Sending {
    type Output = Result<Ack, SendError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

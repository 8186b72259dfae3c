use axum::response::Response;
use chat_core::event::{HistoryMessage, HistoryRequest};
use chat_core::{
    Ack, Audience, Content, EventName, NewMessage, Nickname, Offset, ParseError, PayloadError,
    RefusalCode,
};
use chat_store::Appended;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::answer::json;
use super::caller::Caller;
use super::error::ApiError;
use super::request::{InRoom, Json, Key, OfUser, Query, nickname};
use super::scope::Right;
use crate::engine::log::Outcome;

/// A message to send: a text, or an event of the application's own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRoomMessage {
    /// The text.
    content: Option<String>,
    /// The name of the event.
    event: Option<String>,
    /// What the event carries; `null` without it.
    payload: Option<Box<RawValue>>,
    /// The name under which clients show it. A label, and no user's nickname because of it.
    #[serde(default, deserialize_with = "nickname")]
    from: Option<Nickname>,
}

/// An event of the application's own for one user.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUserEvent {
    /// The name of the event.
    event: String,
    /// What it carries; `null` without it.
    payload: Option<Box<RawValue>>,
    /// The name under which clients show it.
    #[serde(default, deserialize_with = "nickname")]
    from: Option<Nickname>,
}

/// A page of messages, the oldest first.
#[derive(Serialize)]
pub(super) struct MessagesPage {
    messages: Vec<HistoryMessage>,
    /// Whether there are earlier ones.
    more: bool,
    /// The value of `before` for those; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Offset>,
}

/// `POST /rooms/{room}/messages`
pub(super) async fn post(
    caller: Caller,
    InRoom(room): InRoom,
    Key(key): Key,
    query: Query,
    Json(new): Json<NewRoomMessage>,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Send, Some(&room))?;
    let NewRoomMessage { content, event, payload, from } = new;
    let message = match (content, event) {
        (Some(text), None) if payload.is_none() => NewMessage::new(room, text_of(text)?),
        (None, Some(name)) => event_of(room.into(), &name, payload.as_deref())?,
        _ => {
            let message = "send a text as `content`, or an event as `event` and `payload`";
            return Err(ApiError::invalid(message));
        }
    };
    let mut message = message.with_author(caller.account.author);
    (message.client_offset, message.from) = (key, from);
    send(&caller, message).await
}

/// `POST /users/{nickname}/events`
pub(super) async fn post_to_user(
    caller: Caller,
    OfUser(nickname): OfUser,
    Key(key): Key,
    query: Query,
    Json(new): Json<NewUserEvent>,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Send, None)?;
    let NewUserEvent { event, payload, from } = new;
    let (user, nickname) = caller.services().identities.find(&nickname).await?;
    let audience = Audience::Private { from: user, to: user, nickname };
    let message = event_of(audience, &event, payload.as_deref())?;
    let mut message = message.with_author(caller.account.author);
    (message.client_offset, message.from) = (key, from);
    send(&caller, message).await
}

/// `GET /rooms/{room}/messages`
pub(super) async fn list(
    caller: Caller,
    InRoom(room): InRoom,
    mut query: Query,
) -> Result<Response, ApiError> {
    caller.may(Right::Read, Some(&room))?;
    let before = query.offset("before")?;
    let limit = query.limit(HistoryRequest::DEFAULT_LIMIT, HistoryRequest::MAX_LIMIT)?;
    query.end()?;
    let page = caller.services().log.read_before(&room.into(), before, limit).await?;
    let first = page.messages.first().map(|message| message.offset);
    let shown = |message| match caller.account.author.wrote(&message) {
        true => HistoryMessage::to_author(message),
        false => HistoryMessage::from(message),
    };
    let messages = page.messages.into_iter().map(shown).collect();
    let next = first.filter(|_| page.more);
    Ok(json(StatusCode::OK, &MessagesPage { messages, more: page.more, next }))
}

/// Commits a message, and answers with its offset.
async fn send(caller: &Caller, message: NewMessage) -> Result<Response, ApiError> {
    let services = caller.services();
    services.limits.admit(&message.content)?;
    let (quota, bytes) = (caller.quota(), message.content.as_str().len());
    quota.take(bytes)?;
    let (answer, answered) = oneshot::channel();
    // Also if nobody waits for the answer any more.
    let finish = move |outcome| {
        if !matches!(outcome, Outcome::Answered(Appended::New(_))) {
            quota.give_back(bytes);
        }
        let _ = answer.send(outcome);
    };
    services.log.submit(caller.account.source, message, None, finish);
    match answered.await {
        Ok(Outcome::Answered(Appended::New(offset))) => {
            Ok(json(StatusCode::CREATED, &Ack::new(offset, false)))
        }
        Ok(Outcome::Answered(Appended::Duplicate(offset))) => {
            Ok(json(StatusCode::OK, &Ack::new(offset, true)))
        }
        Ok(Outcome::Answered(Appended::Conflict(offset))) => Err(ApiError::conflict(offset)),
        Ok(Outcome::Unavailable) | Err(_) => Err(ApiError::unavailable()),
    }
}

fn text_of(text: String) -> Result<Content, ApiError> {
    Content::try_from(text).map_err(too_long_or(RefusalCode::InvalidContent))
}

fn event_of(
    audience: Audience,
    name: &str,
    payload: Option<&RawValue>,
) -> Result<NewMessage, ApiError> {
    let name: EventName =
        name.parse().map_err(|error: ParseError| ApiError::invalid(error.to_string()))?;
    NewMessage::event(audience, name, &payload).map_err(|error| match error {
        PayloadError::Length(error) => too_long_or(RefusalCode::InvalidContent)(error),
        error => ApiError::invalid(error.to_string()),
    })
}

/// Returns the refusal of content, by this code unless it is too long.
fn too_long_or(code: RefusalCode) -> impl Fn(ParseError) -> ApiError {
    move |error| match error {
        ParseError::TooLong { .. } => ApiError::new(RefusalCode::TooLarge, error.to_string()),
        error => ApiError::new(code, error.to_string()),
    }
}

use axum::response::Response;
use chat_core::event::{HistoryMessage, HistoryRequest};
use chat_core::{Audience, EventName, NewMessage, Nickname, Offset, ParseError, PayloadError};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::json;
use super::caller::Caller;
use super::error::ApiError;
use super::request::{InRoom, Json, Key, OfUser, Query, nickname};
use super::scope::Right;
use super::submit::{content, refused_content, submit};

/// A message to send: a text, or an event of the application's own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
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
    /// The offset of the message that the text answers.
    reply_to: Option<Offset>,
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
    /// Whether there are more: earlier ones, or with `after` later ones.
    more: bool,
    /// The value of `before`, or of `after`, for those; absent if there are none.
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
    let NewRoomMessage { content: text, event, payload, from, reply_to } = new;
    let mut message = match (text, event) {
        (Some(text), None) if payload.is_none() => {
            let text = NewMessage::new(room, content(text)?);
            match reply_to {
                Some(to) => text.in_reply_to(to),
                None => text,
            }
        }
        (None, Some(name)) if reply_to.is_none() => {
            event_of(room.into(), &name, payload.as_deref())?
        }
        _ => {
            let message = "send a text as `content`, or an event as `event` and `payload`";
            return Err(ApiError::invalid(message));
        }
    };
    (message.client_offset, message.from) = (key, from);
    submit(&caller, message).await
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
    let mut message = event_of(audience, &event, payload.as_deref())?;
    (message.client_offset, message.from) = (key, from);
    submit(&caller, message).await
}

/// `GET /rooms/{room}/messages`
pub(super) async fn list(
    caller: Caller,
    InRoom(room): InRoom,
    mut query: Query,
) -> Result<Response, ApiError> {
    caller.may(Right::Read, Some(&room))?;
    let (before, after) = (query.offset("before")?, query.offset("after")?);
    let limit = query.limit(HistoryRequest::DEFAULT_LIMIT, HistoryRequest::MAX_LIMIT)?;
    query.end()?;
    let (log, feed) = (&caller.services().log, room.into());
    let page = match (before, after) {
        (before, None) => log.read_before(&feed, before, limit).await?,
        (None, Some(after)) => log.read_said_after(&feed, after, limit).await?,
        _ => return Err(ApiError::invalid("of `before` and `after`, give one at the most")),
    };
    let last = if after.is_some() { page.messages.last() } else { page.messages.first() };
    let last = last.map(|message| message.offset);
    let shown = |message| match caller.account.author.wrote(&message) {
        true => HistoryMessage::to_author(message),
        false => HistoryMessage::from(message),
    };
    let messages = page.messages.into_iter().map(shown).collect();
    let next = last.filter(|_| page.more);
    Ok(json(StatusCode::OK, &MessagesPage { messages, more: page.more, next }))
}

fn event_of(
    audience: Audience,
    name: &str,
    payload: Option<&RawValue>,
) -> Result<NewMessage, ApiError> {
    let name: EventName =
        name.parse().map_err(|error: ParseError| ApiError::invalid(error.to_string()))?;
    NewMessage::event(audience, name, &payload).map_err(|error| match error {
        PayloadError::Length(error) => refused_content(error),
        error => ApiError::invalid(error.to_string()),
    })
}

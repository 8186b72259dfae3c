use axum::response::Response;
use chat_core::event::{HistoryMessage, HistoryRequest};
use chat_core::{Audience, EventName, NewMessage, Nickname, Offset, ParseError, PayloadError};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::answer::json;
use super::caller::Caller;
use super::error::ApiError;
use super::refusals::Refusals;
use super::request::{InRoom, Json, Key, OfUser, Query, nickname};
use super::schemas::{Ack, Message};
use super::scope::Right;
use super::submit::{content, refused_content, submit};

/// A message to send: a text, or an event of the application's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct NewRoomMessage {
    /// The text.
    content: Option<String>,
    /// The name of the event.
    event: Option<String>,
    /// What the event carries; `null` without it.
    #[schema(value_type = serde_json::Value, required = false)]
    payload: Option<Box<RawValue>>,
    /// The name under which clients show it. A label, and no user's nickname because of it.
    #[serde(default, deserialize_with = "nickname")]
    #[schema(value_type = Option<String>)]
    from: Option<Nickname>,
    /// The offset of the message that the text answers.
    #[schema(value_type = Option<u64>)]
    reply_to: Option<Offset>,
}

/// An event of the application's own for one user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUserEvent {
    /// The name of the event.
    event: String,
    /// What it carries; `null` without it.
    #[schema(value_type = serde_json::Value, required = false)]
    payload: Option<Box<RawValue>>,
    /// The name under which clients show it.
    #[serde(default, deserialize_with = "nickname")]
    #[schema(value_type = Option<String>)]
    from: Option<Nickname>,
}

/// A page of messages, the oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct MessagesPage {
    #[schema(value_type = Vec<Message>)]
    messages: Vec<HistoryMessage>,
    /// Whether there are more: earlier ones, or with `after` later ones.
    more: bool,
    /// The value of `before`, or of `after`, for those; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    next: Option<Offset>,
    /// Messages before this offset were deleted; absent if there are earlier ones than these, or if none were.
    #[serde(skip_serializing_if = "Option::is_none", rename = "goneBefore")]
    #[schema(value_type = Option<u64>)]
    gone_before: Option<Offset>,
}

/// Sends a text or an event to a room.
#[utoipa::path(
    post,
    path = "/rooms/{room}/messages",
    tag = "messages",
    operation_id = "sendMessage",
    params(
        ("room" = String, Path, description = "The room"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending it again harmless, for good: 1 to 256 bytes. With the same key something else is refused"),
    ),
    request_body = NewRoomMessage,
    responses(
        (status = 201, description = "It is stored", body = Ack),
        (status = 200, description = "It had been stored before", body = Ack),
        Refusals,
    ),
)]
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

/// Sends an event to all devices of a user, and to nobody else.
#[utoipa::path(
    post,
    path = "/users/{nickname}/events",
    tag = "messages",
    operation_id = "sendUserEvent",
    params(
        ("nickname" = String, Path, description = "The nickname of the user"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending it again harmless, for good: 1 to 256 bytes. With the same key something else is refused"),
    ),
    request_body = NewUserEvent,
    responses(
        (status = 201, description = "It is stored", body = Ack),
        (status = 200, description = "It had been stored before", body = Ack),
        Refusals,
    ),
)]
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

/// Lists messages of a room, the newest ones or those before or after an offset.
#[utoipa::path(
    get,
    path = "/rooms/{room}/messages",
    tag = "messages",
    operation_id = "listMessages",
    params(
        ("room" = String, Path, description = "The room"),
        ("before" = Option<u64>, Query, description = "Only messages before this offset"),
        ("after" = Option<u64>, Query, description = "The first messages after this offset"),
        ("limit" = Option<u64>, Query, description = "Maximum number of items, from 1 to 200; 50 without it"),
    ),
    responses(
        (status = 200, description = "A page of messages", body = MessagesPage),
        Refusals,
    ),
)]
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
    let is_gone = match after {
        Some(after) => after < page.horizon,
        None => !page.more && page.horizon > Offset::ZERO,
    };
    let gone_before = is_gone.then(|| page.horizon.next());
    let last = if after.is_some() { page.messages.last() } else { page.messages.first() };
    let last = last.map(|message| message.offset);
    let messages = log.shown(page.messages, caller.account.author).await?;
    let next = last.filter(|_| page.more);
    Ok(json(StatusCode::OK, &MessagesPage { messages, more: page.more, next, gone_before }))
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

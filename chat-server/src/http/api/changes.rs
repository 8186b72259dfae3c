use axum::response::Response;
use chat_core::{Message, NewMessage, Offset, RefusalCode, RoomId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::error::ApiError;
use super::refusals::Refusals;
use super::request::{At, InRoom, Json, Key, Query};
use super::schemas::Ack;
use super::scope::Right;
use super::submit::{content, submit};
use crate::engine::log::unknown_message;

/// The new text of a message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditedMessage {
    /// The text.
    content: String,
}

/// Edits a text that a token of the same name has sent.
#[utoipa::path(
    patch,
    path = "/rooms/{room}/messages/{offset}",
    tag = "messages",
    operation_id = "editMessage",
    params(
        ("room" = String, Path, description = "The room"),
        ("offset" = u64, Path, description = "The offset of the message"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending it again harmless, for good: 1 to 256 bytes. With the same key something else is refused"),
    ),
    request_body = EditedMessage,
    responses(
        (status = 201, description = "It is stored", body = Ack),
        (status = 200, description = "It had been stored before", body = Ack),
        Refusals,
    ),
)]
pub(super) async fn edit(
    caller: Caller,
    InRoom(room): InRoom,
    At(of): At,
    Key(key): Key,
    query: Query,
    Json(EditedMessage { content: text }): Json<EditedMessage>,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Send, Some(&room))?;
    let (room, message) = find(&caller, room, of).await?;
    if !caller.account.author.wrote(&message) {
        let message = "a token edits what tokens of its name have sent, and nothing else";
        return Err(ApiError::new(RefusalCode::Forbidden, message));
    }
    let mut edit = NewMessage::edit(room, of, content(text)?);
    (edit.client_offset, edit.from) = (key, message.from);
    submit(&caller, edit).await
}

/// Deletes a message that a token of the same name has sent, or with the scope `moderate` one of anybody.
#[utoipa::path(
    delete,
    path = "/rooms/{room}/messages/{offset}",
    tag = "messages",
    operation_id = "deleteMessage",
    params(
        ("room" = String, Path, description = "The room"),
        ("offset" = u64, Path, description = "The offset of the message"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending it again harmless, for good: 1 to 256 bytes. With the same key something else is refused"),
    ),
    responses(
        (status = 201, description = "It is stored", body = Ack),
        (status = 200, description = "It had been stored before", body = Ack),
        Refusals,
    ),
)]
pub(super) async fn delete(
    caller: Caller,
    InRoom(room): InRoom,
    At(of): At,
    Key(key): Key,
    query: Query,
) -> Result<Response, ApiError> {
    query.end()?;
    // Whoever may do neither does not learn what there is.
    let sends = caller.may(Right::Send, Some(&room));
    let moderates = caller.may(Right::Moderate, Some(&room));
    if moderates.is_err() {
        sends?;
    }
    let (room, message) = find(&caller, room, of).await?;
    if !caller.account.author.wrote(&message) {
        moderates?;
    }
    let mut deletion = NewMessage::deletion(room, of);
    deletion.client_offset = key;
    submit(&caller, deletion).await
}

/// Returns a message of a room, and the room as the message has it.
async fn find(caller: &Caller, room: RoomId, of: Offset) -> Result<(RoomId, Message), ApiError> {
    let found = caller.services().log.message(of).await?;
    let found = found.filter(|message| message.audience.room() == Some(&room));
    Ok((room, found.ok_or_else(unknown_message)?))
}

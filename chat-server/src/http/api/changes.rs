use axum::response::Response;
use chat_core::{Message, NewMessage, Offset, RefusalCode, RoomId};
use serde::Deserialize;

use super::caller::Caller;
use super::error::ApiError;
use super::request::{At, InRoom, Json, Key, Query};
use super::scope::Right;
use super::submit::{content, submit};
use crate::engine::log::unknown_message;

/// The new text of a message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditedMessage {
    /// The text.
    content: String,
}

/// `PATCH /rooms/{room}/messages/{offset}`: a token edits what tokens of its name have sent.
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

/// `DELETE /rooms/{room}/messages/{offset}`: of tokens of the same name, or with the scope `moderate` of anybody.
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

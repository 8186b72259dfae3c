use axum::response::Response;
use chat_core::Nickname;
use chat_core::event::Users;
use http::StatusCode;
use serde::Serialize;

use super::answer::{json, json_bytes};
use super::caller::Caller;
use super::error::ApiError;
use super::request::{InRoom, OfUser, Query};
use super::scope::Right;

/// A user.
#[derive(Serialize)]
pub(super) struct ShownUser {
    /// The id, which stays when the nickname changes.
    user: String,
    /// The nickname, as the user has written it.
    nickname: Nickname,
    /// Whether the user is in any room, on any node.
    online: bool,
}

/// `GET /rooms/{room}/users`
pub(super) async fn in_room(
    caller: Caller,
    InRoom(room): InRoom,
    query: Query,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Read, Some(&room))?;
    Ok(match caller.services().presence.users(&room) {
        Some(users) => json_bytes(StatusCode::OK, users.get().to_owned()),
        None => json(StatusCode::OK, &Users::new(room, 0, Vec::new())),
    })
}

/// `GET /users/{nickname}`
pub(super) async fn show(
    caller: Caller,
    OfUser(nickname): OfUser,
    query: Query,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Read, None)?;
    let (user, nickname) = caller.services().identities.find(&nickname).await?;
    let online = caller.services().presence.is_present(user);
    Ok(json(StatusCode::OK, &ShownUser { user: user.to_string(), nickname, online }))
}

use axum::response::Response;
use chat_core::Nickname;
use chat_core::event::Users as ListedUsers;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{json, json_bytes};
use super::caller::Caller;
use super::error::ApiError;
use super::refusals::Refusals;
use super::request::{InRoom, OfUser, Query};
use super::schemas::Users;
use super::scope::Right;

/// A user.
#[derive(Serialize, ToSchema)]
pub(super) struct ShownUser {
    /// The id, which stays when the nickname changes.
    user: String,
    /// The nickname, as the user has written it.
    #[schema(value_type = String)]
    nickname: Nickname,
    /// Whether the user is in any room, on any node.
    online: bool,
}

/// Lists who is in a room, over all nodes.
#[utoipa::path(
    get,
    path = "/rooms/{room}/users",
    tag = "users",
    operation_id = "listUsers",
    params(
        ("room" = String, Path, description = "The room"),
    ),
    responses(
        (status = 200, description = "Who is there", body = Users),
        Refusals,
    ),
)]
pub(super) async fn in_room(
    caller: Caller,
    InRoom(room): InRoom,
    query: Query,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Read, Some(&room))?;
    Ok(match caller.services().presence.users(&room) {
        Some(users) => json_bytes(StatusCode::OK, users.get().to_owned()),
        None => json(StatusCode::OK, &ListedUsers::new(room, 0, Vec::new())),
    })
}

/// Shows the user who has a nickname, or had it last.
#[utoipa::path(
    get,
    path = "/users/{nickname}",
    tag = "users",
    operation_id = "showUser",
    params(
        ("nickname" = String, Path, description = "The nickname of the user"),
    ),
    responses(
        (status = 200, description = "The user", body = ShownUser),
        Refusals,
    ),
)]
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

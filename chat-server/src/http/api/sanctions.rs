use axum::response::Response;
use chat_core::SanctionKind;
use utoipa::{IntoParams, IntoResponses};

use super::caller::Caller;
use super::error::ApiError;
use super::moderation::{NewKick, NewSanction, impose, lift, send_out};
use super::refusals::Refusals;
use super::request::{InRoom, Json, Query};
use super::schemas::Moderated;

/// The answer to what a moderator does, for the [document](super::document).
#[allow(dead_code, reason = "it is described, and made of an event's answer")]
#[derive(IntoResponses)]
pub(super) enum Moderation {
    /// Whether that has changed anything
    #[response(status = 200)]
    Done(Moderated),
}

/// Whose ban or mute ends, for the [document](super::document).
#[allow(dead_code, reason = "it is described, and read from the query")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Whom {
    /// The user
    nickname: Option<String>,
    /// Or the address, or the range
    address: Option<String>,
}

/// Bans a user or an address everywhere.
#[utoipa::path(
    post,
    path = "/bans",
    tag = "moderation",
    operation_id = "ban",
    request_body = NewSanction,
    responses(Moderation, Refusals),
)]
pub(super) async fn ban(
    caller: Caller,
    query: Query,
    Json(new): Json<NewSanction>,
) -> Result<Response, ApiError> {
    impose(&caller, None, query, SanctionKind::Ban, new).await
}

/// Bans a user or an address from a room.
#[utoipa::path(
    post,
    path = "/rooms/{room}/bans",
    tag = "moderation",
    operation_id = "banInRoom",
    params(
        ("room" = String, Path, description = "The room"),
    ),
    request_body = NewSanction,
    responses(Moderation, Refusals),
)]
pub(super) async fn ban_in_room(
    caller: Caller,
    InRoom(room): InRoom,
    query: Query,
    Json(new): Json<NewSanction>,
) -> Result<Response, ApiError> {
    impose(&caller, Some(room), query, SanctionKind::Ban, new).await
}

/// Lets a user or an address read but not write.
#[utoipa::path(
    post,
    path = "/mutes",
    tag = "moderation",
    operation_id = "mute",
    request_body = NewSanction,
    responses(Moderation, Refusals),
)]
pub(super) async fn mute(
    caller: Caller,
    query: Query,
    Json(new): Json<NewSanction>,
) -> Result<Response, ApiError> {
    impose(&caller, None, query, SanctionKind::Mute, new).await
}

/// Lets a user or an address read but not write in a room.
#[utoipa::path(
    post,
    path = "/rooms/{room}/mutes",
    tag = "moderation",
    operation_id = "muteInRoom",
    params(
        ("room" = String, Path, description = "The room"),
    ),
    request_body = NewSanction,
    responses(Moderation, Refusals),
)]
pub(super) async fn mute_in_room(
    caller: Caller,
    InRoom(room): InRoom,
    query: Query,
    Json(new): Json<NewSanction>,
) -> Result<Response, ApiError> {
    impose(&caller, Some(room), query, SanctionKind::Mute, new).await
}

/// Ends a ban.
#[utoipa::path(
    delete,
    path = "/bans",
    tag = "moderation",
    operation_id = "liftBan",
    params(Whom),
    responses(Moderation, Refusals)
)]
pub(super) async fn lift_ban(caller: Caller, query: Query) -> Result<Response, ApiError> {
    lift(&caller, None, query, SanctionKind::Ban).await
}

/// Ends a ban from a room.
#[utoipa::path(
    delete,
    path = "/rooms/{room}/bans",
    tag = "moderation",
    operation_id = "liftBanInRoom",
    params(
        ("room" = String, Path, description = "The room"),
        Whom,
    ),
    responses(Moderation, Refusals),
)]
pub(super) async fn lift_ban_in_room(
    caller: Caller,
    InRoom(room): InRoom,
    query: Query,
) -> Result<Response, ApiError> {
    lift(&caller, Some(room), query, SanctionKind::Ban).await
}

/// Ends a mute.
#[utoipa::path(
    delete,
    path = "/mutes",
    tag = "moderation",
    operation_id = "liftMute",
    params(Whom),
    responses(Moderation, Refusals)
)]
pub(super) async fn lift_mute(caller: Caller, query: Query) -> Result<Response, ApiError> {
    lift(&caller, None, query, SanctionKind::Mute).await
}

/// Ends a mute in a room.
#[utoipa::path(
    delete,
    path = "/rooms/{room}/mutes",
    tag = "moderation",
    operation_id = "liftMuteInRoom",
    params(
        ("room" = String, Path, description = "The room"),
        Whom,
    ),
    responses(Moderation, Refusals),
)]
pub(super) async fn lift_mute_in_room(
    caller: Caller,
    InRoom(room): InRoom,
    query: Query,
) -> Result<Response, ApiError> {
    lift(&caller, Some(room), query, SanctionKind::Mute).await
}

/// Sends a user out of a room, who may come back.
#[utoipa::path(
    post,
    path = "/rooms/{room}/kicks",
    tag = "moderation",
    operation_id = "kickFromRoom",
    params(
        ("room" = String, Path, description = "The room"),
    ),
    request_body = NewKick,
    responses(Moderation, Refusals),
)]
pub(super) async fn kick_from_room(
    caller: Caller,
    InRoom(room): InRoom,
    query: Query,
    Json(new): Json<NewKick>,
) -> Result<Response, ApiError> {
    send_out(&caller, Some(room), query, new).await
}

/// Disconnects all devices of a user, who may come back.
#[utoipa::path(
    post,
    path = "/kicks",
    tag = "moderation",
    operation_id = "kick",
    request_body = NewKick,
    responses(Moderation, Refusals),
)]
pub(super) async fn kick(
    caller: Caller,
    query: Query,
    Json(new): Json<NewKick>,
) -> Result<Response, ApiError> {
    send_out(&caller, None, query, new).await
}

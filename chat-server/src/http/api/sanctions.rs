use std::time::Duration;

use axum::response::Response;
use chat_core::event::Moderated as Changed;
use chat_core::{Nickname, Reason, RefusalCode, RoomId, SanctionKind, Timestamp};
use chat_store::{AccessChanged, AccessRequest, NewAccessChange, SanctionKey, Subject};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::json;
use super::caller::Caller;
use super::error::ApiError;
use super::refusals::Refusals;
use super::request::{InRoom, Json, Query, nickname};
use super::schemas::Moderated;
use super::scope::Right;
use crate::engine::policy::RoomPolicy;

/// The longest time in a request: a hundred years, in seconds.
const MOST_SECONDS: u64 = 36_500 * 24 * 60 * 60;

/// Whom to ban or mute: a user or an address, and for how long.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSanction {
    /// The user.
    #[serde(default, deserialize_with = "nickname")]
    #[schema(value_type = Option<String>)]
    nickname: Option<Nickname>,
    /// An address, or a range: `192.0.2.0/24` or /16, for IPv6 /64 or /48.
    address: Option<String>,
    /// For how many seconds, from 1 on; until it is lifted without it.
    #[serde(rename = "for")]
    duration: Option<u64>,
    /// Why, for the log and the one it is about.
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
}

/// Whom to send out of a room.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKick {
    /// The user.
    #[serde(default, deserialize_with = "nickname")]
    #[schema(value_type = String, required)]
    nickname: Option<Nickname>,
    /// Why, for the log and the one it is about.
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
}

/// Bans a user or an address everywhere.
#[utoipa::path(
    post,
    path = "/bans",
    tag = "moderation",
    operation_id = "ban",
    request_body = NewSanction,
    responses(
        (status = 200, description = "Whether that has changed anything", body = Moderated),
        Refusals,
    ),
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
    responses(
        (status = 200, description = "Whether that has changed anything", body = Moderated),
        Refusals,
    ),
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
    responses(
        (status = 200, description = "Whether that has changed anything", body = Moderated),
        Refusals,
    ),
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
    responses(
        (status = 200, description = "Whether that has changed anything", body = Moderated),
        Refusals,
    ),
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
    params(
        ("nickname" = Option<String>, Query, description = "The user"),
        ("address" = Option<String>, Query, description = "Or the address, or the range"),
    ),
    responses(
        (status = 200, description = "Whether that has changed anything", body = Moderated),
        Refusals,
    ),
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
        ("nickname" = Option<String>, Query, description = "The user"),
        ("address" = Option<String>, Query, description = "Or the address, or the range"),
    ),
    responses(
        (status = 200, description = "Whether that has changed anything", body = Moderated),
        Refusals,
    ),
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
    params(
        ("nickname" = Option<String>, Query, description = "The user"),
        ("address" = Option<String>, Query, description = "Or the address, or the range"),
    ),
    responses(
        (status = 200, description = "Whether that has changed anything", body = Moderated),
        Refusals,
    ),
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
        ("nickname" = Option<String>, Query, description = "The user"),
        ("address" = Option<String>, Query, description = "Or the address, or the range"),
    ),
    responses(
        (status = 200, description = "Whether that has changed anything", body = Moderated),
        Refusals,
    ),
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
    operation_id = "kick",
    params(
        ("room" = String, Path, description = "The room"),
    ),
    request_body = NewKick,
    responses(
        (status = 200, description = "Whether that has changed anything", body = Moderated),
        Refusals,
    ),
)]
pub(super) async fn kick(
    caller: Caller,
    InRoom(room): InRoom,
    query: Query,
    Json(NewKick { nickname, reason }): Json<NewKick>,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Moderate, Some(&room))?;
    let subject = subject(&caller, nickname, None).await?;
    change(&caller, AccessRequest::Kick { room: Some(room.key()), subject }, reason).await
}

async fn impose(
    caller: &Caller,
    room: Option<RoomId>,
    query: Query,
    kind: SanctionKind,
    NewSanction { nickname, address, duration, reason }: NewSanction,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Moderate, room.as_ref())?;
    if duration.is_some_and(|seconds| !(1..=MOST_SECONDS).contains(&seconds)) {
        let message = format!("`for` has to be a number of seconds from 1 to {MOST_SECONDS}");
        return Err(ApiError::invalid(message));
    }
    let subject = subject(caller, nickname, address).await?;
    let key = SanctionKey { room: room.map(|room| room.key()), subject, kind };
    let until = duration.map(|seconds| Timestamp::now().plus(Duration::from_secs(seconds)));
    change(caller, AccessRequest::Sanction { key, until }, reason).await
}

async fn lift(
    caller: &Caller,
    room: Option<RoomId>,
    mut query: Query,
    kind: SanctionKind,
) -> Result<Response, ApiError> {
    caller.may(Right::Moderate, room.as_ref())?;
    let nickname = query.one("nickname", "a nickname")?;
    let address = query.one("address", "an address")?;
    query.end()?;
    let subject = subject(caller, nickname, address).await?;
    let key = SanctionKey { room: room.map(|room| room.key()), subject, kind };
    change(caller, AccessRequest::LiftSanction { key }, None).await
}

async fn subject(
    caller: &Caller,
    nickname: Option<Nickname>,
    address: Option<String>,
) -> Result<Subject, ApiError> {
    const ADDRESS: &str =
        "`address` has to be an address, or one with /24 or /16, or for IPv6 /64 or /48";
    match (nickname, address) {
        (Some(nickname), None) => {
            Ok(Subject::User(caller.services().identities.find(&nickname).await?.0))
        }
        (None, Some(address)) => {
            let address = RoomPolicy::address(&address);
            address.map(Subject::Address).ok_or_else(|| ApiError::invalid(ADDRESS))
        }
        _ => Err(ApiError::invalid(
            "name a user as `nickname`, or where that is possible an `address`, and not both",
        )),
    }
}

/// Makes a change, in the name of the server; the log of changes knows no tokens, so the log of the server says whose it
/// was.
async fn change(
    caller: &Caller,
    request: AccessRequest,
    reason: Option<Reason>,
) -> Result<Response, ApiError> {
    let Some(rooms) = &caller.services().rooms else {
        let message = "this server keeps neither rooms nor bans; its operator can turn that on";
        return Err(ApiError::new(RefusalCode::UnknownEvent, message));
    };
    let action = request.action();
    let change = NewAccessChange::new(request, Timestamp::now());
    let change = match reason {
        Some(reason) => change.with_reason(reason),
        None => change,
    };
    let changed = match rooms.change_access(&change).await? {
        AccessChanged::Yes(number) => {
            let name = caller.token.name().as_str();
            tracing::info!(token.name = name, change.number = %number, "{action} by a token of the API");
            caller.api.connections().made(&change, number).await;
            true
        }
        AccessChanged::Unchanged => false,
        AccessChanged::No(_) => {
            let message = "there are as many bans and mutes as there may be; lift some";
            return Err(ApiError::new(RefusalCode::QuotaExceeded, message));
        }
    };
    Ok(json(StatusCode::OK, &Changed::new(changed)))
}

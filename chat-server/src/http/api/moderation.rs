//! What moderators do by a token, whatever the path.

use std::time::Duration;

use axum::response::Response;
use chat_core::event::Moderated;
use chat_core::{Nickname, Reason, RefusalCode, RoomId, SanctionKind, Timestamp};
use chat_store::{AccessChanged, AccessRequest, NewAccessChange, SanctionKey, Subject};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::json;
use super::caller::Caller;
use super::error::ApiError;
use super::request::{Query, nickname};
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

/// Whom to send out of a room, or to disconnect.
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

/// Bans or mutes somebody, in a room or everywhere.
pub(super) async fn impose(
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

/// Ends a ban or a mute.
pub(super) async fn lift(
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

/// Sends somebody out of a room, or disconnects it.
pub(super) async fn send_out(
    caller: &Caller,
    room: Option<RoomId>,
    query: Query,
    NewKick { nickname, reason }: NewKick,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Moderate, room.as_ref())?;
    let subject = subject(caller, nickname, None).await?;
    let room = room.map(|room| room.key());
    change(caller, AccessRequest::Kick { room, subject }, reason).await
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
        return Err(ApiError::no_rooms());
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
    Ok(json(StatusCode::OK, &Moderated::new(changed)))
}

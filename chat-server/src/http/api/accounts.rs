use axum::response::Response;
use chat_core::event::DeviceId;
use chat_core::{AccessScope, Nickname};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::json;
use super::caller::Caller;
use super::error::ApiError;
use super::refusals::Refusals;
use super::request::{Json, OfDevice, OfUser, Query, nickname};
use super::schemas::Devices;
use super::scope::Right;

/// A new nickname.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewNickname {
    /// The nickname, as it is to be written.
    #[serde(default, deserialize_with = "nickname")]
    #[schema(value_type = String, required)]
    nickname: Option<Nickname>,
}

/// A user who has been renamed.
#[derive(Serialize, ToSchema)]
pub(super) struct Renamed {
    /// The id, which is still the same.
    user: String,
    /// The nickname.
    #[schema(value_type = String)]
    nickname: Nickname,
}

/// A device that has been removed.
#[derive(Serialize, ToSchema)]
pub(super) struct Removed {
    /// Its id.
    #[schema(value_type = String)]
    id: DeviceId,
}

/// Gives a user another nickname. The old one stays the user's for its lifetime.
#[utoipa::path(
    put,
    path = "/users/{nickname}/nickname",
    tag = "users",
    operation_id = "renameUser",
    params(
        ("nickname" = String, Path, description = "The nickname of the user"),
    ),
    request_body = NewNickname,
    responses(
        (status = 200, description = "The user", body = Renamed),
        Refusals,
    ),
)]
pub(super) async fn rename(
    caller: Caller,
    OfUser(old): OfUser,
    query: Query,
    Json(NewNickname { nickname }): Json<NewNickname>,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Moderate, None)?;
    let nickname = nickname.ok_or_else(|| ApiError::invalid("`nickname` is missing"))?;
    let (user, _) = caller.services().identities.find(&old).await?;
    let connections = caller.api.connections().clone();
    // It goes on when the client is gone: the new name is logged, and all nodes look.
    let rename = tokio::spawn(async move { connections.rename_user(user, &nickname).await });
    // The process stops.
    let nickname = rename.await.map_err(|_| ApiError::unavailable())??;
    told(&caller, "a user was renamed");
    Ok(json(StatusCode::OK, &Renamed { user: user.to_string(), nickname }))
}

/// Lists the devices of a user.
#[utoipa::path(
    get,
    path = "/users/{nickname}/devices",
    tag = "users",
    operation_id = "listDevices",
    params(
        ("nickname" = String, Path, description = "The nickname of the user"),
    ),
    responses(
        (status = 200, description = "The devices, the one used last first", body = Devices),
        Refusals,
    ),
)]
pub(super) async fn devices(
    caller: Caller,
    OfUser(nickname): OfUser,
    query: Query,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Moderate, None)?;
    let identities = &caller.services().identities;
    let (user, _) = identities.find(&nickname).await?;
    Ok(json(StatusCode::OK, &identities.devices(user, None).await?))
}

/// Removes a device of a user: its connections end on all nodes, and its token is refused from now on.
#[utoipa::path(
    delete,
    path = "/users/{nickname}/devices/{device}",
    tag = "users",
    operation_id = "removeDevice",
    params(
        ("nickname" = String, Path, description = "The nickname of the user"),
        ("device" = String, Path, description = "The id of the device"),
    ),
    responses(
        (status = 200, description = "The device", body = Removed),
        Refusals,
    ),
)]
pub(super) async fn unlink(
    caller: Caller,
    OfUser(nickname): OfUser,
    OfDevice(id): OfDevice,
    query: Query,
) -> Result<Response, ApiError> {
    query.end()?;
    caller.may(Right::Moderate, None)?;
    let services = caller.services().clone();
    let (user, _) = services.identities.find(&nickname).await?;
    // It goes on when the client is gone. All nodes look whatever its outcome is: a removal may have happened that has failed.
    let unlink = tokio::spawn(async move {
        let unlinked = services.identities.unlink_device(user, id).await;
        services.access_changed(&AccessScope::User(user)).await;
        unlinked
    });
    // The process stops.
    unlink.await.map_err(|_| ApiError::unavailable())??;
    told(&caller, "a device was removed");
    Ok(json(StatusCode::OK, &Removed { id }))
}

/// The log of the moderators knows no tokens, so the log of the server says whose it was.
fn told(caller: &Caller, what: &str) {
    tracing::info!(token.name = caller.token.name().as_str(), "{what} by a token of the API");
}

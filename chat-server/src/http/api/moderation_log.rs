use axum::response::Response;
use chat_core::RoomId;
use chat_core::event::ModerationLog;
use chat_store::AccessNumber;
use http::StatusCode;

use super::answer::json;
use super::caller::Caller;
use super::error::ApiError;
use super::refusals::Refusals;
use super::request::Query;
use super::schemas::LogOfModeration;
use super::scope::Right;

/// Lists what moderators have done, in a room or everywhere, the newest first.
#[utoipa::path(
    get,
    path = "/moderation",
    tag = "moderation",
    operation_id = "moderationLog",
    params(
        ("room" = Option<String>, Query, description = "Only what was done in this room"),
        ("before" = Option<u64>, Query, description = "Only entries before the one with this number"),
        ("limit" = Option<u64>, Query, description = "Maximum number of items, from 1 to 200; 50 without it"),
    ),
    responses(
        (status = 200, description = "A page of the log", body = LogOfModeration),
        Refusals,
    ),
)]
pub(super) async fn list(caller: Caller, mut query: Query) -> Result<Response, ApiError> {
    let room = query.one::<RoomId>("room", "the name of a room")?;
    caller.may(Right::Moderate, room.as_ref())?;
    let before = query.one("before", "the number of an entry")?.map(AccessNumber::new);
    let limit = query.limit(50, ModerationLog::MAX_ENTRIES)?;
    query.end()?;
    let Some(log) = caller.services().moderation_log(room.as_ref(), before, limit).await? else {
        return Err(ApiError::no_rooms());
    };
    Ok(json(StatusCode::OK, &log))
}

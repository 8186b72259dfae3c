use axum::response::Response;
use chat_core::RoomId;
use chat_core::event::{KeptRoom, RoomsRequest};
use chat_store::{RoomAccess, RoomRecord, RoomStore, RoomViewer};
use http::StatusCode;
use serde::Serialize;

use super::answer::json;
use super::caller::Caller;
use super::error::ApiError;
use super::refusals::Refusals;
use super::request::Query;
use super::schemas::RoomsList;
use super::scope::Right;

/// A page of rooms.
#[derive(Serialize)]
struct RoomsPage<T> {
    rooms: Vec<T>,
    /// Whether there are more.
    more: bool,
    /// The value of `after` for those; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<RoomId>,
}

/// A room with messages, where rooms are not kept.
#[derive(Serialize)]
struct UsedRoom {
    /// Its name.
    room: RoomId,
    /// The number of users who are there now.
    users: usize,
}

/// Lists rooms: those that are kept, private ones too, or where none are kept, those with messages. A token for some rooms gets
/// these only, so that a page may have fewer than the limit.
#[utoipa::path(
    get,
    path = "/rooms",
    tag = "rooms",
    operation_id = "listRooms",
    params(
        ("after" = Option<String>, Query, description = "Only rooms after this one"),
        ("limit" = Option<u64>, Query, description = "Maximum number of items, from 1 to 100; 100 without it"),
    ),
    responses(
        (status = 200, description = "A page of rooms", body = RoomsList),
        Refusals,
    ),
)]
pub(super) async fn list(caller: Caller, mut query: Query) -> Result<Response, ApiError> {
    if !caller.token.has(Right::Read) {
        caller.may(Right::Read, None)?;
    }
    let after = query.one::<RoomId>("after", "the name of a room")?;
    let limit = query.limit(RoomsRequest::MAX_LIMIT, RoomsRequest::MAX_LIMIT)?;
    query.end()?;
    let may_read = |room: &RoomId| caller.token.allows(Right::Read, Some(room));
    match &caller.services().rooms {
        Some(rooms) => {
            let (rooms, more) = kept(&caller, &**rooms, after, limit).await?;
            let next = rooms.last().map(|room| room.room.clone()).filter(|_| more);
            let rooms = rooms.into_iter().filter(|room| may_read(&room.room)).collect();
            Ok(json(StatusCode::OK, &RoomsPage { rooms, more, next }))
        }
        None => {
            let services = caller.services();
            let mut names = services.log.room_names(after.as_ref(), limit + 1).await?;
            let more = cut(&mut names, limit);
            let next = names.last().cloned().filter(|_| more);
            let rooms = names.into_iter().filter(may_read);
            let used = |room| UsedRoom { users: services.presence.count(&room), room };
            Ok(json(StatusCode::OK, &RoomsPage { rooms: rooms.map(used).collect(), more, next }))
        }
    }
}

async fn kept(
    caller: &Caller,
    rooms: &dyn RoomStore,
    after: Option<RoomId>,
    limit: usize,
) -> Result<(Vec<KeptRoom>, bool), ApiError> {
    let after = after.map(|room| room.key());
    let mut found = rooms.list_rooms(RoomViewer::Operator, after.as_ref(), limit + 1).await?;
    let more = cut(&mut found, limit);
    let shown = |RoomAccess { room, role, .. }: RoomAccess| {
        let users = caller.services().presence.count(&room.id);
        let RoomRecord { id, topic, visibility, posting, members, .. } = room;
        KeptRoom { room: id, topic, visibility, posting, users, members, role, unread: None }
    };
    Ok((found.into_iter().map(shown).collect(), more))
}

/// Cuts a page that was read with one item more than it may have, and returns whether it had that.
fn cut<T>(page: &mut Vec<T>, limit: usize) -> bool {
    let more = page.len() > limit;
    page.truncate(limit);
    more
}

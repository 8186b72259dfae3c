use std::sync::Arc;

use chat_core::RoomId;

use super::super::connection::{Connection, Request};
use super::super::permission::in_turn;
pub(super) use super::super::sending::not_in_room;
use crate::engine::policy::Action;

/// Carries out a request in a room that the client is in: at once, even if other requests wait for the store, because
/// it does not need the store. If the client is not in the room, a join may be among the waiting requests.
///
/// If the policy has to be asked about the `action`, the request waits for its turn, too.
pub(super) fn in_room(
    connection: &Arc<Connection>,
    room: RoomId,
    action: fn(RoomId) -> Action,
    request: Request,
    answer: impl FnOnce(&Connection, &RoomId, Request) + Send + 'static,
) {
    if connection.position.is_in(&room) {
        match connection.permit_now(|| action(room.clone())) {
            Some(Ok(_grant)) => return answer(connection, &room, request),
            Some(Err(refusal)) => return request.refuse(refusal),
            None => {}
        }
    }
    let actions = move |connection: &Connection, room: &RoomId| {
        connection.position.joined(room).map(action).into_iter().collect()
    };
    in_turn(
        connection,
        room,
        request,
        actions,
        |connection, room, request, allowed| match allowed {
            Ok(()) if connection.position.is_in(&room) => answer(connection, &room, request),
            Ok(()) => request.refuse(not_in_room()),
            Err(refusal) => request.refuse(refusal),
        },
    );
}

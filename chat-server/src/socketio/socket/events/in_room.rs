use std::sync::Arc;

use chat_core::{Refusal, RefusalCode, RoomId};

use super::super::connection::{Connection, Request};

/// Carries out a request in a room that the client is in: at once, even if other requests wait for the store, because
/// it does not need the store. If the client is not in the room, a join may be among the waiting requests.
pub(super) fn in_room(
    connection: &Arc<Connection>,
    room: RoomId,
    request: Request,
    answer: impl FnOnce(&Connection, &RoomId, Request) + Send + 'static,
) {
    if connection.position.is_in(&room) {
        return answer(connection, &room, request);
    }
    let later = Arc::clone(connection);
    connection.requests.now_or_later(move || {
        if later.position.is_in(&room) {
            answer(&later, &room, request);
        } else {
            request.refuse(not_in_room());
        }
    });
}

pub(super) fn not_in_room() -> Refusal {
    Refusal::new(RefusalCode::NotInRoom, "you are not in this room; join it first")
}

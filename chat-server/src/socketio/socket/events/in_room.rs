use std::sync::Arc;

use chat_core::{Refusal, RefusalCode, RoomId};

use super::super::connection::{Connection, Request};

/// Does what a client asks for in a room that it is in: at once, whatever waits for the store, as it needs
/// nothing of it. In a room that the client is not in, a join may be among what waits.
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

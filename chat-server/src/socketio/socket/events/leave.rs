use std::sync::Arc;

use chat_core::event::{LEAVE, Left, room_from_event};
use chat_core::{Refusal, RoomId};

use super::super::connection::{Connection, Request};
use super::super::event::Event;
use crate::engine::delivery::Answer;

/// [`chat_core::event::LEAVE`].
pub(crate) struct LeaveEvent;

impl Event for LeaveEvent {
    const NAME: &'static str = LEAVE;

    type Arguments = RoomId;

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        room_from_event(json)
    }

    fn handle(connection: &Arc<Connection>, room: RoomId, request: Request) {
        let later = Arc::clone(connection);
        connection.requests.now_or_later(move || {
            later.leave(&room);
            request.answer(Answer::Left(Left::new(room)));
        });
    }
}

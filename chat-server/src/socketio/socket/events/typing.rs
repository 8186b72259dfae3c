use std::sync::Arc;

use chat_core::event::{TYPING, Typing, TypingHeard};
use chat_core::{Refusal, RoomId};

use super::super::connection::{Connection, Request};
use super::super::event::Event;
use super::in_room::in_room;
use crate::engine::delivery::Answer;
use crate::engine::policy::Action;

/// [`chat_core::event::TYPING`].
pub(crate) struct TypingEvent;

impl Event for TypingEvent {
    const NAME: &'static str = TYPING;

    type Arguments = (RoomId, bool);

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        Typing::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, (room, typing): (RoomId, bool), request: Request) {
        in_room(connection, room, Action::Type, request, move |connection, room, request| {
            connection.presence.typing(room, typing);
            request.answer(Answer::Typing(TypingHeard::new(room.clone(), typing)));
        });
    }
}

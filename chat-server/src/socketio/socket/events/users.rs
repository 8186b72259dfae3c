use std::sync::Arc;

use chat_core::event::{USERS, room_from_event};
use chat_core::{Refusal, RoomId};

use super::super::connection::{Connection, Request};
use super::super::event::Event;
use super::in_room::in_room;
use crate::engine::delivery::Answer;
use crate::engine::policy::Action;

/// [`chat_core::event::USERS`].
pub(crate) struct UsersEvent;

impl Event for UsersEvent {
    const NAME: &'static str = USERS;

    type Arguments = RoomId;

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        room_from_event(json)
    }

    fn handle(connection: &Arc<Connection>, room: RoomId, request: Request) {
        in_room(connection, room, Action::SeeUsers, request, |connection, room, request| {
            if let Some(users) = connection.services.presence.users(room) {
                request.answer(Answer::Made(users));
            }
        });
    }
}

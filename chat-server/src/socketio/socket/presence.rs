use std::sync::Arc;

use chat_core::{RoomId, TYPING, Typing, TypingHeard, USERS, room_from_event};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::chat_message::not_in_room;
use super::connection::{Connection, InOrder, Request, json};
use crate::engine::delivery::Answer;

/// Handles [`chat_core::USERS`].
pub(crate) struct UsersHandler(pub(crate) Arc<Connection>);

/// Handles [`chat_core::TYPING`].
pub(crate) struct TypingHandler(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for UsersHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let Some(request) = self.0.request(USERS, ack_id, event.len()) else { return };
        match room_from_event(json(&event)) {
            Ok(room) => in_room(&self.0, room, request, |connection, room, request| {
                if let Some(users) = connection.services.roster.users(room) {
                    request.answer(Answer::Made(users));
                }
            }),
            Err(refusal) => request.refuse(refusal),
        }
    }
}

impl MessageHandler<LocalAdapter, InOrder> for TypingHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let Some(request) = self.0.request(TYPING, ack_id, event.len()) else { return };
        match Typing::from_event(json(&event)) {
            Ok((room, typing)) => {
                in_room(&self.0, room, request, move |connection, room, request| {
                    connection.attendance.typing(room, typing);
                    request.answer(Answer::Typing(TypingHeard { room: room.clone(), typing }));
                })
            }
            Err(refusal) => request.refuse(refusal),
        }
    }
}

/// Does what a client asks for in a room that it is in: at once, whatever waits for the store, as it needs
/// nothing of it. In a room that the client is not in, a join may be among what waits.
fn in_room(
    connection: &Arc<Connection>,
    room: RoomId,
    request: Request,
    answer: impl FnOnce(&Connection, &RoomId, Request) + Send + 'static,
) {
    if connection.place.is_in(&room) {
        return answer(connection, &room, request);
    }
    let later = Arc::clone(connection);
    connection.turns.now_or_later(move || {
        if later.place.is_in(&room) {
            answer(&later, &room, request);
        } else {
            request.refuse(not_in_room());
        }
    });
}

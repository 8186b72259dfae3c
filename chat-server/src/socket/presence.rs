use std::sync::Arc;

use chat_core::{Refusal, TYPING, Typing, USERS, room_from_event};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::chat_message::not_in_room;
use super::connection::{Connection, InOrder, json};
use crate::delivery::Answer;

/// Handles [`chat_core::USERS`].
pub(crate) struct UsersHandler(pub(crate) Arc<Connection>);

/// Handles [`chat_core::TYPING`].
pub(crate) struct TypingHandler(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for UsersHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let connection = &self.0;
        let Some(request) = connection.request(USERS, ack_id, event.len()) else { return };
        match room_from_event(json(&event)) {
            Ok(room) => {
                let connection = Arc::clone(connection);
                self.0.turns.now_or_later(move || {
                    if connection.place.is_in(&room) {
                        request.answer(Answer::Users(connection.services.roster.users(&room)));
                    } else {
                        request.refuse(not_in_room());
                    }
                });
            }
            Err(refusal) => request.refuse(refusal),
        }
    }
}

impl MessageHandler<LocalAdapter, InOrder> for TypingHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let connection = &self.0;
        let Some(request) = connection.request(TYPING, ack_id, event.len()) else { return };
        match tell(connection, json(&event)) {
            Ok(()) => {}
            Err(refusal) => request.refuse(refusal),
        }
    }
}

/// At once, whatever waits: what comes late is worth nothing.
fn tell(connection: &Connection, event: &str) -> Result<(), Refusal> {
    let (room, typing) = Typing::from_event(event)?;
    if !connection.place.is_in(&room) {
        return Err(not_in_room());
    }
    connection.attendance.typing(&room, typing);
    Ok(())
}

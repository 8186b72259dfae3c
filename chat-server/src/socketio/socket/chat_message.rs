use std::sync::Arc;

use chat_core::{
    Audience, CHAT_MESSAGE, ChatMessage, NewMessage, Refusal, RefusalCode, RoomId, Timestamp,
};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::connection::{Connection, InOrder, Request, json};

/// Handles [`chat_core::CHAT_MESSAGE`].
///
/// Not an async closure: socketioxide spawns those, and two messages of one client could overtake each
/// other. This runs in the order of arrival, hands the message to the log and is done; the log answers.
pub(crate) struct ChatMessageHandler(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for ChatMessageHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let connection = &self.0;
        let Some(request) = connection.request(CHAT_MESSAGE, ack_id, event.len()) else { return };
        match ChatMessage::from_event(json(&event)) {
            Ok(message) => {
                let connection = Arc::clone(connection);
                self.0.turns.now_or_later(move || submit(&connection, message, request));
            }
            Err(refusal) => request.refuse(refusal),
        }
    }
}

fn submit(connection: &Connection, message: ChatMessage, mut request: Request) {
    let ChatMessage { content, client_offset, options } = message;
    if let Err(refusal) = connection.services.limits.admit(&content) {
        return request.refuse(refusal);
    }
    let room = options.room.unwrap_or_else(RoomId::general);
    let Some(room) = connection.place.joined(&room) else {
        return request.refuse(not_in_room());
    };
    if let Err(refusal) = request.spend(&content) {
        return request.refuse(refusal);
    }
    let (audience, from) = (Audience::Room(room), connection.nickname());
    let (author, at) = (Some(connection.authorship.writes()), Timestamp::now());
    let message = NewMessage { audience, content, client_offset, from, author, at };
    let log = &connection.services.log;
    log.submit(connection.reader, message, connection.origin(), move |outcome| {
        request.finish(outcome)
    });
}

pub(crate) fn not_in_room() -> Refusal {
    Refusal::new(RefusalCode::NotInRoom, "you are not in this room; join it first")
}

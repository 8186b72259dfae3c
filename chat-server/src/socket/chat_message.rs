use std::sync::Arc;

use chat_core::{ChatMessage, NewMessage, Refusal, RefusalCode, RoomId, Timestamp};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::connection::{Connection, InOrder, json};

/// Handles [`chat_core::CHAT_MESSAGE`].
///
/// Not an async closure: socketioxide spawns those, and two messages of one client could overtake each
/// other. This runs in the order of arrival, hands the message to the log and is done; the log answers.
pub(crate) struct ChatMessageHandler(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for ChatMessageHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let Some(request) = self.0.request(ack_id, event.len()) else { return };
        match parse(&self.0, json(&event)) {
            Ok(message) => self.0.log.submit(message, move |outcome| request.finish(outcome)),
            Err(refusal) => request.refuse(refusal),
        }
    }
}

fn parse(connection: &Connection, event: &str) -> Result<NewMessage, Refusal> {
    let ChatMessage { content, client_offset, options } = ChatMessage::from_event(event)?;
    let room = options.room.unwrap_or_else(RoomId::general);
    if !connection.rooms.now().contains_key(&room) {
        let message = "you are not in this room; join it first";
        return Err(Refusal::new(RefusalCode::NotInRoom, message));
    }
    Ok(NewMessage { room, content, client_offset, from: None, at: Timestamp::now() })
}

use std::sync::Arc;
use std::time::Duration;

use chat_core::{Refusal, RefusalCode};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::connection::{Connection, InOrder, json};
use crate::socketio::transport::{AUTH_TOO_LARGE, NO_ROOM, TOO_LARGE};

/// When a large event may be sent again for which there was no room.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Handles [`TOO_LARGE`], which stands in the place of an event that was not read.
pub(crate) struct TooLargeHandler(pub(crate) Arc<Connection>);

/// Handles [`NO_ROOM`], which stands in the place of an event that was not read.
pub(crate) struct NoRoomHandler(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for TooLargeHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let Some(request) = self.0.request(TOO_LARGE, ack_id, event.len()) else { return };
        let bytes = serde_json::from_str(json(&event)).map_or(0, |(_, bytes): (&str, u64)| bytes);
        let most = self.0.services.limits.max_packet_bytes;
        let message = format!("the event has {bytes} bytes, {most} is the most");
        // As a message that is too long and was read.
        request.refuse(Refusal::new(RefusalCode::InvalidContent, message));
    }
}

impl MessageHandler<LocalAdapter, InOrder> for NoRoomHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let Some(request) = self.0.request(NO_ROOM, ack_id, event.len()) else { return };
        let message = "too many large events are being sent; send this one again later";
        request.refuse(Refusal::slow_down(message, RETRY_AFTER));
    }
}

/// Refuses a client whose `auth` was not read.
pub(crate) fn check_auth(auth: &str) -> Result<(), Refusal> {
    let begins = auth.strip_prefix("{\"").is_some_and(|rest| rest.starts_with(AUTH_TOO_LARGE));
    if !begins {
        return Ok(());
    }
    let message = "what the client says in `auth` is too large";
    Err(Refusal::new(RefusalCode::TooLarge, message))
}

use std::sync::Arc;

use chat_core::{Refusal, RefusalCode};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::super::connection::{Connection, InOrder, json};

/// Handles events that have no other handler.
pub(crate) struct UnknownEvents(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for UnknownEvents {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let name = chat_core::event::event_name(json(&event)).unwrap_or_default();
        let Some(request) = self.0.request(&name, ack_id, event.len()) else { return };
        let message = "there is no such event; the README lists those there are";
        request.refuse(Refusal::new(RefusalCode::UnknownEvent, message));
    }
}

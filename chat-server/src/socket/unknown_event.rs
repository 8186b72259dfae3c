use std::sync::Arc;

use chat_core::{Refusal, RefusalCode};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::connection::{Connection, InOrder, Request};

/// Handles what no other handler is there for.
pub(crate) struct UnknownEventHandler(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for UnknownEventHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let message = "there is no such event; the README lists those there are";
        Request::new(Arc::clone(&self.0), ack_id, event.len())
            .refuse(Refusal::new(RefusalCode::UnknownEvent, message));
    }
}

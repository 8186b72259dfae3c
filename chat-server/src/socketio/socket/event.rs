use std::marker::PhantomData;
use std::sync::Arc;

use chat_core::Refusal;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::SocketRef;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::connection::{Connection, InOrder, Request, json};

/// An event from clients: one type for each, in a file of its own in `events`.
pub(crate) trait Event: 'static {
    /// The name of the event.
    const NAME: &'static str;

    /// The bytes that a request counts until it is answered, in addition to the length of the event.
    const TASK_BYTES: usize = 0;

    /// The arguments from the client.
    type Arguments;

    /// Reads the arguments from the JSON of the whole event, which begins with its name.
    ///
    /// # Errors
    /// The refusal to answer with.
    fn read(json: &str) -> Result<Self::Arguments, Refusal>;

    /// Carries out the request and answers it. Called in the order in which the events of a connection arrive; it
    /// must not block. Work that waits goes through the connection's [request queue](Connection::requests).
    fn handle(connection: &Arc<Connection>, arguments: Self::Arguments, request: Request);
}

/// Registers the handler of an event on a socket.
pub(crate) fn on<E: Event>(socket: &SocketRef, connection: &Arc<Connection>) {
    socket.on(E::NAME, Handler::<E>(Arc::clone(connection), PhantomData));
}

/// Handles an event that has arrived.
pub(super) fn handle<E: Event>(connection: &Arc<Connection>, event: &Value, ack_id: Option<i64>) {
    let bytes = event.len() + connection.task_bytes(E::TASK_BYTES);
    let Some(request) = connection.request(E::NAME, ack_id, bytes) else { return };
    match E::read(json(event)) {
        Ok(arguments) => E::handle(connection, arguments, request),
        Err(refusal) => request.refuse(refusal),
    }
}

/// Not an async closure: socketioxide spawns those, and two messages of one client could overtake each other. This
/// handler runs in the order of arrival.
struct Handler<E>(Arc<Connection>, PhantomData<fn(E)>);

impl<E: Event> MessageHandler<LocalAdapter, InOrder> for Handler<E> {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        handle::<E>(&self.0, &event, ack_id);
    }
}

use std::marker::PhantomData;
use std::sync::Arc;

use chat_core::Refusal;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::SocketRef;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::connection::{Connection, InOrder, Request, json};

/// An event that clients send: one type for each, in a file of its own in `events`.
pub(crate) trait Event: 'static {
    /// Its name.
    const NAME: &'static str;

    /// What a request counts beside the length of the event until it is answered, in bytes.
    const TASK_BYTES: usize = 0;

    /// What a client sends with it.
    type Arguments;

    /// Reads the arguments from the JSON of the whole event, which begins with its name.
    ///
    /// # Errors
    /// The refusal to answer with.
    fn read(json: &str) -> Result<Self::Arguments, Refusal>;

    /// Does what a client asks for, and answers. Called in the order in which the events of a connection arrive; it
    /// must not block. What waits goes through the connection's [turns](Connection::requests).
    fn handle(connection: &Arc<Connection>, arguments: Self::Arguments, request: Request);
}

/// Has an event of a socket handled.
pub(crate) fn on<E: Event>(socket: &SocketRef, connection: &Arc<Connection>) {
    socket.on(E::NAME, Handler::<E>(Arc::clone(connection), PhantomData));
}

/// Not an async closure: socketioxide spawns those, and two messages of one client could overtake each other. This runs
/// in the order of arrival.
struct Handler<E>(Arc<Connection>, PhantomData<fn(E)>);

impl<E: Event> MessageHandler<LocalAdapter, InOrder> for Handler<E> {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let Self(connection, _) = self;
        let bytes = event.len() + E::TASK_BYTES;
        let Some(request) = connection.request(E::NAME, ack_id, bytes) else { return };
        match E::read(json(&event)) {
            Ok(arguments) => E::handle(connection, arguments, request),
            Err(refusal) => request.refuse(refusal),
        }
    }
}

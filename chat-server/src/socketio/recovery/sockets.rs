use std::sync::Arc;

use chat_core::Timestamp;
use socketioxide::extract::SocketRef;

use crate::socketio::transport::{Farewell, Link};

/// Returns the public id of a client, which it knows as `socket.id`. Others may know it, and it survives the recovery
/// of the session.
///
/// socketioxide's `socket.id` is different: it is the id of the Engine.IO session, a secret of the client. Anyone who
/// knows it can act as the client. For a socket that was not opened through
/// [`TransportService`](crate::TransportService) both are the same.
pub fn public_id(socket: &SocketRef) -> String {
    link_of(socket)
        .map_or_else(|| socket.id.to_string(), |link| link.namespaces.public_id(socket.ns()))
}

pub(super) fn link_of(socket: &SocketRef) -> Option<&Arc<Link>> {
    socket.req_parts().extensions.get()
}

/// Returns when a connection was opened: the clock time, and its number within this process.
pub(super) fn opened(socket: &SocketRef) -> (Timestamp, u64) {
    link_of(socket).map_or((Timestamp::now(), u64::MAX), |link| link.opened)
}

/// Disconnects a socket whose session another connection has taken.
///
/// The client is told ("io server disconnect") and does not reconnect by itself: two clients with one secret would
/// otherwise take the session from each other forever.
pub(super) fn evict(socket: SocketRef) {
    tracing::info!(
        socket.id = public_id(&socket),
        "a connection was closed: its session was taken over"
    );
    let link = socket.req_parts().extensions.get::<Arc<Link>>().cloned();
    if let Some(link) = &link {
        link.note(Farewell::TakenOver);
    }
    // It fails if the client does not read, most likely because it is gone.
    if socket.disconnect().is_err()
        && let Some(link) = link
    {
        link.close(Farewell::TakenOver);
    }
}

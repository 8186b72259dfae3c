use std::sync::Arc;

use chat_core::Timestamp;
use socketioxide::extract::SocketRef;

use crate::socketio::transport::{Farewell, Link};

/// The public id of a client: what it knows as `socket.id`. Others may know it, and it stays when the client gets its
/// session back.
///
/// `socket.id` of socketioxide is another one: the id of the Engine.IO session, a secret of the client's. Whoever knows
/// it can act as the client. For a socket that was not opened through [`TransportService`](crate::TransportService)
/// both are the same.
pub fn public_id(socket: &SocketRef) -> String {
    link_of(socket).map_or_else(|| socket.id.to_string(), |link| link.public_id(socket.ns()))
}

pub(super) fn link_of(socket: &SocketRef) -> Option<&Arc<Link>> {
    socket.req_parts().extensions.get()
}

/// When a connection was opened: by the clock, and by its number among those of this process.
pub(super) fn opened(socket: &SocketRef) -> (Timestamp, u64) {
    link_of(socket).map_or((Timestamp::now(), u64::MAX), |link| link.opened)
}

/// Disconnects a socket whose session another connection has.
///
/// It is told so ("io server disconnect"), and does not connect again by itself: two clients with one
/// secret would take it from each other for ever.
pub(super) fn evict(socket: SocketRef) {
    tracing::info!(
        socket.id = public_id(&socket),
        "a connection was closed: its session was taken over"
    );
    let link = socket.req_parts().extensions.get::<Arc<Link>>().cloned();
    if let Some(link) = &link {
        link.note(Farewell::TakenOver);
    }
    // It fails when the client does not read, most likely because it is gone.
    if socket.disconnect().is_err()
        && let Some(link) = link
    {
        link.close(Farewell::TakenOver);
    }
}

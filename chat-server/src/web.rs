//! What a browser needs: the chat page, the Socket.IO client, and a health check.

mod asset;
mod page;
mod socket_io_client;

use axum::Router;
use axum::routing::get;

/// The routes of the page, of the Socket.IO browser client, and `GET /healthz`.
///
/// The client's files lie below `/socket.io/`, the path of the Socket.IO endpoint itself: these routes
/// have to come before it.
pub(crate) fn router() -> Router {
    Router::new().merge(page::router()).merge(client_router()).route("/healthz", get(async || "ok"))
}

/// The routes of the Socket.IO browser client alone.
pub(crate) fn client_router() -> Router {
    socket_io_client::router()
}

#[cfg(test)]
mod tests;

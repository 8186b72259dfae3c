//! Content for browsers: the chat page, the Socket.IO client, and a health check.

#[cfg(feature = "page")]
mod admin;
#[cfg(feature = "page")]
mod asset;
#[cfg(feature = "page")]
mod headers;
#[cfg(feature = "page")]
mod page;
#[cfg(feature = "page")]
mod socket_io_client;

use axum::Router;
use axum::routing::get;

/// Returns the routes of the chat page and of the Socket.IO browser client.
///
/// The client's files are below `/socket.io/`, the path of the Socket.IO endpoint itself, so these routes must come
/// before it.
#[cfg(feature = "page")]
pub(crate) fn router() -> Router {
    page::router().merge(client_router())
}

/// Returns no routes: the program was built without the page.
#[cfg(not(feature = "page"))]
pub(crate) fn router() -> Router {
    Router::new()
}

/// Returns the routes of the operator's page; none if the program was built without pages.
pub(crate) fn admin_router() -> Router {
    #[cfg(feature = "page")]
    return admin::router();
    #[cfg(not(feature = "page"))]
    Router::new()
}

/// Returns whether a path is that of the operator's page or one of its files.
pub(crate) fn is_of_admin_page(path: &str) -> bool {
    #[cfg(feature = "page")]
    return admin::has(path);
    #[cfg(not(feature = "page"))]
    {
        let _ = path;
        false
    }
}

/// Returns `GET /healthz`, which answers as long as the process works.
pub(crate) fn health() -> Router {
    Router::new().route("/healthz", get(async || "ok"))
}

/// Returns a router with the official Socket.IO client for browsers, below `/socket.io` as the Node.js server serves
/// it: `/socket.io/socket.io.js` and its variants.
///
/// It needs no [`Chat`](crate::Chat): any socketioxide application can serve it next to its own service. If the
/// client was not compiled in because npm was missing, these paths answer with status 404 and say what to do.
///
/// ```
/// let (service, io) = socketioxide::SocketIo::new_svc();
/// # let _ = io;
/// let app: axum::Router =
///     axum::Router::new().route_service("/socket.io/", service).merge(chat_server::client_router());
/// ```
#[cfg(feature = "page")]
pub fn client_router() -> Router {
    socket_io_client::router()
}

#[cfg(test)]
#[cfg(feature = "page")]
mod tests;

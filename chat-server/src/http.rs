//! Everything that is HTTP and not Socket.IO: the HTTP server, origin checks, the API, the chat page and the browser
//! client.

#[cfg(feature = "api")]
pub(crate) mod api;
pub(crate) mod base_path;
pub(crate) mod origin;
pub(crate) mod server;
pub(crate) mod trusted_proxy;
pub(crate) mod web;

//! Everything that is HTTP and not Socket.IO: the HTTP server, origin checks, the API, webhooks, the chat page and the
//! browser client.

#[cfg(feature = "api")]
pub(crate) mod api;
pub(crate) mod base_path;
#[cfg(feature = "tls")]
pub(crate) mod certificate;
pub(crate) mod exposition;
pub(crate) mod files;
pub(crate) mod operator_token;
pub(crate) mod origin;
mod owner_only;
pub(crate) mod process;
pub(crate) mod server;
#[cfg(any(feature = "api", feature = "webhook"))]
mod told;
pub(crate) mod trusted_proxy;
pub(crate) mod web;
#[cfg(feature = "webhook")]
pub(crate) mod webhook;

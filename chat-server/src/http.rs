//! What is HTTP and not Socket.IO: the server of connections, who may ask, the page and the browser client.

pub(crate) mod base_path;
pub(crate) mod origin;
pub(crate) mod server;
pub(crate) mod trusted_proxy;
pub(crate) mod web;

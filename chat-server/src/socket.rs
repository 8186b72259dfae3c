//! The chat on Socket.IO: what happens when a client connects, and its events.

mod chat_message;
mod connect;
mod connection;
mod rooms;
mod session;
mod sink;
mod unknown_event;

pub(crate) use connect::{Authenticate, Connections, Hooks, register};

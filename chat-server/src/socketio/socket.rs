//! The chat on Socket.IO: what happens when a client connects, and its events.

mod authorship;
mod chat_message;
mod connect;
mod connection;
mod history;
mod keeper;
mod live;
mod nickname;
mod not_joined;
mod observe;
mod presence;
mod private_message;
mod rooms;
mod session;
mod sink;
mod too_large;
mod turns;
mod unknown_event;

pub(crate) use connect::{Authenticate, Connections, Hooks, Services, register};
pub use observe::{Direction, Observed};
#[cfg(feature = "bench")]
pub(crate) use sink::frame_of;

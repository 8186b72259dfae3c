//! The chat on Socket.IO: connecting clients, and their events.

mod accept;
mod access_changes;
mod access_feed;
mod access_progress;
mod admission;
mod auth;
mod authorship;
mod connect;
mod connect_error;
mod connection;
mod event;
mod events;
mod exclusions;
mod keeper;
mod listing;
mod live;
mod moderation_log;
mod move_away;
mod nickname_changes;
mod not_joined;
mod observe;
mod permission;
mod request_queue;
mod room_changed;
mod sending;
mod services;
mod session;
mod sink;
mod standing;

pub(crate) use access_progress::AccessProgress;
#[cfg(feature = "bench")]
pub use auth::read_auth;
pub(crate) use connect::{Connections, register};
pub use connect_error::ConnectError;
pub(crate) use listing::ListedConnection;
pub use observe::{Direction, Observed};
pub(crate) use services::{Authenticate, Hooks, Services};
pub(crate) use session::ChatSession;
#[cfg(feature = "bench")]
pub(crate) use sink::frame_of;

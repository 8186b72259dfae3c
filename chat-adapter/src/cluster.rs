//! Several processes on one host: a hub in their supervisor process, on a Unix domain socket.
//!
//! ```text
//!   node ──┐          ┌──▶ node        each arrow: length-prefixed frames,
//!   node ──┼──▶ hub ──┼──▶ node        from a bounded queue that forgets
//!   node ──┘          └──▶ node        its oldest and says so
//! ```
//!
//! On the socket, a record is a length of four bytes, most significant first, followed by that many bytes: an encoded
//! [`Frame`](chat_core::Frame). A record without bytes means that frames are missing in its place. The hub begins
//! each connection with one, because it cannot know what the node has missed. Idle peers send a heartbeat every
//! second: a length of 2³² − 1 alone. A node that hears nothing for three seconds drops its hub, which may be
//! suspended and still running.

mod connection;
mod hub;
mod node;
mod queue;
mod wire;

pub use hub::ClusterHub;
pub use node::ClusterBroadcast;

//! Several processes of one host: a hub in the process that supervises them, on a local socket.
//!
//! ```text
//!   node ──┐          ┌──▶ node        each arrow: length-prefixed frames,
//!   node ──┼──▶ hub ──┼──▶ node        from a bounded queue that forgets
//!   node ──┘          └──▶ node        its oldest and says so
//! ```
//!
//! On the socket a record is a length of four bytes, most significant first, and as many bytes: an encoded
//! [`Frame`](chat_core::Frame). A record without bytes says that frames are missing in its place. The hub
//! begins each connection with one, because it cannot know what this node has missed. Whoever has nothing to
//! write for a second writes a length of 2³² − 1 alone: a node that hears nothing for three seconds gives its
//! hub up, which may have been stopped and not ended.

mod connection;
mod hub;
mod node;
mod queue;
mod wire;

pub use hub::ClusterHub;
pub use node::ClusterBroadcast;

//! Between HTTP and Socket.IO: what socketioxide does not tell about a connection, and back-pressure in both
//! directions.
//!
//! socketioxide gives each connection a bounded buffer. Sending into a full one fails, a full one also
//! keeps out the heartbeat, which ends the connection, and nothing tells when there is room. Reading
//! does not stop when a handler cannot keep up. [`TransportService`] stands in front of it, gives every
//! connection a [`Link`], and the link knows:
//!
//! - when all that was sent has left, so that a sender can keep the buffer half empty without asking
//!   again and again;
//! - how much the client has in flight and how often it sends something, so that a flood is left in the client's
//!   own send buffer;
//! - when to close, also when the client reads nothing.
//!
//! For connections that begin as a websocket it also has a [`DirectWriter`]: frames that are made once for all
//! connections are put between those of socketioxide, in one write however many there are.
//!
//! Clients that speak [MessagePack](msgpack) are translated here, in both directions.

mod admission;
mod body;
mod budget;
mod client_frames;
mod direct_writer;
mod dropped;
mod fair_queue;
mod farewell;
mod frames;
mod inbound;
mod incoming;
mod json;
mod link;
mod msgpack;
mod namespaces;
mod oversize;
mod packet;
mod payload;
mod plain_name;
mod poll;
mod polling;
mod public_id;
mod registry;
mod service;
mod stream;
mod unsent;
mod upgrade;
mod websocket;
mod write_multiplexer;

#[cfg(test)]
mod tests;

pub(crate) use direct_writer::DirectWriter;
pub(crate) use dropped::{AUTH_TOO_LARGE, NO_ROOM, TOO_LARGE};
pub(crate) use farewell::Farewell;
pub(crate) use frames::written_text_frame;
pub(crate) use link::{ConnectReply, InFlight, Link};
pub use service::TransportService;
pub(crate) use websocket::Websocket;

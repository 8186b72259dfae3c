//! The layer between HTTP and Socket.IO: information about connections that socketioxide does not provide, and
//! back-pressure in both directions.
//!
//! socketioxide gives each connection a bounded buffer. Sending into a full one fails, a full one also blocks the
//! heartbeat, which ends the connection, and there is no notification when there is room. Reading does not stop when
//! a handler cannot keep up. [`TransportService`] wraps it and gives every connection a [`Link`], which knows:
//!
//! - when everything has been sent, so that a sender can keep the buffer half empty without polling;
//! - how much the client has in flight and how often it sends, so that a flood stays in the client's own send buffer;
//! - when to close, also if the client reads nothing.
//!
//! Connections that begin as a websocket also have a [`DirectWriter`]: it inserts frames that are created once for
//! all connections between those of socketioxide, in one write however many there are.
//!
//! Packets of clients that use [MessagePack](msgpack) are translated here, in both directions.

mod admission;
mod attachments;
mod body;
mod budget;
mod changed;
mod client_frames;
mod counters;
mod direct_writer;
mod dropped;
mod end;
mod fair_queue;
mod farewell;
mod frame_filter;
mod frames;
mod full;
#[cfg(feature = "bench")]
pub(crate) mod fuzzing;
mod in_flight;
mod inbound;
mod incoming;
mod incoming_window;
mod json;
mod link;
mod msgpack;
mod namespaces;
mod outgoing_window;
mod oversize;
mod packet;
mod payload;
mod plain_name;
mod poll;
mod polling;
mod public_id;
mod reconnect;
mod registry;
mod service;
mod stage;
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
pub(crate) use in_flight::InFlight;
pub(crate) use link::Link;
pub(crate) use namespaces::ConnectReply;
pub use service::TransportService;
pub(crate) use websocket::Websocket;

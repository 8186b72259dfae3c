//! A Socket.IO client over websocket with no more than measuring needs: no library, one buffer for
//! all connections, and no JSON parser for what arrives.

mod connection;
mod frame;
mod packet;
mod pipeline;
mod stamp;

pub(crate) use connection::{Connection, Outgoing};
pub(crate) use packet::Packet;
pub(crate) use pipeline::Pipeline;
pub(crate) use stamp::{CONTENT_BYTES, Stamp, now_micros};

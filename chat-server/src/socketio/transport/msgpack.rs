//! Support for clients whose packets are [MessagePack](https://msgpack.org), those with `socket.io-msgpack-parser`.
//!
//! Packets are translated where bytes enter and leave, so that all other code sees the usual form, text or text with
//! attachments. A client's first packet determines its encoding: it is text or binary.
//!
//! ```text
//!  { type: 2, nsp: "/", id: 7, data: ["chat message", "hi"] }   ◀──▶   427["chat message","hi"]
//!  one binary message, in polling `b` and Base64                       a text message, and one for each attachment
//! ```

mod client_packet;
mod encoding;
mod from_json;
pub(super) mod polled;
mod server_frames;
mod server_packet;
mod skim;
mod to_json;

#[cfg(test)]
mod tests;

pub(super) use client_packet::{ClientPacket, tell_of_malformed};
pub(super) use encoding::Encoding;
pub(super) use server_frames::{ServerFrames, put_translated};
pub(super) use server_packet::ServerPackets;
pub(super) use skim::Skim;
pub(super) use to_json::Unreadable;

#![doc = include_str!("../README.md")]

mod ack;
mod client_offset;
mod cursor;
mod error;
mod event;
mod frame;
mod id;
mod message;
mod offset;

pub use ack::{Ack, Joined, Left, Refusal, RefusalCode};
pub use client_offset::ClientOffset;
pub use cursor::{Cursor, Step};
pub use error::ParseError;
pub use event::{CHAT_MESSAGE, JOIN, LEAVE};
pub use event::{
    ChatMessage, ChatMessageOptions, Delivery, DeliveryMeta, Handshake, room_from_event,
};
pub use frame::{FRAME_VERSION, Frame, FrameBody, FrameError};
pub use id::{Nickname, NodeId, RoomId};
pub use message::{Content, Message, NewMessage, Timestamp};
pub use offset::{Epoch, Offset, RecoveryOffset};

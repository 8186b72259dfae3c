#![doc = include_str!("../README.md")]

mod ack;
mod audience;
mod author;
mod client_offset;
mod error;
mod event;
mod frame;
mod id;
mod message;
mod nickname;
mod offset;
mod scripts;
mod visible;

pub use ack::{Ack, Answer, Refusal, RefusalCode};
pub use audience::{Audience, Feed, UserId};
pub use author::{Author, AuthorId};
pub use client_offset::ClientOffset;
pub use error::ParseError;
pub use event::{
    CHAT_MESSAGE, HISTORY, JOIN, LEAVE, MAX_EVENT_BYTES, NICKNAME, NOT_JOINED, PRIVATE_MESSAGE,
    TYPING, USER_JOINED, USER_LEFT, USERS,
};
pub use event::{
    ChatMessage, ChatMessageOptions, Delivery, DeliveryMeta, Handshake, History, HistoryMessage,
    HistoryOf, HistoryRequest, Join, Joined, Left, Named, NicknameRequest, NotJoined,
    PrivateDelivery, PrivateDeliveryMeta, PrivateMessage, RoomNotJoined, Token, Typing,
    TypingHeard, UserChange, Users, event_name, mended_json, room_from_event,
};
pub use frame::{FRAME_VERSION, Frame, FrameBody, FrameError, PresenceEntry, PresenceId};
pub use id::{NodeId, RoomId};
pub use message::{Content, Message, NewMessage, Timestamp};
pub use nickname::{Nickname, NicknameKey, NicknameSkeleton};
pub use offset::{Epoch, Offset, RecoveryOffset};

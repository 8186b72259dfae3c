#![doc = include_str!("../README.md")]
// Shows which feature has what, where rustdoc can.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod ack;
mod audience;
mod author;
#[cfg(feature = "client")]
pub mod client;
mod client_offset;
mod error;
pub mod event;
mod file;
mod frame;
mod hex_id;
mod id;
mod kind;
mod line;
mod message;
mod moderation;
mod moment;
mod named;
mod nickname;
mod normalisation;
mod offset;
mod recovery_offset;
mod room;
mod scripts;
pub mod search;
mod tag;
mod typed_event;
mod visible;

pub use ack::{Ack, Answer, Refusal, RefusalCode};
pub use audience::{Audience, Feed, UserId};
pub use author::{Author, AuthorId};
pub use client_offset::ClientOffset;
pub use error::ParseError;
pub use file::{FileId, FileName, FileReference};
pub use frame::{
    AccessScope, FRAME_VERSION, Frame, FrameBody, FrameError, OperatorQuestion, PresenceEntry,
    PresenceId,
};
pub use id::{NodeId, RoomId};
pub use kind::{Emoji, EventName, Kind};
pub use line::{Reason, Topic};
pub use message::{
    Content, ContentDigest, Message, NewMessage, PayloadError, Timestamp, check_payload,
};
pub use moderation::{AccessAction, SanctionKind};
pub use nickname::{Nickname, NicknameKey, NicknameSkeleton};
pub use offset::{Epoch, Offset};
pub use recovery_offset::RecoveryOffset;
pub use room::{Posting, Role, RoomKey, Visibility};
pub use tag::Tag;
pub use typed_event::TypedEvent;

//! What a client can ask for, and how it says that.

use chat_core::{Offset, TypedEvent};
use serde_json::{Value, json};

use super::name;
use crate::application::Moved;

/// The most messages in a page of history.
const PAGE: u64 = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Message {
        room: String,
        content: String,
        key: String,
        /// The message that it answers.
        reply_to: Option<Offset>,
    },
    /// An event of the application.
    Event {
        room: String,
        text: String,
        key: String,
    },
    /// To send somebody out of a room, to ban or mute there, or to end that.
    Moderate {
        deed: &'static str,
        room: &'static str,
        client: usize,
    },
    /// A reaction to any message of a room, or of the private ones.
    React {
        feed: String,
        to: Offset,
        emoji: &'static str,
        on: bool,
        key: String,
    },
    Private {
        to: String,
        content: String,
        key: String,
    },
    /// Another text of a message of its own.
    Edit {
        room: String,
        of: Offset,
        content: String,
        key: String,
    },
    /// The end of a message of its own.
    Delete {
        room: String,
        of: Offset,
        key: String,
    },
    /// Another message under a used key.
    Conflict {
        room: String,
        key: String,
    },
    Join {
        room: String,
        after: Option<u64>,
    },
    Leave {
        room: String,
    },
    Users {
        room: String,
    },
    /// Earlier messages.
    History {
        room: String,
        before: Option<u64>,
    },
    /// Another nickname, or the first one again.
    Rename {
        nickname: String,
    },
}

impl Request {
    /// Returns the room that it is about.
    pub(super) fn room(&self) -> Option<&str> {
        match self {
            Self::Message { room, .. }
            | Self::Event { room, .. }
            | Self::React { feed: room, .. }
            | Self::Edit { room, .. }
            | Self::Delete { room, .. }
            | Self::Conflict { room, .. }
            | Self::Join { room, .. }
            | Self::Leave { room }
            | Self::Users { room }
            | Self::History { room, .. } => Some(room),
            Self::Moderate { room, .. } => Some(room),
            Self::Private { .. } | Self::Rename { .. } => None,
        }
    }

    /// Returns the event and its arguments.
    pub(super) fn event(&self) -> Value {
        match self {
            Self::Message { room, content, key, reply_to: None } => {
                json!(["chat message", content, key, { "room": room }])
            }
            Self::Message { room, content, key, reply_to } => {
                json!(["chat message", content, key, { "room": room, "replyTo": reply_to }])
            }
            Self::Event { room, text, key } => {
                json!([Moved::NAME, { "text": text }, key, { "room": room }])
            }
            Self::Moderate { deed: "kick", room, client } => json!(["kick", room, name(*client)]),
            Self::Moderate { deed, room, client } => {
                json!([deed, name(*client), { "room": room }])
            }
            Self::React { to, emoji, on, key, .. } => json!(["react", to, emoji, on, key]),
            Self::Conflict { room, key } => {
                json!(["chat message", "something else", key, { "room": room }])
            }
            Self::Edit { of, content, key, .. } => json!(["edit message", of, content, key]),
            Self::Delete { of, key, .. } => json!(["delete message", of, key]),
            Self::Private { to, content, key } => json!(["private message", to, content, key]),
            Self::Join { room, after: None } => json!(["join", room]),
            Self::Join { room, after: Some(after) } => json!(["join", room, { "after": after }]),
            Self::Leave { room } => json!(["leave", room]),
            Self::Users { room } => json!(["users", room]),
            Self::History { room, before: None } => {
                json!(["history", { "room": room, "limit": PAGE }])
            }
            Self::History { room, before } => {
                json!(["history", { "room": room, "before": before, "limit": PAGE }])
            }
            Self::Rename { nickname } => json!(["nickname", nickname]),
        }
    }
}

use serde::{Deserialize, Serialize};

use super::Arguments;
use crate::{ClientOffset, Content, Refusal, RoomId};

/// The arguments of [`CHAT_MESSAGE`](crate::CHAT_MESSAGE) as a client sends it.
///
/// `emit("chat message", content)`, with a client offset as the second argument, with options as the
/// third; `null` stands for an argument that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// What it says.
    pub content: Content,
    /// The client's key for it.
    pub client_offset: Option<ClientOffset>,
    /// The rest.
    pub options: ChatMessageOptions,
}

/// The last argument of [`CHAT_MESSAGE`](crate::CHAT_MESSAGE) as a client sends it. Unknown fields are
/// ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatMessageOptions {
    /// The room it goes to; `general` when absent.
    pub room: Option<RoomId>,
}

impl ChatMessage {
    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's
    /// name. Further arguments are ignored.
    ///
    /// # Errors
    /// The refusal to answer with, for anything that is not what the event takes, also for text that is
    /// no JSON.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        let arguments = Arguments::of(json)?;
        Ok(Self {
            content: arguments.content(1, "the first argument must be the message, a string")?,
            client_offset: arguments
                .client_offset(2, "the second argument must be the client offset, a string")?,
            options: arguments
                .options(3, "the third argument must be options such as { room: \"general\" }")?,
        })
    }
}

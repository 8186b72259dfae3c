use serde::{Serialize, Serializer};

use super::arguments::Arguments;
use super::chat_message::{REPLY_TO, reply_to};
use super::users::nickname;
use crate::{ClientOffset, Content, Nickname, Offset, Refusal};

/// The arguments of [`PRIVATE_MESSAGE`](super::PRIVATE_MESSAGE) from a client.
///
/// `emit("private message", nickname, content)`, with a client offset as an optional third argument and options as a
/// fourth. It serialises as the JSON array of these, with `null` if there is no client offset.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrivateMessage {
    /// The nickname of the receiver.
    pub to: Nickname,
    /// The text.
    pub content: Content,
    /// The client's key for the message.
    pub client_offset: Option<ClientOffset>,
    /// The offset of the message that it answers: the option `replyTo`.
    pub reply_to: Option<Offset>,
}

impl PrivateMessage {
    /// Creates a message without a client offset.
    pub fn new(to: Nickname, content: Content) -> Self {
        Self { to, content, client_offset: None, reply_to: None }
    }

    /// Sets the client's key.
    #[must_use]
    pub fn with_client_offset(self, key: ClientOffset) -> Self {
        Self { client_offset: Some(key), ..self }
    }

    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's name. Extra
    /// arguments are ignored.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const KEY: &str = "the third argument must be the client offset, a string";
        const OPTIONS: &str = "the fourth argument must be options such as { replyTo: 7 }";
        let arguments = Arguments::of(json)?;
        let to = nickname(&arguments)?;
        let content = arguments.content(2, "the second argument must be the message, a string")?;
        let (client_offset, options) = arguments.key_and_options(3, &[REPLY_TO], KEY, OPTIONS)?;
        Ok(Self { to, content, client_offset, reply_to: reply_to(&options)? })
    }
}

impl Serialize for PrivateMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Options {
            reply_to: Offset,
        }

        match self.reply_to {
            None => (&self.to, &self.content, &self.client_offset).serialize(serializer),
            Some(reply_to) => (&self.to, &self.content, &self.client_offset, Options { reply_to })
                .serialize(serializer),
        }
    }
}

use chat_core::event::{CHAT_MESSAGE, Delivery, Handshake, PRIVATE_MESSAGE, PrivateDelivery};
use chat_core::{Epoch, Offset, RecoveryOffset};

/// What a bot has handled, so that it handles each message once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inbox {
    /// The last message that was handled.
    cursor: Offset,
    /// The log that the cursor is in; none before the first message.
    log: Option<Epoch>,
}

/// A message that the bot has not handled yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Somebody said it in a room.
    InRoom(Delivery),
    /// Somebody said it to the bot, or the bot to somebody.
    Privately(PrivateDelivery),
}

impl Inbox {
    /// Goes on after the message at this offset, which was saved when it was handled. A bot that saves it *after*
    /// it has handled the message handles that one again when it crashes in between; one that saves it before may
    /// leave it out.
    pub fn resume(RecoveryOffset { epoch, offset, .. }: RecoveryOffset) -> Self {
        Self { cursor: offset, log: Some(epoch) }
    }

    /// The cursor, to be saved; none before the first message.
    pub fn cursor(&self) -> Option<RecoveryOffset> {
        let epoch = self.log.clone()?;
        Some(RecoveryOffset::new(epoch, self.cursor))
    }

    /// What to say in `auth` to get what follows.
    pub fn handshake(&self) -> Handshake {
        self.cursor().map_or_else(Handshake::default, Handshake::resume)
    }

    /// Takes the arguments of an event, the JSON text of an array: the message, when it is one that was not
    /// handled before. The cursor is at it from then on.
    ///
    /// # Errors
    /// When the arguments are not those of the event. The cursor stays.
    pub fn accept(
        &mut self,
        event: &str,
        arguments: &str,
    ) -> Result<Option<Received>, serde_json::Error> {
        let received = match event {
            CHAT_MESSAGE => Received::InRoom(serde_json::from_str(arguments)?),
            PRIVATE_MESSAGE => Received::Privately(serde_json::from_str(arguments)?),
            // Who comes, who types: ephemeral events have no offset.
            _ => return Ok(None),
        };
        let at = received.offset();
        if self.log.as_ref() != Some(&at.epoch) {
            // The server has another log than before and serves it from the beginning.
            *self = Self::resume(RecoveryOffset::new(at.epoch.clone(), Offset::ZERO));
        }
        // The server sends in order: only repeats have to be found.
        if at.offset <= self.cursor {
            return Ok(None);
        }
        self.cursor = at.offset;
        Ok(Some(received))
    }
}

impl Received {
    /// Its offset, and the log that it is in.
    pub fn offset(&self) -> &RecoveryOffset {
        match self {
            Self::InRoom(Delivery(.., offset)) | Self::Privately(PrivateDelivery(.., offset)) => {
                offset
            }
        }
    }
}

use chat_core::{
    CHAT_MESSAGE, Cursor, Delivery, Epoch, Handshake, Offset, PRIVATE_MESSAGE, PrivateDelivery,
    RecoveryOffset, Step,
};

/// What a bot has handled, so that it handles each message once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inbox {
    cursor: Cursor,
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
    /// Goes on after the message at `place`, which was saved when it was handled. A bot that saves it *after* it
    /// has handled the message handles that one again when it crashes in between; one that saves it before may
    /// leave it out.
    pub fn resume(place: RecoveryOffset) -> Self {
        Self { cursor: Cursor::new(place.offset), log: Some(place.epoch) }
    }

    /// Where the bot is, to be saved; none before the first message.
    pub fn place(&self) -> Option<RecoveryOffset> {
        let epoch = self.log.clone()?;
        Some(RecoveryOffset { epoch, offset: self.cursor.position() })
    }

    /// What to say in `auth` to get what follows.
    pub fn handshake(&self) -> Handshake {
        let server_offset = self.cursor.position();
        Handshake { server_offset, offset: self.place(), ..Handshake::default() }
    }

    /// Takes the arguments of an event, the JSON text of an array: the message, when it is one that was not
    /// handled before. The place is behind it from then on.
    ///
    /// # Errors
    /// When the arguments are not those of the event. The place stays.
    pub fn accept(
        &mut self,
        event: &str,
        arguments: &str,
    ) -> Result<Option<Received>, serde_json::Error> {
        let received = match event {
            CHAT_MESSAGE => Received::InRoom(serde_json::from_str(arguments)?),
            PRIVATE_MESSAGE => Received::Privately(serde_json::from_str(arguments)?),
            // Who comes, who types: nothing of it has a place.
            _ => return Ok(None),
        };
        let place = received.place();
        if self.log.as_ref() != Some(&place.epoch) {
            // The server has another log than before and serves it from the beginning.
            *self = Self::resume(RecoveryOffset { offset: Offset::ZERO, ..place.clone() });
        }
        let step = self.cursor.accept_ordered(place.offset);
        Ok((step == Step::Deliver).then_some(received))
    }
}

impl Received {
    /// Where it is, and in which log.
    pub fn place(&self) -> &RecoveryOffset {
        match self {
            Self::InRoom(Delivery(.., place)) | Self::Privately(PrivateDelivery(.., place)) => {
                place
            }
        }
    }
}

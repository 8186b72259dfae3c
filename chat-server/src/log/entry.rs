use std::sync::OnceLock;

use chat_core::{
    Audience, CHAT_MESSAGE, DeliveryMeta, Epoch, Message, Offset, PRIVATE_MESSAGE,
    PrivateDeliveryMeta, RecoveryOffset,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::ReaderId;
use crate::transport::text_frame;

/// A message of the log together with its wire form, which is made once for all connections.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) message: Message,
    /// The reader whose own message it is, if that one does not want it back.
    pub(crate) origin: Option<ReaderId>,
    frame: OnceLock<Option<Box<[u8]>>>,
    arguments: OnceLock<Option<Arguments>>,
}

/// The arguments of a delivery, already serialised.
///
/// A tuple and not one raw array, because socketioxide puts the event's name before the items of a tuple.
#[derive(Debug, Serialize)]
pub(crate) struct Arguments(Box<RawValue>, Offset, Box<RawValue>, Box<RawValue>);

impl Entry {
    pub(crate) fn new(message: Message, origin: Option<ReaderId>) -> Self {
        Self { message, origin, frame: OnceLock::new(), arguments: OnceLock::new() }
    }

    pub(crate) fn offset(&self) -> Offset {
        self.message.offset
    }

    /// What the message costs in memory, wire form included, in bytes.
    pub(crate) fn footprint(&self) -> usize {
        const FIXED: usize = 400;
        2 * self.message.content.as_str().len() + FIXED
    }

    /// The event that delivers it.
    pub(crate) fn event(&self) -> &'static str {
        match self.message.audience {
            Audience::Room(_) => CHAT_MESSAGE,
            Audience::Private { .. } => PRIVATE_MESSAGE,
        }
    }

    /// The delivery as a whole text message of a websocket, see the
    /// [protocol](https://github.com/socketio/socket.io-protocol#packet-encoding); none if it cannot be
    /// serialised, which no message is known to bring about.
    pub(crate) fn frame(&self, epoch: &Epoch) -> Option<&[u8]> {
        let make = || {
            let Arguments(content, offset, meta, recovery) =
                Arguments::new(epoch, &self.message).ok()?;
            let offset = offset.to_string();
            let [content, meta, recovery] = [&content, &meta, &recovery].map(|json| json.get());
            let items = [
                "42[\"",
                self.event(),
                "\",",
                content,
                ",",
                &offset,
                ",",
                meta,
                ",",
                recovery,
                "]",
            ];
            Some(text_frame(&items.map(str::as_bytes)).into())
        };
        self.frame.get_or_init(make).as_deref()
    }

    /// The arguments of the delivery, for connections that are not served [frames](Self::frame); none if they cannot be serialised, which no message is known to
    /// bring about.
    pub(crate) fn arguments(&self, epoch: &Epoch) -> Option<&Arguments> {
        self.arguments.get_or_init(|| Arguments::new(epoch, &self.message).ok()).as_ref()
    }
}

impl From<Message> for Entry {
    fn from(message: Message) -> Self {
        Self::new(message, None)
    }
}

impl Arguments {
    fn new(epoch: &Epoch, message: &Message) -> serde_json::Result<Self> {
        let Message { offset, audience, content, client_offset, from, at } = message.clone();
        let meta = match audience {
            Audience::Room(room) => to_raw_value(&DeliveryMeta { room, from, at, client_offset })?,
            Audience::Private { nickname: to, .. } => {
                to_raw_value(&PrivateDeliveryMeta { from, to, at, client_offset })?
            }
        };
        let recovery = RecoveryOffset { epoch: epoch.clone(), offset };
        Ok(Self(to_raw_value(&content)?, offset, meta, to_raw_value(&recovery)?))
    }

    /// About how many bytes a packet with these arguments has.
    pub(crate) fn len(&self) -> usize {
        let Self(content, _, meta, recovery) = self;
        content.get().len() + meta.get().len() + recovery.get().len() + 40
    }
}

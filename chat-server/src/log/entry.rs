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
            let Message { content, offset, .. } = &self.message;
            let packet = (self.event(), content, offset, self.meta(), self.recovery(epoch));
            let packet = serde_json::to_vec(&packet).ok()?;
            Some(text_frame(&[b"42", &packet]).into())
        };
        self.frame.get_or_init(make).as_deref()
    }

    /// The arguments of the delivery, for connections that are not served [frames](Self::frame); none if they
    /// cannot be serialised, which no message is known to bring about.
    pub(crate) fn arguments(&self, epoch: &Epoch) -> Option<&Arguments> {
        let make = || {
            let Message { content, offset, .. } = &self.message;
            let meta = to_raw_value(&self.meta()).ok()?;
            let recovery = to_raw_value(&self.recovery(epoch)).ok()?;
            Some(Arguments(to_raw_value(content).ok()?, *offset, meta, recovery))
        };
        self.arguments.get_or_init(make).as_ref()
    }

    fn meta(&self) -> Meta {
        let Message { audience, client_offset, from, at, .. } = &self.message;
        let (from, at, client_offset) = (from.clone(), *at, client_offset.clone());
        match audience {
            Audience::Room(room) => {
                Meta::Room(DeliveryMeta { room: room.clone(), from, at, client_offset })
            }
            Audience::Private { nickname, .. } => {
                Meta::Private(PrivateDeliveryMeta { from, to: nickname.clone(), at, client_offset })
            }
        }
    }

    fn recovery(&self, epoch: &Epoch) -> RecoveryOffset {
        RecoveryOffset { epoch: epoch.clone(), offset: self.offset() }
    }
}

/// What a delivery tells beside the content.
#[derive(Serialize)]
#[serde(untagged)]
enum Meta {
    Room(DeliveryMeta),
    Private(PrivateDeliveryMeta),
}

impl From<Message> for Entry {
    fn from(message: Message) -> Self {
        Self::new(message, None)
    }
}

impl Arguments {
    /// About how many bytes a packet with these arguments has.
    pub(crate) fn len(&self) -> usize {
        let Self(content, _, meta, recovery) = self;
        content.get().len() + meta.get().len() + recovery.get().len() + 40
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{Delivery, NewMessage, RoomId};

    use super::*;

    #[test]
    fn the_frame_and_the_arguments_say_the_same() {
        let content = "quotes \" and \u{0} and \u{1f980}".parse().unwrap();
        let new =
            NewMessage::new(RoomId::general(), content).with_client_offset("k".parse().unwrap());
        let message = Message::from_new(Offset::FIRST, new);
        let (epoch, entry) = (Epoch::from_random([1; 8]), Entry::from(message.clone()));

        let frame = entry.frame(&epoch).unwrap();
        assert_eq!(frame[..4], [0x81, 126, 0, frame.len() as u8 - 4]);
        let packet = str::from_utf8(&frame[4..]).unwrap();
        let delivery = packet.strip_prefix("42[\"chat message\",").unwrap();
        let arguments = serde_json::to_string(entry.arguments(&epoch).unwrap()).unwrap();
        assert_eq!(format!("[{delivery}"), arguments);
        let Delivery(content, offset, meta, recovery) = serde_json::from_str(&arguments).unwrap();
        assert_eq!((content, offset), (message.content, message.offset));
        assert_eq!((meta.room, meta.at), (RoomId::general(), message.at));
        assert_eq!((meta.from, meta.client_offset), (message.from, message.client_offset));
        assert_eq!(recovery, RecoveryOffset { epoch, offset });
    }
}

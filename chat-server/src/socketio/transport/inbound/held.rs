use std::sync::Arc;

use super::super::Link;
use super::super::client_frames::{FIN_BINARY, FIN_TEXT, put_frame};
use super::super::dropped::{Dropped, TOO_LARGE};
use super::super::msgpack::{ClientPacket, Unreadable, tell_of_malformed};
use super::super::packet::{NoPacket, PacketReader};

/// A message that is held back until it is whole, because it is translated or comes in several frames. Or one that is
/// [dropped](Dropped), of which only the beginning is kept.
#[derive(Debug)]
pub(super) struct Held {
    is_msgpack: bool,
    message: Message,
}

#[derive(Debug)]
enum Message {
    Kept(Vec<u8>),
    Dropped(Dropped),
}

impl Held {
    pub(super) fn new(is_msgpack: bool) -> Self {
        Self { is_msgpack, message: Message::Kept(Vec::new()) }
    }

    /// Returns the number of bytes taken.
    pub(super) fn bytes(&self) -> u64 {
        match &self.message {
            Message::Kept(message) => message.len() as u64,
            Message::Dropped(dropped) => dropped.bytes(),
        }
    }

    /// Keeps only the beginning of the message.
    pub(super) fn drop_because(&mut self, why: &'static str) {
        let Message::Kept(message) = &self.message else { return };
        self.message = Message::Dropped(dropped(message, why, self.is_msgpack));
    }

    /// Takes the next bytes, which `mask` masks, and turns it for those that follow.
    pub(super) fn take(&mut self, bytes: &[u8], mask: &mut [u8; 4]) {
        let plain = bytes.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        match &mut self.message {
            Message::Kept(message) => message.extend(plain),
            Message::Dropped(dropped) => dropped.take(bytes.len(), plain),
        }
        mask.rotate_left(bytes.len() % 4);
    }

    /// Writes the frames that replace the message, whose text may have at most `max` bytes.
    ///
    /// # Errors
    /// It is no packet.
    pub(super) fn write(
        self,
        max: usize,
        link: &Arc<Link>,
        out: &mut Vec<u8>,
    ) -> Result<(), NoPacket> {
        let message = match self.message {
            Message::Kept(message) => message,
            Message::Dropped(dropped) => {
                put_frame(FIN_TEXT, dropped.replacement_or_end(link).as_bytes(), out);
                return Ok(());
            }
        };
        let (mut text, attachments) = if self.is_msgpack {
            match ClientPacket::read(&message, max) {
                Ok(ClientPacket { text, attachments }) => (text.into_bytes(), attachments),
                Err(Unreadable::TooLarge) => {
                    let dropped = dropped(&message, TOO_LARGE, true);
                    put_frame(FIN_TEXT, dropped.replacement_or_end(link).as_bytes(), out);
                    return Ok(());
                }
                Err(why) => {
                    tell_of_malformed(why);
                    return Err(NoPacket);
                }
            }
        } else {
            (message, Vec::new())
        };
        PacketReader::check(&mut text, link)?;
        put_frame(FIN_TEXT, &text, out);
        attachments.iter().for_each(|bytes| put_frame(FIN_BINARY, bytes, out));
        Ok(())
    }
}

fn dropped(message: &[u8], why: &'static str, is_msgpack: bool) -> Dropped {
    let mut dropped = if is_msgpack { Dropped::msgpack(why) } else { Dropped::new(why) };
    dropped.take(message.len(), message.iter().copied());
    dropped
}

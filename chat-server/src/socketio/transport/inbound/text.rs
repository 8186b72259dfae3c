use std::sync::Arc;

use super::super::Link;
use super::super::packet::{NoPacket, PacketReader};
use super::super::plain_name::PlainName;

/// The number of bytes of a text that are unmasked at a time for parsing.
pub(super) const UNMASKED_BYTES: usize = 512;

/// Checks a text message that passes in one frame, and [writes](PlainName) the name of its event plainly.
#[derive(Debug, Default)]
pub(super) struct TextReader {
    packet: PacketReader,
    /// Writes the name, from an escape to the end of the name.
    name: Option<PlainName>,
}

impl TextReader {
    /// Takes the next bytes, which `mask` masks, and turns it for those that follow. Returns what to read instead if
    /// they do not pass.
    ///
    /// # Errors
    /// The message is no packet.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        mask: &mut [u8; 4],
    ) -> Result<Option<Vec<u8>>, NoPacket> {
        let (mut other, mut at): (Option<Vec<u8>>, _) = (None, 0);
        for part in bytes.chunks(UNMASKED_BYTES) {
            let mut text = [0; UNMASKED_BYTES];
            let text = &mut text[..part.len()];
            unmask(part, *mask, text);
            let mut read = self.packet.read(text)?;
            if read < text.len() {
                self.packet.read(&text[read..])?;
                self.name = Some(PlainName::default());
            } else if self.name.is_some() {
                read = 0;
            }
            if read < text.len() {
                let other = other.get_or_insert_with(|| bytes[..at].to_vec());
                other.extend_from_slice(&part[..read]);
                self.write_name(&text[read..], *mask, read, other);
            } else if let Some(other) = &mut other {
                other.extend_from_slice(part);
            }
            mask.rotate_left(part.len() % 4);
            at += part.len();
        }
        Ok(other)
    }

    /// Ends the message; the next bytes begin another one.
    pub(super) fn end(&mut self, link: &Arc<Link>) -> Result<(), NoPacket> {
        self.name = None;
        self.packet.end(link)
    }

    /// Writes, with this mask, the replacement for a text that begins `at` bytes after it.
    fn write_name(&mut self, text: &[u8], mut mask: [u8; 4], at: usize, out: &mut Vec<u8>) {
        let Some(name) = &mut self.name else { return };
        mask.rotate_left(at % 4);
        mask.rotate_right(name.behind() % 4);
        let mut plain = Vec::with_capacity(text.len());
        name.read(text, &mut plain);
        if name.has_ended() {
            self.name = None;
        }
        out.extend(plain.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
}

/// Unmasks bytes, eight at a time: the mask repeats every four.
fn unmask(bytes: &[u8], mask: [u8; 4], text: &mut [u8]) {
    let twice = u64::from(u32::from_ne_bytes(mask)) * 0x1_0000_0001;
    let (eights, rest) = bytes.as_chunks::<8>();
    let (out, out_rest) = text.as_chunks_mut::<8>();
    for (text, eight) in out.iter_mut().zip(eights) {
        *text = (u64::from_ne_bytes(*eight) ^ twice).to_ne_bytes();
    }
    let mask = mask.iter().cycle();
    out_rest.iter_mut().zip(rest).zip(mask).for_each(|((text, byte), mask)| *text = byte ^ mask);
}

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::Link;
use super::super::dropped::{Dropped, NO_ROOM, TOO_LARGE};
use super::super::payload::{NOOP, SEPARATOR, packets};
use super::client_packet::{ClientPacket, tell_of_malformed};
use super::encoding::Encoding;
use super::to_json::Unreadable;

/// The first byte of a binary packet; the rest is Base64.
pub(crate) const BINARY: u8 = b'b';

/// The replacement for a packet that cannot be understood: an empty message, which ends the connection.
const MALFORMED: &str = "4";

/// Returns the length of a binary packet with this many bytes.
pub(crate) fn base64_len(bytes: usize) -> usize {
    1 + bytes.div_ceil(3) * 4
}

/// Returns the packets for Engine.IO that replace one that a client has sent in a body: the same, unless it is
/// MessagePack. `passed` bytes came before it, and Engine.IO accepts `max` in total.
pub(crate) fn from_client(
    packet: Vec<u8>,
    encoding: &Encoding,
    max: usize,
    passed: usize,
) -> Vec<u8> {
    let Some(base64) = packet.strip_prefix(&[BINARY]) else {
        encoding.sent_text(packet.len() as u64);
        return packet;
    };
    encoding.sent_binary();
    if !encoding.is_msgpack() {
        return packet;
    }
    let Ok(message) = STANDARD.decode(base64) else {
        return malformed(Unreadable::Malformed("it is not in Base64"));
    };
    let dropped = |why| {
        let mut dropped = Dropped::msgpack(why);
        dropped.take(message.len(), message.iter().copied());
        dropped.replacement().into_bytes()
    };
    let translated = match ClientPacket::read(&message, max) {
        Ok(ClientPacket { text, attachments }) => {
            let mut packets = text.into_bytes();
            for attachment in attachments {
                packets.push(SEPARATOR);
                packets.extend(binary(attachment));
            }
            packets
        }
        Err(Unreadable::TooLarge) => return dropped(TOO_LARGE),
        Err(why) => return malformed(why),
    };
    // It is longer than what the client has counted.
    match translated.len() {
        length if length > max => dropped(TOO_LARGE),
        length if passed + length > max => dropped(NO_ROOM),
        _ => translated,
    }
}

fn malformed(why: Unreadable) -> Vec<u8> {
    tell_of_malformed(why);
    MALFORMED.into()
}

fn binary(message: &[u8]) -> Vec<u8> {
    let mut packet = vec![BINARY];
    packet.extend_from_slice(STANDARD.encode(message).as_bytes());
    packet
}

/// Returns the body for a client with MessagePack.
pub(crate) fn from_server(link: &Link, body: &[u8]) -> Vec<u8> {
    let mut translated: Vec<Vec<u8>> =
        packets(body).filter_map(|packet| translate(link, packet)).collect();
    if translated.is_empty() {
        // An empty body ends the connection; here the attachments are still to come.
        translated.push(NOOP.into());
    }
    translated.join(&SEPARATOR)
}

fn translate(link: &Link, packet: &[u8]) -> Option<Vec<u8>> {
    let message = match packet.split_first()? {
        (b'4', _) => link.server_packets().packet(&link.complete(packet)),
        (&BINARY, base64) => link.server_packets().attachment(STANDARD.decode(base64).ok()?),
        _ => return Some(packet.to_vec()),
    };
    message.map(|message| binary(&message))
}

use rmp::encode;

use super::super::namespaces::split_namespace;
use super::from_json::put_json;

/// A packet of the server, and the attachments that Engine.IO has passed so far.
#[derive(Debug)]
struct IncompletePacket {
    /// The message, with Engine.IO's `4`.
    packet: Vec<u8>,
    /// The number of attachments that it needs.
    count: usize,
    attachments: Vec<Vec<u8>>,
}

/// Turns Engine.IO's messages for a client into those that a client with MessagePack reads: one for a packet with all
/// of its attachments.
#[derive(Debug, Default)]
pub(crate) struct ServerPackets(Option<Box<IncompletePacket>>);

impl ServerPackets {
    /// Takes a text message that begins with `4`. Returns the binary message that replaces it, unless it waits for
    /// attachments or cannot be translated.
    pub(crate) fn packet(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.0 = None;
        match attachments(packet) {
            0 => from_server(packet, &[]),
            count => {
                let attachments = Vec::new();
                self.0 = Some(Box::new(IncompletePacket {
                    packet: packet.to_vec(),
                    count,
                    attachments,
                }));
                None
            }
        }
    }

    /// Takes a binary message. Returns the packet if this is the last of its attachments.
    pub(crate) fn attachment(&mut self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let waiting = self.0.as_mut()?;
        waiting.attachments.push(bytes);
        if waiting.attachments.len() < waiting.count {
            return None;
        }
        let IncompletePacket { packet, attachments, .. } = *self.0.take()?;
        from_server(&packet, &attachments)
    }
}

/// Returns the number of attachments that follow a packet.
fn attachments(packet: &[u8]) -> usize {
    let Some(rest) = packet.strip_prefix(b"45").or_else(|| packet.strip_prefix(b"46")) else {
        return 0;
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    str::from_utf8(&rest[..digits]).ok().and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// Returns the packet of a message in the form of the MessagePack parser; none if it is no packet. That is logged: an
/// application has sent something that no client understands, such as half a character.
pub(super) fn from_server(packet: &[u8], attachments: &[Vec<u8>]) -> Option<Vec<u8>> {
    let translated = str::from_utf8(packet).ok().and_then(|text| translate(text, attachments));
    if translated.is_none() {
        tracing::warn!("a packet cannot be told to a client with MessagePack, and was left out");
    }
    translated
}

fn translate(text: &str, attachments: &[Vec<u8>]) -> Option<Vec<u8>> {
    let (packet_type, rest) = text.strip_prefix('4')?.split_at_checked(1)?;
    let packet_type: u8 = packet_type.parse().ok()?;
    // BINARY_EVENT and BINARY_ACK are no types of their own here.
    let (packet_type, rest) = match packet_type {
        0..=4 => (packet_type, rest),
        5 | 6 => (packet_type - 3, rest.split_once('-')?.1),
        _ => return None,
    };
    let (namespace, rest) = split_namespace(rest);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (ack_id, data) = rest.split_at(digits);

    let fields = 2 + u32::from(!ack_id.is_empty()) + u32::from(!data.is_empty());
    let mut out = Vec::with_capacity(text.len() + 16);
    encode::write_map_len(&mut out, fields).ok()?;
    encode::write_str(&mut out, "type").ok()?;
    encode::write_uint(&mut out, packet_type.into()).ok()?;
    encode::write_str(&mut out, "nsp").ok()?;
    encode::write_str(&mut out, namespace).ok()?;
    if !ack_id.is_empty() {
        encode::write_str(&mut out, "id").ok()?;
        encode::write_uint(&mut out, ack_id.parse().ok()?).ok()?;
    }
    if !data.is_empty() {
        encode::write_str(&mut out, "data").ok()?;
        put_json(data, attachments, &mut out)?;
    }
    Some(out)
}

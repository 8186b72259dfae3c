use std::sync::atomic::{AtomicBool, Ordering};

use rmp::Marker;

use super::to_json::{Read, ToJson, Unreadable};

const CONNECT: u8 = 0;
const DISCONNECT: u8 = 1;
const EVENT: u8 = 2;
const ACK: u8 = 3;

/// The difference between the type of a packet with attachments and the same type without: EVENT and BINARY_EVENT,
/// ACK and BINARY_ACK.
const BINARY: u8 = 3;

/// A packet of a client in Engine.IO's form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientPacket<'a> {
    /// The message.
    pub(crate) text: String,
    /// The binary messages that follow it.
    pub(crate) attachments: Vec<&'a [u8]>,
}

impl<'a> ClientPacket<'a> {
    /// Reads a packet whose text may have at most `max` bytes.
    pub(crate) fn read(message: &'a [u8], max: usize) -> Result<Self, Unreadable> {
        let mut fields = Fields::default();
        let mut input = ToJson::new(message, max);
        for _ in 0..input.map_len()? {
            fields.read(&mut input)?;
        }
        if !input.input.is_empty() {
            return Err(Unreadable::Malformed("something follows it"));
        }
        let text = fields.packet(input.attachments.len(), &input.json.text)?;
        if text.len() > max {
            return Err(Unreadable::TooLarge);
        }
        Ok(Self { text, attachments: input.attachments })
    }
}

/// The fields of a packet. Their order is up to the client: JavaScript's has the data first.
#[derive(Debug, Default)]
struct Fields<'a> {
    packet_type: Option<u8>,
    namespace: Option<&'a str>,
    ack_id: Option<i64>,
    has_data: bool,
}

impl<'a> Fields<'a> {
    fn read(&mut self, input: &mut ToJson<'a>) -> Result<(), Unreadable> {
        match input.string()? {
            "type" => {
                let packet_type = u8::try_from(input.integer()?).ok();
                self.packet_type =
                    packet_type.filter(|packet_type| (CONNECT..=ACK).contains(packet_type));
            }
            "nsp" => self.namespace = Some(input.string()?),
            // Python's client sends nil if there is none.
            "id" | "data" if input.next()? == Marker::Null => input.skip()?,
            "id" if input.next()? == Marker::FixExt1 => input.skip()?,
            "id" => {
                let id = i64::try_from(input.integer()?).ok().filter(|id| *id >= 0);
                self.ack_id = Some(id.ok_or(Unreadable::Malformed("an ack id is out of range"))?);
            }
            "data" if self.has_data => return Err(Unreadable::Malformed("it has data twice")),
            "data" => self.has_data = input.value()? == Read::Value,
            // Node.js reads nothing else either.
            _ => input.skip()?,
        }
        Ok(())
    }

    /// Returns the text of the packet with this data.
    fn packet(&self, attachments: usize, data: &[u8]) -> Result<String, Unreadable> {
        let packet_type = self.packet_type.ok_or(Unreadable::Malformed("its type is none"))?;
        let fits = match (packet_type, data.first()) {
            // As with JSON, a client is served whatever its `auth` contains.
            (CONNECT, _) => attachments == 0,
            (DISCONNECT, first) => first.is_none(),
            (EVENT, first) => first == Some(&b'['),
            (_, first) => first == Some(&b'[') && self.ack_id.is_some(),
        };
        if !fits {
            return Err(Unreadable::Malformed("its data are not those of its type"));
        }
        // A comma would end its name.
        let is_name = |name: &&str| name.starts_with('/') && !name.contains(',');
        let namespace = self.namespace.filter(is_name);
        let namespace = namespace.ok_or(Unreadable::Malformed("its namespace is none"))?;
        let data = str::from_utf8(data).map_err(|_| Unreadable::Malformed("it is not UTF-8"))?;

        let mut text = match attachments {
            0 => format!("4{packet_type}"),
            count => format!("4{}{count}-", packet_type + BINARY),
        };
        if namespace != "/" {
            text.push_str(namespace);
            text.push(',');
        }
        if let Some(id) = self.ack_id.filter(|_| matches!(packet_type, EVENT | ACK)) {
            text.push_str(&id.to_string());
        }
        text.push_str(data);
        Ok(text)
    }
}

/// Warns once that packets could not be read: people look for that in the log.
pub(crate) fn tell_of_malformed(why: Unreadable) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if TOLD.swap(true, Ordering::Relaxed) {
        tracing::debug!("a packet of MessagePack was refused, and its connection closed: {why}");
    } else {
        tracing::warn!(
            "a packet of MessagePack was refused, and its connection closed: {why}; it would be said of further ones at \
             the level of debug"
        );
    }
}

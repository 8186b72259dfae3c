use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmp::{Marker, decode};

use super::to_json::integer;

/// Longer keys and namespaces are not read.
const MAX_KEPT_BYTES: usize = 300;

/// Reads the head of a packet, however it is split, and keeps nothing else of it: its type, its namespace and its ack
/// id, which may come after the data.
#[derive(Debug, Default)]
pub(crate) struct Skim {
    /// The bytes so far of a value that is read, or of the header of one that is not.
    held: Vec<u8>,
    place: SkimState,
    /// The number of bytes left of a value's payload.
    payload: u64,
    /// The number of values left in the map, with keys.
    fields: u64,
    packet_type: Option<u8>,
    namespace: Option<String>,
    ack_id: Option<i64>,
    /// The bytes so far of a group of four characters.
    base64: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum SkimState {
    #[default]
    Map,
    Key,
    Type,
    Namespace,
    AckId,
    /// In this many values that are not read.
    Skipped(u64),
    /// It is no packet, or has ended.
    Over,
}

/// The contents of a value's header.
struct Header {
    /// The number of bytes that follow it.
    payload: u64,
    /// The number of values that follow it.
    values: u64,
}

impl Skim {
    /// Takes the next bytes.
    pub(crate) fn take(&mut self, bytes: impl Iterator<Item = u8>) {
        bytes.for_each(|byte| self.byte(byte));
    }

    /// Takes the next characters of the packet in Base64.
    pub(crate) fn take_base64(&mut self, text: impl Iterator<Item = u8>) {
        for character in text {
            self.base64.push(character);
            if self.base64.len() == 4 {
                match STANDARD.decode(&self.base64) {
                    Ok(bytes) => self.take(bytes.into_iter()),
                    Err(_) => self.place = SkimState::Over,
                }
                self.base64.clear();
            }
        }
    }

    /// Returns the beginning of the equivalent text packet, up to its data.
    pub(crate) fn head(&self) -> String {
        let packet_type = self.packet_type.map(|number| number.to_string()).unwrap_or_default();
        let namespace = match self.namespace.as_deref() {
            None | Some("/") => String::new(),
            Some(namespace) => format!("{namespace},"),
        };
        let ack_id = self.ack_id.map(|id| id.to_string()).unwrap_or_default();
        format!("4{packet_type}{namespace}{ack_id}[")
    }

    fn byte(&mut self, byte: u8) {
        if self.place == SkimState::Over {
            return;
        }
        if self.payload > 0 {
            self.payload -= 1;
            if !matches!(self.place, SkimState::Skipped(_)) {
                self.held.push(byte);
            }
        } else {
            self.held.push(byte);
            let Some(header) = Header::read(&self.held) else { return };
            self.payload = header.payload;
            if let SkimState::Skipped(values) = &mut self.place {
                *values = values.saturating_add(header.values);
                self.held.clear();
            } else if header.payload > MAX_KEPT_BYTES as u64
                || (header.values > 0 && self.place != SkimState::Map)
            {
                self.place = SkimState::Over;
            }
        }
        if self.payload == 0 {
            self.value_ended();
        }
    }

    fn value_ended(&mut self) {
        let mut held = &*std::mem::take(&mut self.held);
        match self.place {
            SkimState::Map => {
                let pairs = decode::read_map_len(&mut held).ok();
                self.fields = pairs.map_or(0, |pairs| 2 * u64::from(pairs));
                self.next_field();
                return;
            }
            SkimState::Key => {
                self.place = match text(held).as_deref() {
                    Some("type") => SkimState::Type,
                    Some("nsp") => SkimState::Namespace,
                    Some("id") => SkimState::AckId,
                    Some(_) => SkimState::Skipped(1),
                    None => SkimState::Over,
                };
                return;
            }
            SkimState::Type => self.packet_type = number(&mut held),
            SkimState::Namespace => {
                self.namespace = text(held).filter(|name| name.starts_with('/'))
            }
            SkimState::AckId => self.ack_id = number(&mut held).filter(|id: &i64| *id >= 0),
            SkimState::Skipped(values) if values > 1 => {
                self.place = SkimState::Skipped(values - 1);
                return;
            }
            SkimState::Skipped(_) | SkimState::Over => {}
        }
        self.next_field();
    }

    /// Goes on to the next key, each of which has a value.
    fn next_field(&mut self) {
        self.place = if self.fields > 0 { SkimState::Key } else { SkimState::Over };
        self.fields = self.fields.saturating_sub(2);
    }
}

impl Header {
    /// Reads the header at the start of a value, if it is complete; see the
    /// [formats](https://github.com/msgpack/msgpack/blob/master/spec.md#formats).
    fn read(bytes: &[u8]) -> Option<Self> {
        let rest = &bytes[1..];
        let number = |length: usize| {
            let length = rest.get(..length)?;
            Some(length.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
        };
        let (payload, values) = match Marker::from_u8(bytes[0]) {
            Marker::FixStr(length) => (length.into(), 0),
            Marker::Str8 | Marker::Bin8 => (number(1)?, 0),
            Marker::Str16 | Marker::Bin16 => (number(2)?, 0),
            Marker::Str32 | Marker::Bin32 => (number(4)?, 0),
            // The type of an extension has a byte.
            Marker::Ext8 => (number(1)? + 1, 0),
            Marker::Ext16 => (number(2)? + 1, 0),
            Marker::Ext32 => (number(4)? + 1, 0),
            Marker::FixExt1 => (2, 0),
            Marker::FixExt2 => (3, 0),
            Marker::FixExt4 => (5, 0),
            Marker::FixExt8 => (9, 0),
            Marker::FixExt16 => (17, 0),
            Marker::U8 | Marker::I8 => (1, 0),
            Marker::U16 | Marker::I16 => (2, 0),
            Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
            Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
            Marker::FixArray(length) => (0, length.into()),
            Marker::Array16 => (0, number(2)?),
            Marker::Array32 => (0, number(4)?),
            Marker::FixMap(length) => (0, 2 * u64::from(length)),
            Marker::Map16 => (0, 2 * number(2)?),
            Marker::Map32 => (0, 2 * number(4)?),
            _ => (0, 0),
        };
        Some(Self { payload, values })
    }
}

fn number<N: TryFrom<i128>>(value: &mut &[u8]) -> Option<N> {
    N::try_from(integer(value).ok()?).ok()
}

fn text(mut value: &[u8]) -> Option<String> {
    let length = decode::read_str_len(&mut value).ok()?;
    let text = value.get(..length as usize)?;
    str::from_utf8(text).ok().map(ToOwned::to_owned)
}

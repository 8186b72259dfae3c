use std::fmt;

use rmp::encode;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Most arrays and maps are shorter than this, and have a header of one byte.
const SHORT: u32 = 16;

/// Appends a JSON value to a buffer as MessagePack.
///
/// `None` if it cannot be read, for instance half a character or values nested deeper than 127 levels; the buffer
/// then contains a part of it.
pub(super) fn put_json(json: &str, attachments: &[Vec<u8>], out: &mut Vec<u8>) -> Option<()> {
    let mut input = serde_json::Deserializer::from_str(json);
    FromJson { out, attachments }.deserialize(&mut input).ok()?;
    input.end().ok()
}

/// Writes the values that serde visits, in the same order.
struct FromJson<'b> {
    out: &'b mut Vec<u8>,
    /// The attachments that the placeholders stand for.
    attachments: &'b [Vec<u8>],
}

impl<'de> DeserializeSeed<'de> for FromJson<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FromJson<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        encode::write_nil(self.out).map_err(E::custom)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        encode::write_bool(self.out, value).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        encode::write_uint(self.out, value).map(drop).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        encode::write_sint(self.out, value).map(drop).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        encode::write_f64(self.out, value).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        encode::write_str(self.out, value).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut values: A) -> Result<(), A::Error> {
        let start = begin(self.out);
        let mut length = 0;
        while values.next_element_seed(self.again())?.is_some() {
            length += 1;
        }
        end(self.out, start, length, |out, length| encode::write_array_len(out, length).map(drop))
            .map_err(A::Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut values: A) -> Result<(), A::Error> {
        let start = begin(self.out);
        let (mut length, mut placeholder) = (0, Placeholder::default());
        loop {
            let key = self.out.len();
            if values.next_key_seed(self.again())?.is_none() {
                break;
            }
            let value = self.out.len();
            values.next_value_seed(self.again())?;
            length += 1;
            if !self.attachments.is_empty() {
                placeholder.note(&self.out[key..value], &self.out[value..]);
            }
        }
        let attachment = placeholder.number().filter(|_| length == 2);
        if let Some(bytes) = attachment.and_then(|number| self.attachments.get(number)) {
            self.out.truncate(start);
            return encode::write_bin(self.out, bytes).map_err(A::Error::custom);
        }
        end(self.out, start, length, |out, length| encode::write_map_len(out, length).map(drop))
            .map_err(A::Error::custom)
    }
}

impl FromJson<'_> {
    /// For a nested value.
    fn again(&mut self) -> FromJson<'_> {
        FromJson { out: self.out, attachments: self.attachments }
    }
}

/// The state of a map that may stand for an attachment: `{"_placeholder":true,"num":0}`.
#[derive(Default)]
struct Placeholder {
    is_one: bool,
    number: Option<usize>,
}

impl Placeholder {
    /// Takes a key and its value as MessagePack.
    fn note(&mut self, key: &[u8], mut value: &[u8]) {
        match key.get(1..) {
            Some(b"_placeholder") => {
                self.is_one = rmp::decode::read_bool(&mut value).unwrap_or_default();
            }
            Some(b"num") => self.number = rmp::decode::read_int(&mut value).ok(),
            _ => {}
        }
    }

    fn number(&self) -> Option<usize> {
        self.number.filter(|_| self.is_one)
    }
}

/// Makes room for the header of an array or a map, which contains its length.
fn begin(out: &mut Vec<u8>) -> usize {
    out.push(0);
    out.len() - 1
}

/// Writes the header, now that the length is known.
fn end<E>(
    out: &mut Vec<u8>,
    start: usize,
    length: u32,
    write: impl Fn(&mut Vec<u8>, u32) -> Result<(), E>,
) -> Result<(), E> {
    let mut header = Vec::new();
    write(&mut header, length)?;
    if length < SHORT {
        out[start] = header[0];
    } else {
        out.splice(start..=start, header);
    }
    Ok(())
}

use std::io::{self, Write};

use rmp::Marker;
use rmp::decode::{self, RmpReadErr, ValueReadError};
use thiserror::Error;

/// Maximum nesting depth; handlers that read JSON have the same limit.
const MAX_DEPTH: usize = 128;

/// Why a packet cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Unreadable {
    /// No Socket.IO client sends it.
    #[error("{0}")]
    Malformed(&'static str),
    /// A field has the wrong type.
    #[error("a {0} is missing")]
    WrongType(&'static str),
    /// As JSON it has more bytes than a packet may have.
    #[error("it is too large")]
    TooLarge,
}

/// Reads MessagePack values and writes them as JSON. Binary values become attachments, replaced by the placeholder of
/// the [protocol](https://github.com/socketio/socket.io-protocol#binary_event).
///
/// Takes no more memory than the JSON needs, however many values a length promises.
pub(super) struct ToJson<'a> {
    /// The bytes that are left to read.
    pub(super) input: &'a [u8],
    pub(super) json: Limited,
    pub(super) attachments: Vec<&'a [u8]>,
}

/// Text that is refused when it gets longer than `max` bytes.
pub(super) struct Limited {
    pub(super) text: Vec<u8>,
    max: usize,
}

/// The kind of a value, beyond its JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Value,
    /// JavaScript's `undefined`, for which the parser has a type of its own. JSON has none: nothing was written.
    Undefined,
}

impl<'a> ToJson<'a> {
    pub(super) fn new(input: &'a [u8], max: usize) -> Self {
        Self { input, json: Limited { text: Vec::new(), max }, attachments: Vec::new() }
    }

    /// Reads one value.
    pub(super) fn value(&mut self) -> Result<Read, Unreadable> {
        self.value_at(0)
    }

    /// Reads one value and keeps nothing of it.
    pub(super) fn skip(&mut self) -> Result<(), Unreadable> {
        let (written, attachments) = (self.json.text.len(), self.attachments.len());
        self.value()?;
        self.json.text.truncate(written);
        self.attachments.truncate(attachments);
        Ok(())
    }

    pub(super) fn string(&mut self) -> Result<&'a str, Unreadable> {
        let length = decode::read_str_len(&mut self.input).map_err(not_a("string"))?;
        let bytes = self.bytes(length)?;
        str::from_utf8(bytes).map_err(|_| Unreadable::Malformed("a string is not UTF-8"))
    }

    pub(super) fn map_len(&mut self) -> Result<u32, Unreadable> {
        decode::read_map_len(&mut self.input).map_err(not_a("map"))
    }

    fn value_at(&mut self, depth: usize) -> Result<Read, Unreadable> {
        if depth > MAX_DEPTH {
            return Err(Unreadable::Malformed("it is nested too deeply"));
        }
        match self.next()? {
            Marker::Null => {
                decode::read_nil(&mut self.input).map_err(not_a("nil"))?;
                self.put(b"null")?;
            }
            Marker::True | Marker::False => {
                let value = decode::read_bool(&mut self.input).map_err(not_a("boolean"))?;
                self.put(if value { b"true" } else { b"false" })?;
            }
            Marker::F32 => {
                let value = decode::read_f32(&mut self.input).map_err(not_a("float"))?;
                self.float(value.into())?;
            }
            Marker::F64 => {
                let value = decode::read_f64(&mut self.input).map_err(not_a("float"))?;
                self.float(value)?;
            }
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                let text = self.string()?;
                self.put_json(&text)?;
            }
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let length =
                    decode::read_bin_len(&mut self.input).map_err(not_a("binary value"))?;
                self.attachment(length)?;
            }
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => self.array(depth)?,
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => self.map(depth)?,
            Marker::FixExt1 => {
                let undefined = decode::read_fixext1(&mut self.input).map_err(not_a("value"))?;
                return if undefined == (0, 0) { Ok(Read::Undefined) } else { Err(EXTENSION) };
            }
            // The form in which the parser writes an ArrayBuffer under Node.js.
            Marker::Ext8 | Marker::Ext16 | Marker::Ext32 => {
                let buffer = decode::read_ext_meta(&mut self.input).map_err(not_a("value"))?;
                if buffer.typeid != 0 {
                    return Err(EXTENSION);
                }
                self.attachment(buffer.size)?;
            }
            Marker::FixExt2 | Marker::FixExt4 | Marker::FixExt8 | Marker::FixExt16 => {
                return Err(EXTENSION);
            }
            Marker::Reserved => return Err(Unreadable::Malformed("it is no MessagePack")),
            _ => {
                let value = self.integer()?;
                self.put_json(&value)?;
            }
        }
        Ok(Read::Value)
    }

    pub(super) fn integer(&mut self) -> Result<i128, Unreadable> {
        integer(&mut self.input)
    }

    /// Returns the marker of the next value.
    pub(super) fn next(&self) -> Result<Marker, Unreadable> {
        self.input.first().map(|&byte| Marker::from_u8(byte)).ok_or(CUT)
    }

    fn float(&mut self, value: f64) -> Result<(), Unreadable> {
        if !value.is_finite() {
            return Err(Unreadable::Malformed("a number is not finite"));
        }
        self.put_json(&value)
    }

    fn attachment(&mut self, length: u32) -> Result<(), Unreadable> {
        let bytes = self.bytes(length)?;
        let number = self.attachments.len();
        self.put(format!(r#"{{"_placeholder":true,"num":{number}}}"#).as_bytes())?;
        self.attachments.push(bytes);
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Unreadable> {
        let length = decode::read_array_len(&mut self.input).map_err(not_a("array"))?;
        self.put(b"[")?;
        for index in 0..length {
            if index > 0 {
                self.put(b",")?;
            }
            // As JSON.stringify writes it.
            if self.value_at(depth + 1)? == Read::Undefined {
                self.put(b"null")?;
            }
        }
        self.put(b"]")
    }

    fn map(&mut self, depth: usize) -> Result<(), Unreadable> {
        let length = self.map_len()?;
        self.put(b"{")?;
        let mut first = true;
        for _ in 0..length {
            let before = self.json.text.len();
            if !first {
                self.put(b",")?;
            }
            let key = self.string()?;
            self.put_json(&key)?;
            self.put(b":")?;
            match self.value_at(depth + 1)? {
                Read::Value => first = false,
                Read::Undefined => self.json.text.truncate(before),
            }
        }
        self.put(b"}")
    }

    fn bytes(&mut self, length: u32) -> Result<&'a [u8], Unreadable> {
        let (bytes, rest) = self.input.split_at_checked(length as usize).ok_or(CUT)?;
        self.input = rest;
        Ok(bytes)
    }

    fn put(&mut self, text: &[u8]) -> Result<(), Unreadable> {
        self.json.write_all(text).map_err(|_| Unreadable::TooLarge)
    }

    fn put_json(&mut self, value: &impl serde::Serialize) -> Result<(), Unreadable> {
        serde_json::to_writer(&mut self.json, value).map_err(|_| Unreadable::TooLarge)
    }
}

/// Reads an integer, also in the form of a float: some languages have no other numbers.
pub(super) fn integer(input: &mut &[u8]) -> Result<i128, Unreadable> {
    let float = match input.first().map(|&byte| Marker::from_u8(byte)) {
        Some(Marker::F32) => decode::read_f32(input).map_err(not_a("float"))?.into(),
        Some(Marker::F64) => decode::read_f64(input).map_err(not_a("float"))?,
        _ => return decode::read_int(input).map_err(|_| NO_NUMBER),
    };
    if float.fract() == 0.0 { Ok(float as i128) } else { Err(NO_NUMBER) }
}

const EXTENSION: Unreadable = Unreadable::Malformed("it has a date, or another extension");

const NO_NUMBER: Unreadable = Unreadable::Malformed("a number is missing");

const CUT: Unreadable = Unreadable::Malformed("its end is missing");

fn not_a<E: RmpReadErr>(expected: &'static str) -> impl Fn(ValueReadError<E>) -> Unreadable {
    move |error| match error {
        ValueReadError::TypeMismatch(_) => Unreadable::WrongType(expected),
        _ => CUT,
    }
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

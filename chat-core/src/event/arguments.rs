use std::collections::HashMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::mended::mended_json;
use super::whole::Whole;
use crate::{ClientOffset, Content, Nickname, Offset, ParseError, Refusal, RefusalCode, RoomId};

/// The maximum size of an event in bytes of JSON: one with the longest message, with every character escaped.
pub const MAX_EVENT_BYTES: usize = 6 * (Content::MAX_BYTES + 2 * ClientOffset::MAX_BYTES + 1024);

/// The error for a text such as `"😀".slice(0, 1)`.
const HALF: &str = "a text must not have half a character, as one that was cut within an emoji has";

/// The arguments of a received event: the JSON text of an array whose first item is the event's name.
///
/// `null` stands for a missing argument; extra arguments are ignored.
pub(super) struct Arguments<'a>(Vec<&'a RawValue>);

impl<'a> Arguments<'a> {
    pub(super) fn of(json: &'a str) -> Result<Self, Refusal> {
        if json.len() > MAX_EVENT_BYTES {
            let error =
                ParseError::TooLong { what: "an event", bytes: json.len(), max: MAX_EVENT_BYTES };
            return Err(Refusal::invalid(RefusalCode::InvalidContent, error));
        }
        let arguments = serde_json::from_str(json);
        arguments.map(Self).map_err(|_| invalid("the arguments are not a valid JSON array"))
    }

    /// Returns the JSON text of an argument, counted from 1; none if it is missing.
    pub(super) fn raw(&self, index: usize) -> Option<&'a str> {
        self.0.get(index).map(|raw| raw.get()).filter(|&json| json != "null")
    }

    /// Reads a required argument; `expected` describes it for the refusal.
    pub(super) fn required<T: DeserializeOwned>(
        &self,
        index: usize,
        expected: &str,
    ) -> Result<T, Refusal> {
        self.optional(index, expected)?.ok_or_else(|| invalid(expected))
    }

    /// Reads an optional argument.
    pub(super) fn optional<T: DeserializeOwned>(
        &self,
        index: usize,
        expected: &str,
    ) -> Result<Option<T>, Refusal> {
        read(self.raw(index), expected)
    }

    /// Returns whether an argument is an object with this field.
    pub(super) fn has_field(&self, index: usize, name: &str) -> bool {
        let fields = |json| serde_json::from_str::<HashMap<String, &RawValue>>(json).ok();
        // Usually it is a string, and parsing it as an object to find that out costs more.
        let object = self.raw(index).filter(|json| json.starts_with('{'));
        object.and_then(fields).is_some_and(|fields| fields.contains_key(name))
    }

    /// Reads an optional argument that is an object; if missing, all its fields count as missing.
    pub(super) fn options(&self, index: usize, expected: &str) -> Result<Options<'a>, Refusal> {
        let fields = match self.raw(index) {
            None => HashMap::new(),
            Some(json) => serde_json::from_str(json).map_err(|_| invalid(expected))?,
        };
        Ok(Options(fields))
    }

    /// Reads the content of a message. A lone surrogate (half a character), which JavaScript allows and UTF-8 does
    /// not, becomes U+FFFD, as in browsers when they write UTF-8.
    pub(super) fn content(&self, index: usize, expected: &str) -> Result<Content, Refusal> {
        let text: String = match self.required(index, expected) {
            Ok(text) => text,
            Err(refusal) => {
                let mended = self.raw(index).map(mended_json);
                let text = mended.and_then(|json| serde_json::from_str(&json).ok());
                text.ok_or(refusal)?
            }
        };
        let content = Content::try_from(text);
        content.map_err(|error| Refusal::invalid(RefusalCode::InvalidContent, error))
    }

    /// Reads the client's key for a message.
    pub(super) fn client_offset(
        &self,
        index: usize,
        expected: &str,
    ) -> Result<Option<ClientOffset>, Refusal> {
        let text: Option<String> = self.optional(index, expected)?;
        let key = text.map(ClientOffset::try_from).transpose();
        key.map_err(|error| Refusal::invalid(RefusalCode::InvalidClientOffset, error))
    }

    /// Reads a client offset and the options after it. Options with one of these fields may stand in the place of a
    /// key that is left out.
    pub(super) fn key_and_options(
        &self,
        index: usize,
        fields: &[&str],
        expected_key: &str,
        expected_options: &str,
    ) -> Result<(Option<ClientOffset>, Options<'a>), Refusal> {
        // Anything else as the key is a mistake: without a key, a retry would be a second message.
        let is_options =
            fields.iter().any(|name| self.has_field(index, name)) && self.raw(index + 1).is_none();
        if is_options {
            return Ok((None, self.options(index, expected_options)?));
        }
        let key = self.client_offset(index, expected_key)?;
        Ok((key, self.options(index + 1, expected_options)?))
    }
}

/// The fields of an object. `null` stands for a missing field; unknown fields are ignored.
pub(super) struct Options<'a>(HashMap<String, &'a RawValue>);

impl Options<'_> {
    /// Reads an optional field; `expected` describes it for the refusal.
    pub(super) fn field<T: DeserializeOwned>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Refusal> {
        let json = self.0.get(name).map(|raw| raw.get()).filter(|&json| json != "null");
        read(json, expected)
    }

    /// Returns whether there is a field that is an object.
    pub(super) fn is_object(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|raw| raw.get().starts_with('{'))
    }

    /// Reads an optional field that is a whole number.
    pub(super) fn whole(&self, name: &str, expected: &str) -> Result<Option<u64>, Refusal> {
        Ok(self.field(name, expected)?.map(|Whole(number)| number))
    }

    /// Reads the field `limit`, the size of a page from 1 to `most`; `most` if there is none.
    pub(super) fn limit(&self, most: usize, expected: &str) -> Result<usize, Refusal> {
        match self.whole("limit", expected)?.map(usize::try_from) {
            None => Ok(most),
            Some(Ok(limit)) if (1..=most).contains(&limit) => Ok(limit),
            Some(_) => Err(invalid(expected)),
        }
    }

    /// Reads an optional field that is an offset.
    pub(super) fn offset(&self, name: &str, expected: &str) -> Result<Option<Offset>, Refusal> {
        let number = self.whole(name, expected)?;
        number.map(Offset::new).transpose().map_err(|_| invalid(expected))
    }

    /// Reads the field `room`.
    pub(super) fn room(&self) -> Result<Option<RoomId>, Refusal> {
        let name: Option<String> = self.field("room", "`room` must be the name of a room")?;
        let room = name.map(RoomId::try_from).transpose();
        room.map_err(|error| Refusal::invalid(RefusalCode::InvalidArguments, error))
    }
}

pub(super) fn invalid(what: &str) -> Refusal {
    Refusal::new(RefusalCode::InvalidArguments, what)
}

/// Reads an optional value; `expected` describes it for the refusal.
fn read<T: DeserializeOwned>(json: Option<&str>, expected: &str) -> Result<Option<T>, Refusal> {
    let Some(json) = json else { return Ok(None) };
    serde_json::from_str(json).map(Some).map_err(|_| {
        let mended = mended_json(json);
        let is_cut = mended != json && serde_json::from_str::<String>(&mended).is_ok();
        invalid(if is_cut { HALF } else { expected })
    })
}

/// Maximum number of seconds in a request: a hundred years.
const MOST_SECONDS: u64 = 36_500 * 24 * 60 * 60;

/// Returns the nickname at an index.
pub(super) fn nickname_at(arguments: &Arguments<'_>, index: usize) -> Result<Nickname, Refusal> {
    let name: String =
        arguments.required(index, "the second argument must be a nickname, a string")?;
    name.parse().map_err(|error| Refusal::invalid(RefusalCode::InvalidNickname, error))
}

/// Parses an optional text.
pub(super) fn parsed<T: std::str::FromStr<Err = crate::ParseError>>(
    text: Option<String>,
) -> Result<Option<T>, Refusal> {
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(|error| Refusal::invalid(RefusalCode::InvalidArguments, error))
}

/// Checks an optional number of seconds.
pub(super) fn seconds(number: Option<u64>, expected: &str) -> Result<Option<Duration>, Refusal> {
    match number {
        None => Ok(None),
        Some(seconds @ 1..=MOST_SECONDS) => Ok(Some(Duration::from_secs(seconds))),
        Some(_) => Err(invalid(expected)),
    }
}

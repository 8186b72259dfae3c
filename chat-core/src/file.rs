//! Files that messages carry: their ids, their names, and the lines of a text that refer to them.

mod name;
mod reference;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use name::FileName;
pub use reference::FileReference;

use crate::ParseError;

/// The id of a file: random, so that nobody guesses it. As text it has 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileId(u128);

impl FileId {
    /// Creates an id from random bytes.
    pub const fn from_random(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl FromStr for FileId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match u128::from_str_radix(text, 16) {
            Ok(id) if text.len() == 32 && text.bytes().all(is_digit) => Ok(Self(id)),
            _ => {
                let form = "32 hexadecimal digits in lower case";
                Err(ParseError::Form { what: "the id of a file", form })
            }
        }
    }
}

impl TryFrom<String> for FileId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<FileId> for String {
    fn from(id: FileId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::ParseError;

/// A position in the log: the number that the server gives a message when it stores it.
///
/// The first message of a new log has offset 1 and each further one the next number, across all rooms.
/// [`Offset::ZERO`] is the position before the first message, so "everything after `ZERO`" is the whole log. A number
/// is never reused, even after old messages were deleted.
///
/// The largest offset is 2⁵³ − 1, the largest integer up to which JavaScript numbers are exact.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Offset(u64);

impl Offset {
    /// The position before the first message.
    pub const ZERO: Self = Self(0);
    /// The offset of the first message of a new log.
    pub const FIRST: Self = Self(1);
    /// The largest offset, 2⁵³ − 1.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// Creates an offset from a number.
    ///
    /// # Errors
    /// When the number is above [`Offset::MAX`].
    pub const fn new(number: u64) -> Result<Self, ParseError> {
        if number > Self::MAX.0 {
            return Err(ParseError::Form { what: "an offset", form: "a whole number below 2^53" });
        }
        Ok(Self(number))
    }

    /// Returns the offset as a number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Returns the offset `count` positions later, at most [`Offset::MAX`].
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        let sum = self.0.saturating_add(count);
        if sum > Self::MAX.0 { Self::MAX } else { Self(sum) }
    }

    /// Returns the next offset.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// Returns the previous offset; [`Offset::ZERO`] stays as it is.
    #[must_use]
    pub const fn previous(self) -> Self {
        self.minus(1)
    }

    /// Returns the offset `count` positions earlier, at least [`Offset::ZERO`].
    #[must_use]
    pub const fn minus(self, count: u64) -> Self {
        Self(self.0.saturating_sub(count))
    }
}

impl TryFrom<u64> for Offset {
    type Error = ParseError;

    fn try_from(number: u64) -> Result<Self, ParseError> {
        Self::new(number)
    }
}

impl From<Offset> for u64 {
    fn from(offset: Offset) -> Self {
        offset.0
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The identity of a log, created once with the log.
///
/// Two logs never share an epoch, so an offset together with its epoch identifies one message forever. Written as 1
/// to 32 ASCII letters and digits. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Epoch(Arc<str>);

impl Epoch {
    const MAX_BYTES: usize = 32;

    /// Creates an epoch from random bytes, written in hexadecimal.
    pub fn from_random(bytes: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(bytes)).into())
    }

    /// Returns the epoch as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Epoch {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let ok = (1..=Self::MAX_BYTES).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !ok {
            return Err(ParseError::Form { what: "an epoch", form: "1 to 32 letters and digits" });
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Epoch {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<Epoch> for String {
    fn from(epoch: Epoch) -> Self {
        epoch.0.as_ref().into()
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

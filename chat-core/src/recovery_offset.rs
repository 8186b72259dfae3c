use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use crate::{Epoch, Message, Offset, ParseError, Tag};

/// An offset together with the epoch of its log and the tag of the message there, written `<epoch>-<offset>-<tag>`, or
/// `<epoch>-<offset>-<tag>-<rewinds>`. Positions of earlier versions have no tag: `<epoch>-<offset>` and
/// `<epoch>-<offset>-<rewinds>`.
///
/// It is the last argument of every event from the log. A Socket.IO client stores the trailing string of an event as
/// its position and sends it back in `auth.offset` when it reconnects ([connection state
/// recovery](https://socket.io/docs/v4/connection-state-recovery)).
///
/// The tag shows whether a log still has the message that the client got there. A log can lose its end, as when a
/// standby takes over that lagged behind, and then gives the same offsets to other messages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[non_exhaustive]
pub struct RecoveryOffset {
    /// The log.
    pub epoch: Epoch,
    /// The position in it.
    pub offset: Offset,
    /// The tag of the message at the offset; none if the position is not that of a message, or of an earlier version.
    pub tag: Option<Tag>,
    /// How often messages had been sent to the client again from an earlier offset on, which is what a `join` with
    /// `{ after }` does; 0 where it does not matter. Two positions with the same offset can differ in what the client
    /// has got before. It has a meaning only for the client's own session.
    pub rewinds: u32,
}

impl RecoveryOffset {
    /// Creates the position `offset` in the log `epoch`.
    pub const fn new(epoch: Epoch, offset: Offset) -> Self {
        Self { epoch, offset, tag: None, rewinds: 0 }
    }

    /// Creates the position of a client that has got this message of the log `epoch`.
    pub fn of(epoch: Epoch, message: &Message) -> Self {
        Self::new(epoch, message.offset).with_tag(Tag::of(message))
    }

    /// Sets the tag of the message at the offset.
    #[must_use]
    pub fn with_tag(self, tag: Tag) -> Self {
        Self { tag: Some(tag), ..self }
    }

    /// Sets the number of [rewinds](Self::rewinds).
    #[must_use]
    pub fn after_rewinds(self, rewinds: u32) -> Self {
        Self { rewinds, ..self }
    }
}

impl FromStr for RecoveryOffset {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut parts = text.split('-');
        let (epoch, number) = parts.next().zip(parts.next()).ok_or(FORM)?;
        let (tag, rewinds) = match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => (None, 0),
            (Some(third), None, _) => match third.parse() {
                Ok(tag) => (Some(tag), 0),
                Err(_) => (None, positive(third)?),
            },
            (Some(tag), Some(rewinds), None) => (Some(tag.parse()?), positive(rewinds)?),
            _ => return Err(FORM),
        };
        let number = if number == "0" { 0 } else { positive(number)? };
        Ok(Self { epoch: epoch.parse()?, offset: Offset::new(number)?, tag, rewinds })
    }
}

const FORM: ParseError = ParseError::Form {
    what: "a recovery offset",
    form: "<epoch>-<offset>-<tag> or <epoch>-<offset>-<tag>-<rewinds>",
};

/// Reads a number above zero. `from_str` of numbers would also accept a leading '+' and leading zeros; each position must
/// have exactly one text.
fn positive<N: FromStr>(text: &str) -> Result<N, ParseError> {
    let is_positive = text.starts_with(|c: char| matches!(c, '1'..='9'));
    text.parse().ok().filter(|_| is_positive).ok_or(FORM)
}

impl TryFrom<String> for RecoveryOffset {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<RecoveryOffset> for String {
    fn from(position: RecoveryOffset) -> Self {
        position.text()
    }
}

impl Serialize for RecoveryOffset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl fmt::Display for RecoveryOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl RecoveryOffset {
    /// Made by hand: each delivery has one, and formatting arguments would be a twentieth of the work of a replay.
    fn text(&self) -> String {
        let Self { epoch, offset, tag, rewinds } = self;
        let mut number = itoa::Buffer::new();
        let mut text = String::with_capacity(64);
        text.push_str(epoch.as_str());
        text.push('-');
        text.push_str(number.format(offset.as_u64()));
        if let Some(tag) = tag {
            text.push('-');
            tag.write_to(&mut text);
        }
        if *rewinds > 0 {
            text.push('-');
            text.push_str(number.format(*rewinds));
        }
        text
    }
}

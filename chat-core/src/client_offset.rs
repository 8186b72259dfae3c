use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ParseError;
use crate::error::check_name;

/// The key that a client gives a message so that it can resend it without storing it twice (an idempotency key).
///
/// The client chooses it, for instance as a UUID, and it must be unique among its author's keys. It never expires: a
/// retry of any age is recognised. 1 to 256 bytes of UTF-8 without control characters.
///
/// ```text
///  client                                  server
///    │ ── "hello", key k1 ──────────────────▶ │  stored at offset 7
///    ╳ the connection breaks                  ╳  the ack is lost
///    │ ── "hello", key k1 ──────────────────▶ │  known: not stored again
///    │ ◀── { offset: 7, duplicate: true } ─── │
/// ```
///
/// A key belongs to its author, the only one who gets it back: a user, over all connections and under every nickname.
/// Clients without a nickname share one set of keys per log: a retry in a later session is recognised by its content,
/// and another client's use of the same key for something else changes nothing. Only a key that begins with
/// [`WITHOUT_ID`](Self::WITHOUT_ID) belongs to the session that sends it.
///
/// `parse` and `try_from` check the key of a new message. Deserialising accepts any text, like
/// [`from_stored`](Self::from_stored): it is for messages that are in the log already.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientOffset(Box<str>);

impl ClientOffset {
    /// The maximum length of a key in bytes of UTF-8.
    pub const MAX_BYTES: usize = 256;

    /// The prefix of keys from the [Socket.IO tutorial](https://socket.io/docs/v4/tutorial/step-8)'s client while it
    /// has no connection: it puts its socket id before a counter, and it has no id then. All of these clients choose
    /// the same keys.
    pub const WITHOUT_ID: &str = "undefined-";

    /// Creates a key from text that was read back from a store, which another program may have written.
    ///
    /// The text is not checked: history is never refused.
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientOffset {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        check_name("a client offset", text, Self::MAX_BYTES)?;
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for ClientOffset {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        check_name("a client offset", &text, Self::MAX_BYTES)?;
        Ok(Self(text.into()))
    }
}

impl From<ClientOffset> for String {
    fn from(key: ClientOffset) -> Self {
        key.0.into()
    }
}

impl fmt::Display for ClientOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ParseError;
use crate::error::check_name;

/// The key that a client gives a message so that it can send it again without storing it twice.
///
/// The client makes it up, and it has to be unique among the keys of its author, for instance a UUID. It never
/// expires: a retry of any age is recognised. 1 to 256 bytes of UTF-8 without control characters.
///
/// A key belongs to its author, who alone gets it back: a user, over all connections and under every name.
/// The keys of clients without a name stand in one log: a retry in a later session is recognised by its
/// content, and somebody else's use of the same key for something else changes nothing. Only a key that begins
/// with [`WITHOUT_ID`](Self::WITHOUT_ID) belongs to the session that sends it.
///
/// A key for a new message is checked by `parse` or `try_from`. Deserialising takes any text, as
/// [`from_stored`](Self::from_stored) does: it is for messages that are in the log already.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientOffset(Box<str>);

impl ClientOffset {
    /// The longest key in bytes of UTF-8.
    pub const MAX_BYTES: usize = 256;

    /// What the key of the [Socket.IO tutorial](https://socket.io/docs/v4/tutorial/step-8)'s client begins with
    /// when it has no connection: it puts its id before a counter, and it has none. All of these clients
    /// choose the same keys.
    pub const WITHOUT_ID: &str = "undefined-";

    /// A key read back from a store, which may hold one that another program wrote.
    ///
    /// It is not checked: history is never refused.
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The key as text.
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

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize, Serializer};

use crate::ParseError;
use crate::error::check_name;
use crate::visible::is_visible;

/// The name of a room: 1 to 256 bytes of UTF-8 without white space at either end. All characters must be visible:
/// control characters, blank characters other than spaces, and those that change the writing direction or break lines
/// are refused, except where they form an emoji or join letters.
///
/// Two rooms are the same if their names are equal byte for byte. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct RoomId(Arc<str>);

impl RoomId {
    /// The maximum length of a name in bytes of UTF-8.
    pub const MAX_BYTES: usize = 256;

    /// Returns the default room, `general`, for clients that ask for no other.
    pub fn general() -> Self {
        static GENERAL: LazyLock<Arc<str>> = LazyLock::new(|| "general".into());
        Self(Arc::clone(&GENERAL))
    }

    /// Creates a name from text that was read back from a store, which another program may have written.
    ///
    /// The text is not checked: history is never refused.
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        check_name("a room", text, Self::MAX_BYTES)?;
        if !is_visible(text) {
            return Err(ParseError::Hidden { what: "a room" });
        }
        if text.trim() != text {
            return Err(ParseError::SurroundingSpace { what: "a room" });
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for RoomId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<RoomId> for String {
    fn from(room: RoomId) -> Self {
        room.0.as_ref().into()
    }
}

impl Serialize for RoomId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of one running server among several that share a log. Random, created at start, written in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct NodeId(u64);

impl NodeId {
    /// Creates an id from random bytes.
    pub const fn from_random(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

impl FromStr for NodeId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u64::from_str_radix(text, 16) {
            Ok(id) if digits => Ok(Self(id)),
            _ => Err(ParseError::Form { what: "a node id", form: "16 hexadecimal digits" }),
        }
    }
}

impl TryFrom<String> for NodeId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<NodeId> for String {
    fn from(node: NodeId) -> Self {
        node.to_string()
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

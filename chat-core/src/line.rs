//! Short texts that people read in one line.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::ParseError;
use crate::visible::is_visible;

/// Defines a text of limited length whose characters are visible.
macro_rules! line {
    ($(#[$attribute:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The maximum length in bytes of UTF-8.
            pub const MAX_BYTES: usize = $max;

            /// Creates it from text that was read back from a store, unchecked.
            pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// Returns it as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let text = text.trim();
                let (what, max) = ($what, Self::MAX_BYTES);
                if text.len() > max {
                    return Err(ParseError::TooLong { what, bytes: text.len(), max });
                }
                if !is_visible(text) {
                    return Err(ParseError::Hidden { what });
                }
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseError;

            fn try_from(text: String) -> Result<Self, ParseError> {
                text.parse()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self("".into())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

line! {
    /// What a room is about: at most 512 bytes of UTF-8 in one line, all of it visible. May be empty. White space at
    /// the ends is removed.
    Topic, "a topic", 512
}

line! {
    /// Why somebody was banned, muted or removed, for people: at most 512 bytes of UTF-8 in one line, all of it
    /// visible. May be empty. White space at the ends is removed.
    Reason, "a reason", 512
}

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use precis_profiles::Nickname as Profile;
use precis_profiles::precis_core::profile::{Profile as _, Rules, stabilize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ParseError;

/// The name that a person goes by: 1 to 40 characters and 128 bytes of UTF-8 at most.
///
/// It is written as the Nickname profile of [RFC 8266](https://www.rfc-editor.org/rfc/rfc8266) has it: white
/// space at the ends is taken off and runs of it become one space, wide and compatibility characters become
/// the plain ones, and control characters, also those that turn the direction of writing, are refused. Two
/// names that only differ in case, or look alike in these ways, are the same name: they have the same
/// [`key`](Self::key).
///
/// The rules stand on Unicode 6.3, as the registry of PRECIS does: newer characters are refused, among them
/// many emoji and those that are made of several.
///
/// A new name is checked by `parse` or `try_from`. Deserialising takes any text, as
/// [`from_stored`](Self::from_stored) does: it is for names that are in the log already. Clones share the
/// text.
///
/// ```
/// use chat_core::Nickname;
///
/// let ada: Nickname = "  Ada   Lovelace ".parse()?;
/// assert_eq!(ada.as_str(), "Ada Lovelace");
/// assert_eq!(ada.key(), "ＡＤＡ lovelace".parse::<Nickname>()?.key());
/// # Ok::<(), chat_core::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nickname(Arc<str>);

/// What a [`Nickname`] is compared by: names with the same key are the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NicknameKey(Arc<str>);

const WHAT: &str = "a nickname";

impl Nickname {
    /// The longest name in characters (Unicode scalar values).
    pub const MAX_CHARACTERS: usize = 40;

    /// The longest name in bytes of UTF-8.
    pub const MAX_BYTES: usize = 128;

    /// A name read back from a store.
    ///
    /// It is not checked: history is never refused.
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What this name is compared by.
    pub fn key(&self) -> NicknameKey {
        let profile = Profile::new();
        let key = stabilize(self.as_str(), |text| {
            let text = profile.additional_mapping_rule(text)?;
            // Every character, as the RFC has it: the library's own rule begins at the first that is upper case, and
            // characters in title case, such as U+1FBC, are not.
            let text: String = text.chars().flat_map(char::to_lowercase).collect();
            profile.normalization_rule(text)
        });
        // Only a name that was never parsed can fail; it is then compared as it is.
        NicknameKey(key.map_or_else(|_| Arc::clone(&self.0), |key| key.as_ref().into()))
    }
}

impl NicknameKey {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Nickname {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // Before anything is computed: spaces that will be taken off count too.
        if text.len() > 4 * Self::MAX_BYTES {
            return Err(ParseError::TooLong {
                what: WHAT,
                bytes: text.len(),
                max: Self::MAX_BYTES,
            });
        }
        if text.trim().is_empty() {
            return Err(ParseError::Empty { what: WHAT });
        }
        let name = Profile::new().enforce(text).map_err(|_| ParseError::Form {
            what: WHAT,
            form: "without characters that cannot be seen or are newer than Unicode 6.3",
        })?;
        let characters = name.chars().count();
        if characters > Self::MAX_CHARACTERS {
            let max = Self::MAX_CHARACTERS;
            return Err(ParseError::TooManyCharacters { what: WHAT, characters, max });
        }
        if name.len() > Self::MAX_BYTES {
            return Err(ParseError::TooLong {
                what: WHAT,
                bytes: name.len(),
                max: Self::MAX_BYTES,
            });
        }
        Ok(Self(name.as_ref().into()))
    }
}

impl TryFrom<String> for Nickname {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<Nickname> for String {
    fn from(name: Nickname) -> Self {
        name.0.as_ref().into()
    }
}

impl fmt::Display for Nickname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Nickname {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Nickname {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_stored(String::deserialize(deserializer)?))
    }
}

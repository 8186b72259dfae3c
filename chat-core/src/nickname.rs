mod fitted;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::skeleton;

use crate::ParseError;
use crate::normalisation::{folded, normalised};
use crate::scripts;
use crate::visible::{is_emoji_style, is_visible};

/// A user's nickname: at most 40 characters and 128 bytes of UTF-8, at least one character.
///
/// It is normalised much like the Nickname profile of [RFC 8266](https://www.rfc-editor.org/rfc/rfc8266): white space
/// at the ends is removed, runs of white space become one space, and wide and compatibility characters become plain
/// ones. All characters must be visible: control characters, blank characters other than spaces, and those that
/// change the writing direction are refused. Emoji are accepted, including those made of several characters. Two
/// nicknames that differ only in case, or in what is normalised, are the same: they have the same [`key`](Self::key).
///
/// Nicknames that are written differently may still look alike: they have the same [`skeleton`](Self::skeleton).
///
/// `parse` and `try_from` check a new nickname, and [`check_new`](Self::check_new) checks it before a user gets it.
/// Deserialising accepts any text, like [`from_stored`](Self::from_stored): it is for nicknames that are in the log
/// already. Clones share the text.
///
/// ```
/// use chat_core::Nickname;
///
/// let ada: Nickname = "  Ada   Lovelace ".parse()?;
/// assert_eq!(ada.as_str(), "Ada Lovelace");
/// assert_eq!(ada.key(), "ＡＤＡ lovelace".parse::<Nickname>()?.key());
///
/// let cyrillic: Nickname = "Аdа Lоvеlасе".parse()?;
/// assert_ne!(ada.key(), cyrillic.key());
/// assert_eq!(ada.skeleton(), cyrillic.skeleton());
/// assert!(cyrillic.check_new().is_err());
/// # Ok::<(), chat_core::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nickname(Arc<str>);

/// The key that identifies a [`Nickname`]: nicknames with the same key are the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NicknameKey(Arc<str>);

/// The visual form of a [`Nickname`]: people confuse nicknames with the same skeleton.
///
/// It is based on the skeleton of [UTS 39](https://www.unicode.org/reports/tr39/#Confusable_Detection), in lower
/// case. Use it for comparing only; it may change with a later version of Unicode.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NicknameSkeleton(Arc<str>);

const WHAT: &str = "a nickname";

/// Maximum number of accents on a letter of a new nickname ([UTS
/// 39](https://www.unicode.org/reports/tr39/#Optional_Detection)): more spill over the lines around them.
const MAX_MARKS: usize = 4;

impl Nickname {
    /// The maximum length in characters (Unicode scalar values).
    pub const MAX_CHARACTERS: usize = 40;

    /// The maximum length in bytes of UTF-8.
    pub const MAX_BYTES: usize = 128;

    /// Creates a nickname from text that was read back from a store.
    ///
    /// The text is not checked: history is never refused.
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the nickname as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key for comparing.
    pub fn key(&self) -> NicknameKey {
        NicknameKey(folded(self.as_str()).into())
    }

    /// Returns the skeleton of the nickname as it is written.
    pub fn skeleton(&self) -> NicknameSkeleton {
        // Before and after: a capital I looks like a small l, and capital letters of one script often look like those
        // of another script whose small letters do not.
        let lower: String = skeleton(self.as_str()).flat_map(char::to_lowercase).collect();
        NicknameSkeleton(skeleton(&lower).collect::<String>().into())
    }

    /// Checks whether a user may take this nickname as a new one: it must not be easy to confuse with another.
    ///
    /// A word may not mix scripts that [UTS 39](https://www.unicode.org/reports/tr39/#Restriction_Level_Detection)
    /// warns about, such as Latin and Cyrillic, and a letter may not have more than four accents. Allowed are words
    /// in different scripts, Latin mixed with Chinese, Japanese or Korean, digits, and emoji.
    ///
    /// # Errors
    /// Says why not.
    pub fn check_new(&self) -> Result<(), ParseError> {
        if !scripts::are_plain(self.as_str()) {
            let form = "in one script, or in words that are: letters of several look alike";
            return Err(ParseError::Form { what: WHAT, form });
        }
        let mut marks = 0;
        for c in self.as_str().nfd() {
            marks = if is_accent(c) { marks + 1 } else { 0 };
            if marks > MAX_MARKS {
                let form = "without letters that have more than four accents";
                return Err(ParseError::Form { what: WHAT, form });
            }
        }
        Ok(())
    }
}

fn is_accent(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark};
    matches!(c.general_category(), NonspacingMark | EnclosingMark) && !is_emoji_style(c)
}

impl NicknameSkeleton {
    /// Returns the skeleton as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NicknameKey {
    /// Creates a key from text that was read back from a store.
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Nickname {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // Checked before any computation: spaces that will be removed count too.
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
        let is_assigned = |c: char| {
            use GeneralCategory::{PrivateUse, Surrogate, Unassigned};
            !matches!(c.general_category(), PrivateUse | Surrogate | Unassigned)
        };
        if !is_visible(text) {
            return Err(ParseError::Hidden { what: WHAT });
        }
        if !text.chars().all(is_assigned) {
            return Err(ParseError::Form { what: WHAT, form: "of characters that Unicode has" });
        }
        let name = normalised(text);
        // What joined emoji may stand between letters by now.
        if !is_visible(&name) {
            return Err(ParseError::Hidden { what: WHAT });
        }
        match name.chars().next().map(|first| first.general_category_group()) {
            None => return Err(ParseError::Empty { what: WHAT }),
            Some(GeneralCategoryGroup::Mark) => {
                let form = "one that begins with a letter or a sign, before any accent";
                return Err(ParseError::Form { what: WHAT, form });
            }
            Some(_) => {}
        }
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
        Ok(Self(name.into()))
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

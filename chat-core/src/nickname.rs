use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::skeleton;

use crate::ParseError;
use crate::scripts;
use crate::visible::{is_emoji_style, is_visible};

/// The name that a person goes by: 1 to 40 characters and 128 bytes of UTF-8 at most.
///
/// It is written much as the Nickname profile of [RFC 8266](https://www.rfc-editor.org/rfc/rfc8266) has it: white
/// space at the ends is taken off and runs of it become one space, wide and compatibility characters become
/// the plain ones. Every character of it can be seen: control characters, blanks that are none of the spaces, and
/// those that turn the direction of writing are refused. Emoji are taken, also those that are made of several
/// characters. Two names that only differ in case, or in these ways, are the same name: they have the same
/// [`key`](Self::key).
///
/// Names that are written differently may still look alike: they have the same [`skeleton`](Self::skeleton).
///
/// A new name is checked by `parse` or `try_from`, and by [`check_new`](Self::check_new) before it is given to
/// somebody. Deserialising takes any text, as [`from_stored`](Self::from_stored) does: it is for names that are in
/// the log already. Clones share the text.
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

/// What a [`Nickname`] is compared by: names with the same key are the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NicknameKey(Arc<str>);

/// What a [`Nickname`] looks like: people take names with the same skeleton for each other.
///
/// It is made of that of [UTS 39](https://www.unicode.org/reports/tr39/#Confusable_Detection), in lower case. It is
/// for comparing only, and may be another one with a later version of Unicode.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NicknameSkeleton(Arc<str>);

const WHAT: &str = "a nickname";

/// How often a text is brought into its form at the most: the steps may make room for each other.
const ROUNDS: usize = 4;

/// How many accents a letter of a new name has at the most
/// ([UTS 39](https://www.unicode.org/reports/tr39/#Optional_Detection)): more spill over the lines around them.
const MAX_MARKS: usize = 4;

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
        let key = stable(self.as_str(), |text| {
            let plain = single_spaces(text.chars().filter(|&c| !is_emoji_style(c)));
            plain.chars().flat_map(char::to_lowercase).nfkc().collect()
        });
        NicknameKey(key.into())
    }

    /// What this name looks like, as it is written.
    pub fn skeleton(&self) -> NicknameSkeleton {
        // Before and after: a great I looks like a small l, and great letters of one script often like those of
        // another one whose small letters do not.
        let lower: String = skeleton(self.as_str()).flat_map(char::to_lowercase).collect();
        NicknameSkeleton(skeleton(&lower).collect::<String>().into())
    }

    /// Whether somebody may take this name who has not had it: it must not be made to be taken for another one.
    ///
    /// A word of it may not mix scripts as [UTS 39](https://www.unicode.org/reports/tr39/#Restriction_Level_Detection)
    /// warns of, such as Latin and Cyrillic, and a letter may not have more than four accents. Words in different
    /// scripts are fine, and so are Latin with Chinese, Japanese or Korean, digits and emoji.
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

/// Applies `rules` until they change nothing any more.
fn stable(text: &str, rules: impl Fn(&str) -> String) -> String {
    let mut stable = rules(text);
    for _ in 1..ROUNDS {
        let next = rules(&stable);
        if next == stable {
            break;
        }
        stable = next;
    }
    stable
}

/// Without white space at the ends, and with one space where there is any.
fn single_spaces(text: impl Iterator<Item = char>) -> String {
    let mut single = String::new();
    for c in text {
        match c.general_category() {
            GeneralCategory::SpaceSeparator if single.is_empty() || single.ends_with(' ') => {}
            GeneralCategory::SpaceSeparator => single.push(' '),
            _ => single.push(c),
        }
    }
    single.truncate(single.trim_end_matches(' ').len());
    single
}

/// The plain characters for wide ones and the like.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut last = None;
    for part in text.split_inclusive(is_spacing_accent) {
        let accent = part.chars().next_back().filter(|&c| is_spacing_accent(c));
        let part = &part[..part.len() - accent.map_or(0, char::len_utf8)];
        let styled = part.chars().filter(|&c| {
            let is_plain = |c: char| [c].into_iter().nfkc().eq([c]);
            let keep = !is_emoji_style(c) || last.is_some_and(is_plain);
            last = Some(c);
            keep
        });
        plain.extend(styled.nfkc());
        plain.extend(accent);
        last = accent.or(last);
    }
    plain
}

/// An accent that stands alone, such as U+00B4, which some write instead of an apostrophe. Its plain form would be a
/// space and an accent.
fn is_spacing_accent(c: char) -> bool {
    c.general_category() != GeneralCategory::SpaceSeparator
        && [c].into_iter().nfkc().next() == Some(' ')
}

fn is_accent(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark};
    matches!(c.general_category(), NonspacingMark | EnclosingMark) && !is_emoji_style(c)
}

impl NicknameSkeleton {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NicknameKey {
    /// A key read back from a store.
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

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
        let name = stable(text, |text| single_spaces(plain(text).chars()));
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

//! Nicknames made of names that are none, for names that their bearers did not choose here.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::{Nickname, WHAT};
use crate::ParseError;
use crate::visible::{is_emoji_style, is_visible};

/// Maximum number of characters of a name that are looked at; the limit of a nickname is far below it.
const LOOKED_AT: usize = 512;

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';

impl Nickname {
    /// Returns the nickname that is left of `name` after everything that is not allowed in one was removed, shortened
    /// to `max_characters` and to the limits of a nickname. None if nothing is left.
    ///
    /// A name that is a valid nickname within the limits stays as it is. Line breaks and tabs become spaces. The name
    /// is never cut within an emoji of several characters, nor between a letter and its accents.
    ///
    /// ```
    /// use chat_core::Nickname;
    ///
    /// let fitted = |name| Nickname::fitted(name, 12).map(String::from);
    /// assert_eq!(fitted("Ada Lovelace").as_deref(), Some("Ada Lovelace"));
    /// assert_eq!(fitted("\u{202e}Ada\tLovelace, Countess").as_deref(), Some("Ada Lovelace"));
    /// assert_eq!(fitted("Ada at home 👩‍👩‍👧").as_deref(), Some("Ada at home"));
    /// assert_eq!(fitted("\u{200b}\n"), None);
    /// ```
    pub fn fitted(name: &str, max_characters: usize) -> Option<Self> {
        let max = max_characters.min(Self::MAX_CHARACTERS);
        let parsed = |text: &str| text.parse::<Self>().and_then(|name| stays(name, max));
        if let Ok(whole) = parsed(name) {
            return Some(whole);
        }
        let looked_at: Vec<char> = name.chars().take(LOOKED_AT).map(plain_space).collect();
        let (mut text, mut fitted) = (String::new(), None);
        for cluster in clusters(&looked_at) {
            let before = text.len();
            text.extend(allowed(cluster));
            match parsed(&text) {
                Ok(longer) => fitted = Some(longer),
                Err(ParseError::TooLong { .. } | ParseError::TooManyCharacters { .. }) => break,
                // A space or an accent cannot begin a name, and some clusters cannot follow others.
                Err(_) => text.truncate(before),
            }
        }
        fitted
    }
}

/// Returns a nickname if it has at most `max` characters and parses to itself. Normalising can reorder accents, and
/// bring a joiner to a place where it is hidden.
fn stays(name: Nickname, max: usize) -> Result<Nickname, ParseError> {
    let characters = name.as_str().chars().count();
    if characters > max {
        return Err(ParseError::TooManyCharacters { what: WHAT, characters, max });
    }
    let again: Nickname = name.as_str().parse()?;
    if again == name { Ok(name) } else { Err(ParseError::Hidden { what: WHAT }) }
}

fn plain_space(c: char) -> char {
    if c.is_whitespace() { ' ' } else { c }
}

/// Returns the characters of a cluster that may be in a nickname: all of them if they are visible together, else those
/// that are visible alone.
fn allowed(cluster: &[char]) -> Vec<char> {
    use GeneralCategory::{PrivateUse, Surrogate, Unassigned};
    let is_assigned =
        |c: &char| !matches!(c.general_category(), PrivateUse | Surrogate | Unassigned);
    let is_seen = |chars: &[char]| is_visible(&String::from_iter(chars));
    if cluster.iter().all(is_assigned) && is_seen(cluster) {
        return cluster.to_vec();
    }
    cluster.iter().copied().filter(|c| is_assigned(c) && is_seen(&[*c])).collect()
}

/// Splits a text where it may be cut: much like the grapheme clusters of [UAX
/// 29](https://www.unicode.org/reports/tr29/), without the rules for single scripts.
fn clusters(text: &[char]) -> impl Iterator<Item = &[char]> {
    let mut flags = 0;
    text.chunk_by(move |&before, &after| {
        // Two regional indicators are a flag, four are two flags.
        flags = if is_regional_indicator(before) { flags + 1 } else { 0 };
        extends(after)
            || matches!(before, JOINER | NON_JOINER)
            || is_regional_indicator(after) && flags % 2 == 1
    })
}

/// Returns whether a character belongs to the one before it.
fn extends(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
        || matches!(c, NON_JOINER | JOINER)
        || is_emoji_style(c)
        // Skin tones, and the tags of regional flags.
        || matches!(c, '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
}

fn is_regional_indicator(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(name: &str) -> Option<String> {
        Nickname::fitted(name, Nickname::MAX_CHARACTERS).map(String::from)
    }

    #[test]
    fn a_valid_nickname_stays_as_it_is() {
        for name in ["Ada", "Eve ❤️", "👩‍👩‍👧", "Zoë", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "می‌خواهم"]
        {
            let valid: Nickname = name.parse().unwrap();
            assert_eq!(fitted(name).as_deref(), Some(valid.as_str()));
        }
    }

    #[test]
    fn a_long_name_is_cut_between_what_people_see_as_characters() {
        assert_eq!(fitted(&"x".repeat(4000)), Some("x".repeat(40)));
        let family = "👩‍👩‍👧";
        assert_eq!(fitted(&family.repeat(50)), Some(family.repeat(7)), "5 characters, 18 bytes");
        let (flag, scotland) = ("🇩🇪", "🏴󠁧󠁢󠁳󠁣󠁴󠁿");
        assert_eq!(fitted(&flag.repeat(50)), Some(flag.repeat(16)), "8 bytes");
        assert_eq!(fitted(&format!("x{}", flag.repeat(50))), Some(format!("x{}", flag.repeat(15))));
        assert_eq!(fitted(&scotland.repeat(50)), Some(scotland.repeat(4)), "28 bytes");
        let accents = format!("{}e\u{323}\u{301}x", "x".repeat(39));
        assert_eq!(fitted(&accents), Some("x".repeat(39)), "two characters in its plain form");
        let words = format!("{} yz", "x".repeat(39));
        assert_eq!(fitted(&words), Some("x".repeat(39)), "no space at the end");
        let wide = "ﷺ".repeat(9);
        assert_eq!(fitted(&wide).unwrap().chars().count(), 36, "18 characters each");
    }

    #[test]
    fn what_is_not_allowed_is_left_out() {
        for (name, expected) in [
            ("\u{202e}evil", Some("evil")),
            ("Ada\r\n\tLovelace ", Some("Ada Lovelace")),
            ("A\u{200d}da\u{200b}\u{feff}", Some("Ada")),
            ("\u{301}\u{301}Ada", Some("Ada")),
            ("\u{e000}Ada\u{378}", Some("Ada")),
            ("Ada\u{0}\u{1b}[31m", Some("Ada[31m")),
            ("👩\u{200d}", Some("👩")),
            ("\u{1f3f4}\u{e0067}x", Some("\u{1f3f4}x")),
            ("", None),
            (" \u{3000}\n", None),
            ("\u{301}", None),
            ("\u{202e}\u{200d}\u{2800}", None),
        ] {
            assert_eq!(fitted(name).as_deref(), expected, "{name:?}");
        }
    }

    #[test]
    fn whatever_is_left_is_a_nickname() {
        let odd = [
            'a',
            ' ',
            '\u{301}',
            '\u{200d}',
            '👩',
            '\u{fe0f}',
            '🇩',
            '\u{202e}',
            'ﷺ',
            '\u{1f3ff}',
            '\u{94d}',
            '\n',
        ];
        // Every text of three of them, alone and repeated.
        for number in 0..odd.len().pow(3) {
            let text: String =
                (0..3).map(|at| odd[number / odd.len().pow(at) % odd.len()]).collect();
            for text in [text.clone(), text.repeat(20)] {
                if let Some(fitted) = fitted(&text) {
                    assert_eq!(
                        fitted.parse().as_ref().map(Nickname::as_str),
                        Ok(&*fitted),
                        "{text:?}"
                    );
                }
            }
        }
    }
}

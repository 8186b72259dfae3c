//! How names are normalised, and what they are compared by.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::visible::is_emoji_style;

/// Maximum number of normalisation rounds: one step may make another one apply.
const ROUNDS: usize = 4;

/// Returns the text with plain characters and single spaces, much like the Nickname profile of [RFC
/// 8266](https://www.rfc-editor.org/rfc/rfc8266).
pub(crate) fn normalised(text: &str) -> String {
    stable(text, |text| single_spaces(plain(text).chars()))
}

/// Returns what a normalised text is compared by: without case.
pub(crate) fn folded(normalised: &str) -> String {
    stable(normalised, |text| {
        let plain = single_spaces(text.chars().filter(|&c| !is_emoji_style(c)));
        plain.chars().flat_map(char::to_lowercase).nfkc().collect()
    })
}

/// Applies `rules` until nothing changes.
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

/// Removes white space at the ends and replaces each run of it with one space.
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

/// Replaces wide characters and the like with plain ones.
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

/// Returns whether a character is a stand-alone accent such as U+00B4, which some write instead of an apostrophe. Its
/// plain form would be a space and an accent.
fn is_spacing_accent(c: char) -> bool {
    c.general_category() != GeneralCategory::SpaceSeparator
        && [c].into_iter().nfkc().next() == Some(' ')
}

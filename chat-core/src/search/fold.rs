//! Which characters are parts of words, and what they are compared by.

use unicode_properties::{
    GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory,
};
use unicode_script::{Script, UnicodeScript};

use crate::visible::is_ignorable;

/// What a decomposed character is to the words of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A part of a word.
    Letter,
    /// A letter of a script that writes no spaces between words, or in which they do not part what one searches for.
    Unspaced,
    /// Belongs to the letter before it.
    Mark,
    /// A sign that is a word by itself.
    Emoji,
    /// Nothing, not even the end of a word.
    Nothing,
    /// Between words.
    Gap,
}

/// Scripts that are indexed by pairs of characters.
const UNSPACED: [Script; 9] = [
    Script::Han,
    Script::Hiragana,
    Script::Katakana,
    Script::Bopomofo,
    Script::Hangul,
    Script::Thai,
    Script::Lao,
    Script::Khmer,
    Script::Myanmar,
];

/// Lengthens a word in Arabic and means nothing.
const TATWEEL: char = '\u{640}';

pub(super) fn class(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Class::Letter } else { Class::Gap };
    }
    // Vowels and final consonants of Hangul: some of them are fillers, which are invisible.
    if matches!(c, '\u{1160}'..='\u{11ff}') {
        return Class::Mark;
    }
    if c == TATWEEL || is_ignorable(c) || is_skin_tone(c) {
        return Class::Nothing;
    }
    match c.general_category_group() {
        GeneralCategoryGroup::Mark => Class::Mark,
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number if is_unspaced(c) => {
            Class::Unspaced
        }
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number => Class::Letter,
        _ if c.is_emoji_char() => Class::Emoji,
        _ => Class::Gap,
    }
}

/// Returns whether marks on this letter do not matter when one searches. In other scripts they are vowels, or make another
/// letter of it.
pub(super) fn loses_marks(letter: char) -> bool {
    use Script::{Arabic, Cyrillic, Greek, Hebrew, Latin};
    matches!(letter.script(), Latin | Greek | Cyrillic | Arabic | Hebrew)
}

/// Returns whether the mark is one without a width of its own.
pub(super) fn is_diacritic(mark: char) -> bool {
    mark.general_category() == GeneralCategory::NonspacingMark
}

/// Adds a letter as it is compared: without case, and without strokes that no decomposition removes.
pub(super) fn push_folded(letter: char, word: &mut String) {
    for c in letter.to_lowercase() {
        match c {
            'ß' => word.push_str("ss"),
            'æ' => word.push_str("ae"),
            'œ' => word.push_str("oe"),
            'ø' => word.push('o'),
            'ł' => word.push('l'),
            'đ' | 'ð' => word.push('d'),
            'ħ' => word.push('h'),
            'ı' => word.push('i'),
            'ς' => word.push('σ'),
            // Left of a capital I with a dot.
            '\u{307}' => {}
            c => word.push(c),
        }
    }
}

fn is_unspaced(c: char) -> bool {
    let scripts = c.script_extension();
    // Common characters are in all scripts.
    !scripts.is_common()
        && !scripts.is_inherited()
        && UNSPACED.iter().any(|&script| scripts.contains_script(script))
}

fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

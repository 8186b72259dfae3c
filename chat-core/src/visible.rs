//! Which characters of a name are visible, by themselves or in their context.

use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};

/// `Default_Ignorable_Code_Point` of Unicode: characters shown as nothing. It includes code points that are not
/// assigned yet, so later versions of Unicode need no change here.
const IGNORABLE: [(u32, u32); 17] = [
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x61c, 0x61c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x206f),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfff8),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

/// Blank, though Unicode counts them as symbols or letters: the empty Braille pattern, hieroglyphs, a note without a
/// head, and the Khitan filler.
const BLANK: [char; 5] = ['\u{2800}', '\u{13441}', '\u{13442}', '\u{1d159}', '\u{16fe4}'];

/// Signs that enclose the digits after them. Unicode counts them as format characters.
const EMBRACING: [char; 13] = [
    '\u{600}',
    '\u{601}',
    '\u{602}',
    '\u{603}',
    '\u{604}',
    '\u{605}',
    '\u{6dd}',
    '\u{70f}',
    '\u{890}',
    '\u{891}',
    '\u{8e2}',
    '\u{110bd}',
    '\u{110cd}',
];

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
const KEYCAP: char = '\u{20e3}';
const BLACK_FLAG: char = '\u{1f3f4}';

/// The flags of England, Scotland and Wales: the black flag, these letters as tags, and an end tag.
const REGIONS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];

/// Returns whether the character selects how an emoji is drawn: as text or in colour.
pub(crate) fn is_emoji_style(c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}')
}

/// Returns whether every character is visible, or modifies its neighbours as the standards for emoji ([UTS
/// 51](https://www.unicode.org/reports/tr51/)) and for joined letters ([RFC
/// 5892](https://www.rfc-editor.org/rfc/rfc5892#appendix-A)) specify.
pub(crate) fn is_visible(text: &str) -> bool {
    // A fast path for most names: each message of a client has the name of its room.
    if text.is_ascii() {
        return !text.bytes().any(|byte| byte.is_ascii_control());
    }
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let (before, after) = (&chars[..at], &chars[at + 1..]);
        let visible = match c {
            JOINER => joins_emoji(before, after) || follows_virama(before),
            NON_JOINER => follows_virama(before) || parts_letters(before, after),
            _ if is_emoji_style(c) => has_style(before, after),
            _ => !is_hidden(c),
        };
        if !visible {
            return false;
        }
        at += 1 + if c == BLACK_FLAG { region_len(after) } else { 0 };
    }
    true
}

/// Returns whether the character is shown as nothing.
pub(crate) fn is_ignorable(c: char) -> bool {
    let code = u32::from(c);
    IGNORABLE.iter().any(|&(first, last)| (first..=last).contains(&code))
}

fn is_hidden(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    match c.general_category() {
        Control | LineSeparator | ParagraphSeparator => true,
        Format => !EMBRACING.contains(&c),
        _ => BLANK.contains(&c) || is_ignorable(c),
    }
}

fn is_emoji(c: char) -> bool {
    // They include digits, for keycaps.
    !c.is_ascii() && c.is_emoji_char()
}

fn joins_emoji(before: &[char], after: &[char]) -> bool {
    let before = match before {
        [before @ .., style] if is_emoji_style(*style) => before,
        before => before,
    };
    before.last().is_some_and(|&c| is_emoji(c)) && after.first().is_some_and(|&c| is_emoji(c))
}

fn follows_virama(before: &[char]) -> bool {
    const VIRAMA: u8 = 9;
    before.last().is_some_and(|&c| canonical_combining_class(c) == VIRAMA)
}

/// Returns whether a character here stands between letters that would otherwise join.
fn parts_letters(before: &[char], after: &[char]) -> bool {
    let joined = |c: &char| matches!(c.script(), Script::Arabic | Script::Syriac);
    before.last().is_some_and(joined) && after.first().is_some_and(joined)
}

fn has_style(before: &[char], after: &[char]) -> bool {
    match before.last() {
        Some(&c) if is_emoji(c) => true,
        Some('0'..='9' | '#' | '*') => after.first() == Some(&KEYCAP),
        _ => false,
    }
}

/// Returns the number of characters after a black flag that make it a regional flag.
fn region_len(after: &[char]) -> usize {
    let tag = |c: char| char::from_u32(0xe0000 + u32::from(c));
    let of_region = |region: &&str| {
        let tags = region.chars().chain(['\u{7f}']).map(tag);
        tags.zip(after.iter().map(|&c| Some(c))).filter(|(tag, c)| tag == c).count()
            == region.len() + 1
    };
    REGIONS.iter().find(|region| of_region(region)).map_or(0, |region| region.len() + 1)
}

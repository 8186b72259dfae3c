use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_compatible;

use super::fold::{Class, class, is_diacritic, loses_marks, push_folded};

/// The version of the rule by which texts become tokens. An index of another version has to be built anew.
pub const TOKENS_VERSION: u32 = 1;

/// The maximum length of a token in bytes of UTF-8. Of longer words only the beginning counts.
pub const MAX_TOKEN_BYTES: usize = 64;

/// The maximum number of tokens of a text. What follows in a longer text is not found.
pub const MAX_TOKENS: usize = 10_000;

/// How much of a word is kept before it is composed.
const MAX_RAW_BYTES: usize = 256;

/// A word of a text as it is compared, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// The word without case, diacritics and compatibility forms: letters, digits and marks only, or one emoji.
    pub text: String,
    /// Its place in the text, in bytes of UTF-8.
    pub range: Range<usize>,
    /// Where its first character ends, if it is a pair of characters.
    pub(super) first_end: usize,
    pub(super) form: Form,
}

/// What a token is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A word between gaps.
    Word,
    /// Two characters of a script without spaces, one after the other.
    Pair,
    /// The last one of several such characters.
    Last,
    /// One such character between others.
    Single,
}

/// Returns the tokens of a text, in order, [`MAX_TOKENS`] at the most.
///
/// - A word is a sequence of letters, digits and marks; each emoji is one.
/// - Case, compatibility forms and, in Latin, Greek, Cyrillic, Arabic and Hebrew, diacritics make no difference.
/// - Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese are cut into overlapping pairs of characters, followed by the
///   last character alone: whatever stands next to each other is found, without a dictionary.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Tokens::default();
    for (start, c) in text.char_indices() {
        let range = start..start + c.len_utf8();
        decompose_compatible(c, |part| tokens.push(part, &range));
        if tokens.found.len() >= MAX_TOKENS {
            break;
        }
    }
    tokens.end();
    tokens.found.truncate(MAX_TOKENS);
    tokens.found
}

/// The tokens found so far, and what is not finished.
#[derive(Default)]
struct Tokens {
    found: Vec<Token>,
    run: Run,
}

/// Characters that follow each other without a gap.
#[derive(Default)]
enum Run {
    #[default]
    None,
    Word {
        text: String,
        range: Range<usize>,
        loses_marks: bool,
    },
    /// The two last characters; the pairs before them are found.
    Unspaced {
        before: Option<Character>,
        last: Character,
    },
}

/// A letter with its marks.
struct Character {
    text: String,
    range: Range<usize>,
}

impl Tokens {
    fn push(&mut self, c: char, at: &Range<usize>) {
        match class(c) {
            Class::Nothing => {}
            Class::Gap => self.end(),
            Class::Emoji => {
                self.end();
                self.add(c.to_string(), at.clone(), at.end, Form::Word);
            }
            Class::Letter => self.push_letter(c, at),
            Class::Unspaced => self.push_unspaced(c, at),
            Class::Mark => self.push_mark(c, at),
        }
    }

    fn push_letter(&mut self, c: char, at: &Range<usize>) {
        if !matches!(self.run, Run::Word { .. }) {
            self.end();
            self.run = Run::Word { text: String::new(), range: at.clone(), loses_marks: false };
        }
        if let Run::Word { text, range, loses_marks: loses } = &mut self.run {
            *loses = loses_marks(c);
            range.end = at.end;
            if text.len() < MAX_RAW_BYTES {
                push_folded(c, text);
            }
        }
    }

    fn push_unspaced(&mut self, c: char, at: &Range<usize>) {
        let next = Character { text: c.to_string(), range: at.clone() };
        match std::mem::take(&mut self.run) {
            Run::Unspaced { before, last } => {
                self.add_pair(before, &last);
                self.run = Run::Unspaced { before: Some(last), last: next };
            }
            run => {
                self.run = run;
                self.end();
                self.run = Run::Unspaced { before: None, last: next };
            }
        }
    }

    fn push_mark(&mut self, c: char, at: &Range<usize>) {
        match &mut self.run {
            // A vowel of Hangul alone, or a mark on nothing.
            Run::None if matches!(c, '\u{1160}'..='\u{11ff}') => self.push_unspaced(c, at),
            Run::None => {}
            Run::Word { text, range, loses_marks } => {
                range.end = at.end;
                let is_lost = *loses_marks && is_diacritic(c);
                if !is_lost && text.len() < MAX_RAW_BYTES {
                    text.push(c);
                }
            }
            Run::Unspaced { last, .. } => {
                last.range.end = at.end;
                if last.text.len() < MAX_TOKEN_BYTES / 2 {
                    last.text.push(c);
                }
            }
        }
    }

    /// Ends the word.
    fn end(&mut self) {
        match std::mem::take(&mut self.run) {
            Run::None => {}
            Run::Word { text, range, .. } => {
                let end = range.end;
                self.add(text, range, end, Form::Word);
            }
            Run::Unspaced { before, last } => {
                let form = if before.is_some() { Form::Last } else { Form::Single };
                self.add_pair(before, &last);
                let end = last.range.end;
                self.add(last.text, last.range, end, form);
            }
        }
    }

    fn add_pair(&mut self, first: Option<Character>, second: &Character) {
        if let Some(first) = first {
            let range = first.range.start..second.range.end;
            self.add(first.text + &second.text, range, first.range.end, Form::Pair);
        }
    }

    fn add(&mut self, text: String, range: Range<usize>, first_end: usize, form: Form) {
        let mut text: String = text.nfc().collect();
        text.truncate(text.floor_char_boundary(MAX_TOKEN_BYTES));
        if !text.is_empty() {
            self.found.push(Token { text, range, first_end, form });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_are_found_without_case_and_diacritics() {
        for (text, expected) in [
            ("", ""),
            ("Hello, World!", "hello world"),
            ("Straße STRASSE", "strasse strasse"),
            ("Ærøskøbing Łódź İstanbul ısı", "aeroskobing lodz istanbul isi"),
            ("don't e-mail ada@example.com", "don t e mail ada example com"),
            ("3.14 v2 x²", "3 14 v2 x2"),
            ("ﬁne Ｗｉｄｅ ①", "fine wide 1"),
            ("Ο ΟΔΟΣ Ὀδυσσεύς", "ο οδοσ οδυσσευσ"),
            ("Всё ещё", "все еще"),
            ("so\u{ad}ft zero\u{200b}width", "soft zerowidth"),
            ("السَّلَامُ سـلام أهلا", "السلام سلام اهلا"),
            ("שָׁלוֹם", "שלום"),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn marks_that_make_another_letter_are_kept() {
        assert_ne!(words("か"), words("が"));
        assert_eq!(words("ｶﾞ"), words("ガ"));
        assert_eq!(words("か\u{3099}"), words("が"));
        // With other vowels these are other words.
        assert_eq!(words("हिन्दी"), ["हिन्दी"]);
        assert_ne!(words("की"), words("कि"));
        assert_eq!(words("தமிழ்"), ["தமிழ்"]);
    }

    #[test]
    fn scripts_without_spaces_become_pairs() {
        for (text, expected) in [
            ("日本語", "日本 本語 語"),
            ("日本語abc語", "日本 本語 語 abc 語"),
            ("カー", "カー ー"),
            ("東京。大阪", "東京 京 大阪 阪"),
            ("한국어", "한국 국어 어"),
            ("ㅋㅋ", "ᄏᄏ ᄏ"),
            ("ภาษา", "ภา าษ ษา า"),
            ("ที่นี่", "ที่นี่ นี่"),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
        // As a Mac writes it.
        let decomposed: String = "한국어".nfd().collect();
        assert_eq!(words(&decomposed), words("한국어"));
    }

    #[test]
    fn each_emoji_is_a_word() {
        assert_eq!(words("ok👍🏽!❤️"), ["ok", "👍", "❤"]);
        assert_eq!(words("👩‍💻"), ["👩", "💻"]);
        assert_eq!(words("🇫🇷"), ["🇫", "🇷"]);
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let token = &tokens(&"x".repeat(65_536))[0];
        assert_eq!((token.text.len(), &token.range), (MAX_TOKEN_BYTES, &(0..65_536)));
        assert_eq!(tokens(&"x ".repeat(32_000)).len(), MAX_TOKENS);
        assert_eq!(tokens(&"語".repeat(20_000)).len(), MAX_TOKENS);
        assert_eq!(tokens(&format!("e{}", "\u{301}".repeat(30_000))).len(), 1);
    }

    proptest! {
        #[test]
        fn tokens_are_in_bounds_in_order_and_the_same_in_every_form(text in "\\PC{0,60}") {
            let found = tokens(&text);
            let mut last = 0;
            for token in &found {
                prop_assert!(!token.text.is_empty() && token.text.len() <= MAX_TOKEN_BYTES);
                prop_assert!(text.get(token.range.clone()).is_some_and(|it| !it.is_empty()));
                prop_assert!(token.range.start >= last && token.first_end <= token.range.end);
                last = token.range.start;
                // Stores separate them by spaces and quote them.
                prop_assert!(!token.text.contains([' ', '"', '\'', '\\', '=', '\0']));
            }
            let composed: String = text.nfc().collect();
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(words(&composed), words(&decomposed));
        }
    }
}

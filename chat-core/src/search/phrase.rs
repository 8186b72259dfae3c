use std::ops::Range;

use super::tokens::{Form, Token, tokens};

/// How often a phrase is looked for in one text.
const MOST_PLACES: usize = 100;

/// Words that a text must have next to each other: one for most words, several for what is quoted, and for scripts without
/// spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Phrase {
    /// The texts of the [tokens](super::tokens()), at least one.
    pub words: Vec<String>,
    /// Whether the last of them may be the beginning of a longer one.
    pub is_prefix: bool,
}

impl Phrase {
    /// Creates a phrase of what somebody searches for; none if that has no words.
    pub fn of(text: &str, is_prefix: bool) -> Option<Self> {
        let mut found = tokens(text);
        let mut is_prefix = is_prefix;
        match found.last()?.form {
            Form::Word => {}
            // The text may go on after it, without a gap.
            Form::Last => {
                found.pop();
                is_prefix = false;
            }
            Form::Single => is_prefix = true,
            // Unless the text is too long.
            Form::Pair => is_prefix = false,
        }
        Some(Self { words: found.into_iter().map(|token| token.text).collect(), is_prefix })
    }

    /// Returns where the tokens of a text have this phrase, in bytes.
    pub(super) fn find_in(&self, tokens: &[Token]) -> Vec<Range<usize>> {
        let places = tokens.windows(self.words.len().max(1));
        places.filter_map(|place| self.range_at(place)).take(MOST_PLACES).collect()
    }

    fn range_at(&self, place: &[Token]) -> Option<Range<usize>> {
        let (last_word, words) = self.words.split_last()?;
        let (last, before) = place.split_last()?;
        if !before.iter().zip(words).all(|(token, word)| token.text == *word) {
            return None;
        }
        let is_whole = last.text == *last_word;
        let is_longer = self.is_prefix && last.text.starts_with(last_word.as_str());
        if !is_whole && !is_longer {
            return None;
        }
        let end = if is_whole { last.range.end } else { last.first_end };
        Some(place.first()?.range.start..end)
    }
}

use std::ops::Range;
use std::str::FromStr;

use thiserror::Error;

use super::date;
use super::phrase::Phrase;
use super::tokens::tokens;
use crate::moment::Moment;
use crate::{Offset, RoomId};

/// What somebody searches for.
///
/// | part | finds messages |
/// |---|---|
/// | `release notes` | with both words, wherever they are; the last one may be the beginning of a word as long as no space follows |
/// | `"release notes"` | with these words next to each other |
/// | `rel*` | with words that begin so |
/// | `-draft`, `-"first draft"` | without this |
/// | `from:Ada`, `from:"Ada L"` | of the user with this nickname, or this id |
/// | `in:general` | in this room |
/// | `before:2026-11-28` | from before this day, in UTC; also a time such as `2026-11-28T14:30`, or an offset |
/// | `after:2026-11-28` | from this day on; for an offset, those after it |
///
/// Several of `from:` and of `in:` mean any of them; everything else has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchQuery {
    /// What a message must have, all of it.
    pub with: Vec<Phrase>,
    /// What it must not have.
    pub without: Vec<Phrase>,
    /// Nicknames or ids of users, one of whom has written it; anybody if there are none.
    pub from: Vec<String>,
    /// The rooms in one of which it is; anywhere if there are none.
    pub rooms: Vec<RoomId>,
    /// Where it is before.
    pub before: Option<Moment>,
    /// Where it is after; for a time, from which on.
    pub after: Option<Moment>,
}

/// Why a text is no query.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}, at character {}", position + 1)]
#[non_exhaustive]
pub struct QueryError {
    /// Where in the text the problem begins, in UTF-16 code units, as JavaScript counts.
    pub position: usize,
    /// What is wrong, for people.
    pub problem: &'static str,
}

impl SearchQuery {
    /// The maximum length of a query in bytes of UTF-8.
    pub const MAX_BYTES: usize = 1024;

    /// The maximum number of words, phrases and conditions.
    pub const MAX_PARTS: usize = 32;

    /// Returns where a text has what is searched for, in bytes of UTF-8, in order and without overlaps; none if it does not
    /// match. Looks at the words only.
    pub fn find_in(&self, text: &str) -> Option<Vec<Range<usize>>> {
        let tokens = tokens(text);
        if self.without.iter().any(|phrase| !phrase.find_in(&tokens).is_empty()) {
            return None;
        }
        let mut found = Vec::new();
        for phrase in &self.with {
            let places = phrase.find_in(&tokens);
            if places.is_empty() {
                return None;
            }
            found.extend(places);
        }
        found.sort_unstable_by_key(|range| (range.start, range.end));
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in found {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Some(merged)
    }
}

impl FromStr for SearchQuery {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let mut parser = Parser { text, at: 0 };
        let mut query = Self::default();
        if text.len() > Self::MAX_BYTES {
            return parser.fail(text.floor_char_boundary(Self::MAX_BYTES), "the query is too long");
        }
        let mut parts = 0;
        while parser.skip_spaces() {
            parts += 1;
            if parts > Self::MAX_PARTS {
                return parser.fail(parser.at, "the query has more than 32 parts");
            }
            parser.part(&mut query)?;
        }
        if query == Self::default() {
            return parser.fail(0, "name a word to search for");
        }
        Ok(query)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

/// A word as it stands in a query, or what is quoted.
struct Value<'a> {
    text: &'a str,
    at: usize,
    is_quoted: bool,
}

impl<'a> Parser<'a> {
    /// Returns whether something follows.
    fn skip_spaces(&mut self) -> bool {
        self.at = self.text.len() - self.rest().trim_start().len();
        self.at < self.text.len()
    }

    fn part(&mut self, query: &mut SearchQuery) -> Result<(), QueryError> {
        let start = self.at;
        let is_negated = self.take_sign();
        if let Some(name) = self.take_name() {
            if is_negated {
                return self.fail(start, "only words can be excluded with `-`");
            }
            return self.condition(name, query);
        }
        let value = self.value()?;
        let (word, has_star) = match value.text.strip_suffix('*') {
            Some(word) if !value.is_quoted => (word, true),
            _ => (value.text, false),
        };
        let is_being_written = !value.is_quoted && !is_negated && self.at == self.text.len();
        let phrase = Phrase::of(word, has_star || is_being_written);
        let into = if is_negated { &mut query.without } else { &mut query.with };
        // Punctuation alone is no word.
        into.extend(phrase);
        Ok(())
    }

    fn condition(&mut self, name: &str, query: &mut SearchQuery) -> Result<(), QueryError> {
        let start = self.at;
        let value = match self.rest().chars().next() {
            Some(c) if !c.is_whitespace() => self.value()?,
            _ => return self.fail(start, "something has to follow the colon"),
        };
        match name {
            "from" if value.text.trim().is_empty() => {
                return self.fail(value.at, "`from:` takes a nickname");
            }
            "from" => query.from.push(value.text.to_owned()),
            "in" => match value.text.parse() {
                Ok(room) => query.rooms.push(room),
                Err(_) => return self.fail(value.at, "`in:` takes the name of a room"),
            },
            _ => {
                let Some(moment) = moment(value.text) else {
                    const EXPECTED: &str = "a date such as 2026-11-28, or an offset, is expected";
                    return self.fail(value.at, EXPECTED);
                };
                let bound = if name == "before" { &mut query.before } else { &mut query.after };
                if bound.replace(moment).is_some() {
                    return self.fail(value.at, "there can be one such condition only");
                }
            }
        }
        Ok(())
    }

    /// Takes the sign before what is excluded.
    fn take_sign(&mut self) -> bool {
        let is_sign = |rest: &str| rest.chars().next().is_some_and(|c| !c.is_whitespace());
        let is_negated = self.rest().strip_prefix('-').is_some_and(is_sign);
        self.at += usize::from(is_negated);
        is_negated
    }

    /// Takes the name of a condition and its colon. Other colons are those of addresses and times.
    fn take_name(&mut self) -> Option<&'static str> {
        let (name, _) = self.rest().split_once(':')?;
        let names = ["from", "in", "before", "after"];
        let name = names.into_iter().find(|known| known.eq_ignore_ascii_case(name))?;
        self.at += name.len() + 1;
        Some(name)
    }

    fn value(&mut self) -> Result<Value<'a>, QueryError> {
        let rest = self.rest();
        if let Some(quoted) = rest.strip_prefix('"') {
            let Some(length) = quoted.find('"') else {
                return self.fail(self.at, "the quotation mark is not closed");
            };
            let value = Value { text: &quoted[..length], at: self.at + 1, is_quoted: true };
            self.at += length + 2;
            return Ok(value);
        }
        let length = rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len());
        let value = Value { text: &rest[..length], at: self.at, is_quoted: false };
        self.at += length;
        Ok(value)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, at: usize, problem: &'static str) -> Result<T, QueryError> {
        Err(QueryError { position: self.text[..at].encode_utf16().count(), problem })
    }
}

fn moment(text: &str) -> Option<Moment> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Moment::Offset(Offset::new(text.parse().ok()?).ok()?));
    }
    date::time(text).map(Moment::Time)
}

#[cfg(test)]
mod tests;

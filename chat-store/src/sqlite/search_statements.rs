//! The statements of the index, and searches as FTS5 takes them.

use std::fmt::Write as _;

use chat_core::search::Phrase;

use crate::IndexSearch;
use crate::search_index::{of_scope, of_writer};

/// The tokenizer `ascii` takes every character beyond ASCII for one of a word, so words are what is between spaces.
/// With `secure-delete`, what is deleted leaves the index at once, and not when its segments are merged.
pub(super) const SCHEMA: &str = "
    CREATE TABLE chat_search_position (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        epoch TEXT NOT NULL,
        version INTEGER NOT NULL,
        position INTEGER NOT NULL
    );
    CREATE VIRTUAL TABLE chat_search USING fts5 (words, labels, tokenize = 'ascii', columnsize = 0);
    INSERT INTO chat_search (chat_search, rank) VALUES ('secure-delete', 1);";

/// Removes the tables, which is faster than to delete what is in them.
pub(super) const DROP: &str =
    "DROP TABLE IF EXISTS chat_search; DROP TABLE IF EXISTS chat_search_position";

/// Has a row if something was deleted since the file was written anew. It came after the other tables.
pub(super) const PIECES_SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS chat_search_pieces (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        deletions INTEGER NOT NULL
    )";

pub(super) const MARK_PIECES: &str = "
    INSERT INTO chat_search_pieces (id, deletions) VALUES (1, 1)
    ON CONFLICT (id) DO UPDATE SET deletions = deletions + 1";

pub(super) const PIECES: &str = "SELECT deletions FROM chat_search_pieces";

pub(super) const NO_PIECES: &str = "DELETE FROM chat_search_pieces WHERE deletions = ?1";

/// Takes as long as the file is large, for those who write to it only.
pub(super) const REWRITE: &str = "VACUUM";

pub(super) const POSITION: &str =
    "SELECT position FROM chat_search_position WHERE epoch = ?1 AND version = ?2";

pub(super) const SET_POSITION: &str = "
    INSERT INTO chat_search_position (id, epoch, version, position) VALUES (1, ?1, ?2, ?3)
    ON CONFLICT (id) DO UPDATE SET
        epoch = excluded.epoch, version = excluded.version, position = excluded.position";

pub(super) const PUT: &str =
    "INSERT OR REPLACE INTO chat_search (rowid, words, labels) VALUES (?1, ?2, ?3)";

pub(super) const REMOVE: &str = "DELETE FROM chat_search WHERE rowid = ?1";

pub(super) const FIRST: &str =
    "SELECT rowid FROM chat_search WHERE rowid <= ?1 ORDER BY rowid LIMIT ?2";

pub(super) const MATCH: &str = "SELECT rowid FROM chat_search
    WHERE chat_search MATCH ?1 AND rowid > ?2 AND rowid < ?3 ORDER BY rowid DESC LIMIT ?4";

/// Every message is in a room, or one of a user's.
const ANYWHERE: &str = r#"labels : ("a" OR "u" *)"#;

/// Returns the expression for a search; none if nothing can match.
pub(super) fn expression(search: &IndexSearch) -> Option<String> {
    let mut all = Vec::new();
    if let Some(labels) = of_scope(&search.scope) {
        if labels.is_empty() {
            return None;
        }
        all.push(format!("labels : ({})", any(labels.into_iter())));
    }
    if !search.writers.is_empty() {
        all.push(format!("labels : ({})", any(search.writers.iter().map(of_writer))));
    }
    all.extend(search.with.iter().map(words));
    if all.is_empty() {
        all.push(ANYWHERE.to_owned());
    }
    let mut expression = format!("({})", all.join(" AND "));
    if !search.without.is_empty() {
        let without: Vec<_> = search.without.iter().map(words).collect();
        let _ = write!(expression, " NOT ({})", without.join(" OR "));
    }
    Some(expression)
}

fn any(labels: impl Iterator<Item = String>) -> String {
    labels.map(|label| format!("\"{label}\"")).collect::<Vec<_>>().join(" OR ")
}

/// Tokens have no quotation marks, and no spaces.
fn words(phrase: &Phrase) -> String {
    let star = if phrase.is_prefix { " *" } else { "" };
    format!("(words : \"{}\"{star})", phrase.words.join(" "))
}

//! Moves a log with everything around it from one store to another, as lines of JSON.
//!
//! ```text
//!   {"record":"export","version":1,"epoch":"…","tail":…,"counts":{…},…}
//!   {"record":"message","id":1,…}         one line per row, in the order of the tables and of their keys
//!   …
//!   {"record":"readPosition",…}
//! ```

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod header;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod line;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod table;

use std::io::{self, BufRead, Write};

use thiserror::Error;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use self::header::Header;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use self::line::{Kept, Rows};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use self::table::{Column, TABLES, Table, Type};
use crate::StoreError;
use crate::config::Database;

/// Why a log could not be moved.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The export could not be written or read.
    #[error("the export cannot be written or read")]
    File(#[from] io::Error),
    /// A line of an export is wrong.
    #[error("line {line} of the export {problem}")]
    Line {
        /// The number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The store has something that this import did not put there.
    #[error(
        "the store is not empty: it may have this import already, or another log; to import anew, name a new store"
    )]
    NotEmpty,
}

impl MoveError {
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn line(line: u64, problem: impl Into<String>) -> Self {
        Self::Line { line, problem: problem.into() }
    }
}

/// Writes everything in the store of a URL except sessions and the search index, as it is at one moment; servers may
/// use the store meanwhile. Calls `progress` with the number of lines that are written, and of all lines.
///
/// # Errors
/// [`StoreError::Url`] for a store in memory, otherwise why it could not be read or written.
pub async fn export(
    url: &str,
    to: &mut (dyn Write + Send),
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<(), MoveError> {
    match crate::config::database(url)? {
        #[cfg(feature = "sqlite")]
        Database::Sqlite(path) => crate::SqliteStore::export(path, to, progress).await,
        #[cfg(feature = "postgres")]
        Database::Postgres(url) => crate::PostgresStore::export(url, to, progress).await,
        #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
        Database::None(none) => match (*none, to, progress) {},
    }
}

/// Loads an [export] into an empty store that no server uses, and returns the number of its lines. The log keeps its
/// identity, offsets and keys, so clients go on as before. Calls `progress` as [`export`] does.
///
/// If it is stopped, call it again with the same export: it goes on where it was.
///
/// # Errors
/// [`MoveError::NotEmpty`], or [`MoveError::Line`] with the first wrong line; the lines before it may be in the store.
pub async fn import(
    url: &str,
    from: &mut (dyn BufRead + Send),
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<u64, MoveError> {
    match crate::config::database(url)? {
        #[cfg(feature = "sqlite")]
        Database::Sqlite(path) => crate::SqliteStore::import(path, from, progress).await,
        #[cfg(feature = "postgres")]
        Database::Postgres(url) => crate::PostgresStore::import(url, from, progress).await,
        #[cfg(not(any(feature = "sqlite", feature = "postgres")))]
        Database::None(none) => match (*none, from, progress) {},
    }
}

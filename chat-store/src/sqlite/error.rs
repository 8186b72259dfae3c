use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::error::DatabaseError;

use super::files::Moved;
use crate::StoreError;

/// What to do about a file that cannot be opened.
const OPEN: &str = "check that its folder exists and its permissions";

/// The name of the file for people. It converts SQLite's errors into ours. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Place {
    name: Arc<str>,
    /// Whether SQLite has found the file damaged since it was opened.
    is_damaged: Arc<AtomicBool>,
}

/// The result codes of SQLite (<https://sqlite.org/rescode.html>) that are handled. The low byte is the kind; an
/// extended code adds details above it.
mod code {
    pub(super) const ERROR: i32 = 1;
    pub(super) const PERM: i32 = 3;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const PROTOCOL: i32 = 15;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const MISMATCH: i32 = 20;
    pub(super) const NOTADB: i32 = 26;
    /// The shared memory of the write-ahead log could not grow: the file system is full.
    pub(super) const IOERR_SHMSIZE: i32 = 10 | (19 << 8);
}

impl Place {
    pub(super) fn new(path: &Path) -> Self {
        Self { name: path.display().to_string().into(), is_damaged: Arc::default() }
    }

    /// Returns whether the file was damaged when something was read or written.
    pub(super) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// Returns the error for a file that SQLite has found damaged.
    pub(super) fn damaged(&self) -> StoreError {
        self.corrupt("is damaged")
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    /// Returns the error for a file with wrong contents.
    pub(super) fn corrupt(&self, problem: impl Into<String>) -> StoreError {
        StoreError::Corrupt { place: self.name(), problem: problem.into(), source: None }
    }

    /// Returns the error for a file of a later version.
    pub(super) fn newer(&self) -> StoreError {
        StoreError::Newer { place: self.name() }
    }

    /// Returns the error for a file that cannot be used where it is.
    pub(super) fn unusable(&self, why: &'static str) -> StoreError {
        StoreError::Open { place: self.name(), advice: OPEN, source: why.into() }
    }

    /// Returns the error for a file that is to be made, and is there.
    pub(super) fn taken(&self, advice: &'static str) -> StoreError {
        let source = "there is a file of that name".into();
        StoreError::Open { place: self.name(), advice, source }
    }

    /// Returns the error for a file that others use.
    pub(super) fn locked(&self, why: &'static str) -> StoreError {
        StoreError::Locked { place: self.name(), source: why.into() }
    }

    /// Converts an error for a file that has been open before.
    ///
    /// If it cannot be opened again, for another reader, the process has too many files open or the folder is
    /// temporarily gone. That passes.
    pub(super) fn error_in_use(&self, error: sqlx::Error) -> StoreError {
        match self.error(error) {
            StoreError::Open { place, source, .. } => StoreError::Unavailable { place, source },
            error => error,
        }
    }

    /// Converts an error for a file that is being opened.
    pub(super) fn error(&self, error: sqlx::Error) -> StoreError {
        if let Some(moved) = Moved::of(&error) {
            let place = moved.path.display().to_string();
            return StoreError::Moved { place, source: error.into() };
        }
        let place = self.name();
        let code = match &error {
            sqlx::Error::PoolClosed => return StoreError::Closed,
            // A name that cannot be passed to SQLite: not UTF-8, or with a NUL.
            sqlx::Error::Io(io) if io.kind() == ErrorKind::InvalidData => {
                return StoreError::Open { place, advice: OPEN, source: error.into() };
            }
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
                let problem =
                    "holds a message or a session that this program does not understand".into();
                return StoreError::Corrupt { place, problem, source: Some(error.into()) };
            }
            error => error.as_database_error().map_or(0, result_code),
        };
        let source = Box::new(error);
        if matches!(code & 0xff, code::NOTADB | code::CORRUPT) {
            self.is_damaged.store(true, Ordering::Relaxed);
        }
        match (code, code & 0xff) {
            (code::IOERR_SHMSIZE, _) | (_, code::FULL) => StoreError::Full { place, source },
            (_, code::BUSY | code::LOCKED | code::PROTOCOL) => StoreError::Locked { place, source },
            (_, code::READONLY) => {
                let advice = "check its permissions and those of its folder";
                StoreError::ReadOnly { place, advice, source }
            }
            (_, code::CANTOPEN | code::PERM) => StoreError::Open { place, advice: OPEN, source },
            (_, code::NOTADB) => {
                let problem = "is not an SQLite database".into();
                StoreError::Corrupt { place, problem, source: Some(source) }
            }
            (_, code::CORRUPT) => {
                let problem = "is damaged".into();
                StoreError::Corrupt { place, problem, source: Some(source) }
            }
            // Our statements are right for our tables: so the tables are not ours.
            (_, code::ERROR | code::CONSTRAINT | code::MISMATCH) => {
                let problem = "has tables that this program does not understand".into();
                StoreError::Corrupt { place, problem, source: Some(source) }
            }
            _ => StoreError::Unavailable { place, source },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Returns whether another connection holds a lock at the moment.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| result_code(error) & 0xff == code::BUSY)
}

fn result_code(error: &dyn DatabaseError) -> i32 {
    error.code().and_then(|code| code.parse().ok()).unwrap_or(0)
}

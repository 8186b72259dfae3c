use std::error::Error;

use thiserror::Error as ThisError;

/// The error of the database library.
type Source = Box<dyn Error + Send + Sync + 'static>;

/// The error of a store.
///
/// After an error nothing of the call is visible, and nothing acknowledged before is lost. Networks and disks allow
/// exceptions: if the connection to a database server breaks during a commit, or a disk fails to sync and the process
/// then crashes, the batch may have been stored. It is safe to append it again with the same client offsets, and to
/// save sessions again.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL names no known store.
    #[error("{reason}; a store is sqlite:PATH, postgres://USER@HOST/DATABASE or memory:")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The program was compiled without the store that the URL names.
    #[error(
        "this program was built without {scheme} stores; build it with the feature {feature:?}"
    )]
    Feature {
        /// The scheme of the URL.
        scheme: &'static str,
        /// The cargo feature that enables it.
        feature: &'static str,
    },
    /// The file or the database can be read but not written.
    #[error("{place} cannot be written; {advice}")]
    ReadOnly {
        /// The file or database.
        place: String,
        /// What to do about it.
        advice: &'static str,
        /// The error of the database.
        source: Source,
    },
    /// The file or the database cannot be opened.
    #[error("{place} cannot be opened; {advice}")]
    Open {
        /// The file or database.
        place: String,
        /// What to do about it.
        advice: &'static str,
        /// The error of the database.
        source: Source,
    },
    /// The file is not a database, is damaged, or has tables that this program does not understand.
    #[error("{place} {problem}; restore a copy of it or choose another one")]
    Corrupt {
        /// The file or database.
        place: String,
        /// What is wrong with it.
        problem: String,
        /// The error of the database, if the database noticed.
        source: Option<Source>,
    },
    /// The file or the database was made by a later version of this program.
    #[error("{place} was made by a newer version of this program; install that version")]
    Newer {
        /// The file or database.
        place: String,
    },
    /// The disk or a quota is full. Passes when there is space again.
    #[error("there is no space left for {place}; free some and the chat goes on by itself")]
    Full {
        /// The file or database.
        place: String,
        /// The error of the database.
        source: Source,
    },
    /// Another program holds a lock for longer than this one waits. Passes when the lock is released.
    #[error("{place} is locked by another program; the chat goes on when it lets go")]
    Locked {
        /// The file or database.
        place: String,
        /// The error of the database.
        source: Source,
    },
    /// A file was deleted, moved or replaced while the store was open. Passes when the same file is back; another
    /// file is used only after the store is opened again.
    #[error(
        "{place} was deleted, moved or replaced while the chat was using it; put the same file back, or restart \
         the chat with what is there"
    )]
    Moved {
        /// The file: the database, or one of the files next to it.
        place: String,
        /// What was found instead.
        source: Source,
    },
    /// The database has another log than when the store was opened, or lacks the end of it: a backup was restored, or
    /// another server took over.
    #[error("{place} has another log than before, or lacks its end; restart the chat")]
    OtherLog {
        /// The database.
        place: String,
    },
    /// The database does not answer, or not at the moment.
    #[error("{place} is not available")]
    Unavailable {
        /// The database.
        place: String,
        /// The error of the database.
        source: Source,
    },
    /// This program has closed the store.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Returns whether the same call may succeed later without a change of the configuration.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Full { .. } | Self::Locked { .. } | Self::Moved { .. } | Self::Unavailable { .. }
        )
    }
}

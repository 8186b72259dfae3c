use std::error::Error;

use thiserror::Error as ThisError;

/// The error of the database library underneath.
type Source = Box<dyn Error + Send + Sync + 'static>;

/// Why a store could not do what it was asked.
///
/// After an error nothing of the call is visible, and nothing that was acknowledged before is lost. The
/// exceptions lie in the nature of networks and disks: when the connection to a database server breaks
/// during a commit, or a disk fails to sync one and the process then crashes, the batch may have been
/// stored. Appending it again with the same client offsets is safe, and so is saving sessions again.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL names no store that there is.
    #[error("{reason}; a store is sqlite:PATH, postgres://USER@HOST/DATABASE or memory:")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The store that the URL names was left out when this program was compiled.
    #[error(
        "this program was built without {scheme} stores; build it with the feature {feature:?}"
    )]
    Feature {
        /// The scheme of the URL.
        scheme: &'static str,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// The file or the database can be read but not written.
    #[error("{place} cannot be written; {advice}")]
    ReadOnly {
        /// Which one.
        place: String,
        /// What to do about it.
        advice: &'static str,
        /// What the database said.
        source: Source,
    },
    /// The file or the database cannot be opened.
    #[error("{place} cannot be opened; {advice}")]
    Open {
        /// Which one.
        place: String,
        /// What to do about it.
        advice: &'static str,
        /// What the database said.
        source: Source,
    },
    /// The file is no database, is damaged, or has tables that this program does not understand.
    #[error("{place} {problem}; restore a copy of it or choose another one")]
    Corrupt {
        /// Which one.
        place: String,
        /// What is wrong with it.
        problem: String,
        /// What the database said, if it was the one to notice.
        source: Option<Source>,
    },
    /// The file or the database was made by a later version of this program.
    #[error("{place} was made by a newer version of this program; install that version")]
    Newer {
        /// Which one.
        place: String,
    },
    /// There is no space left on the disk or in a quota. Passes when there is.
    #[error("there is no space left for {place}; free some and the chat goes on by itself")]
    Full {
        /// Which one.
        place: String,
        /// What the database said.
        source: Source,
    },
    /// Another program holds a lock for longer than this one waits. Passes when it lets go.
    #[error("{place} is locked by another program; the chat goes on when it lets go")]
    Locked {
        /// Which one.
        place: String,
        /// What the database said.
        source: Source,
    },
    /// A file was deleted, moved away or replaced while the store was open. Passes when the same one is back in its
    /// place; another one counts when the store is opened again.
    #[error(
        "{place} was deleted, moved or replaced while the chat was using it; put the same file back, or restart \
         the chat with what is there"
    )]
    Moved {
        /// Which one: the database, or one of the files beside it.
        place: String,
        /// What was found.
        source: Source,
    },
    /// The database does not answer, or not for now.
    #[error("{place} is not available")]
    Unavailable {
        /// Which one.
        place: String,
        /// What the database said.
        source: Source,
    },
    /// The store was closed by this program.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing the configuration.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Full { .. } | Self::Locked { .. } | Self::Moved { .. } | Self::Unavailable { .. }
        )
    }
}

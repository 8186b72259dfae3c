use std::path::{Path, PathBuf};
use std::sync::Arc;

use chat_core::{FileId, RecoveryOffset, Timestamp, UserId};

/// Where everything is.
#[derive(Debug, Clone)]
pub(super) struct Paths(Arc<Path>);

impl Paths {
    pub(super) fn new(root: PathBuf) -> Self {
        Self(root.into())
    }

    pub(super) fn root(&self) -> &Path {
        &self.0
    }

    pub(super) fn secret(&self) -> PathBuf {
        self.0.join("secret")
    }

    pub(super) fn all_loose(&self) -> PathBuf {
        self.0.join("loose")
    }

    pub(super) fn loose(&self, id: FileId) -> PathBuf {
        self.all_loose().join(id.to_string())
    }

    /// Where the file is among those that are kept, with others.
    pub(super) fn place(&self, id: FileId) -> PathBuf {
        self.0.join("kept").join(&id.to_string()[..2])
    }

    pub(super) fn kept(&self, id: FileId) -> PathBuf {
        self.place(id).join(id.to_string())
    }

    pub(super) fn messages(&self) -> PathBuf {
        self.0.join("messages")
    }

    pub(super) fn days(&self) -> PathBuf {
        self.0.join("days")
    }

    pub(super) fn day(&self, at: Timestamp, user: UserId) -> PathBuf {
        self.days().join(day_of(at).to_string()).join(user.to_string())
    }

    pub(super) fn trash(&self) -> PathBuf {
        self.0.join("trash")
    }
}

/// Returns the number of a day since 1970.
pub(super) fn day_of(at: Timestamp) -> u64 {
    const MILLIS: i64 = 24 * 60 * 60 * 1000;
    u64::try_from(at.as_millis() / MILLIS).unwrap_or(0)
}

/// Reads what says which message has a file.
pub(super) fn position_of(text: &[u8]) -> Option<RecoveryOffset> {
    str::from_utf8(text).ok()?.parse().ok()
}

use chat_core::{Offset, Timestamp};

use crate::Page;

/// What [`MessageStore::trim`](crate::MessageStore::trim) deletes from the beginning of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// The last message to delete. One that is not there yet stands for the last one that is.
    pub upto: Offset,
    /// The keys of deleted messages that were received before this may be forgotten.
    pub forget_keys_before: Timestamp,
}

/// Whether a store has deleted everything that it can delete now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trimmed {
    /// It goes on with the next call.
    More,
    /// Contents of deleted messages, and the keys that may be forgotten, are gone.
    All,
}

impl Page {
    /// Sets the [horizon](Self::horizon).
    #[must_use]
    pub fn with_horizon(self, horizon: Offset) -> Self {
        Self { horizon, ..self }
    }

    /// Returns the part of a page that was read backwards that is above a horizon, and whether something before it may be,
    /// too.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn above(mut self, horizon: Offset) -> Self {
        let before = self.messages.len();
        self.messages.retain(|message| message.offset > horizon);
        self.more &= self.messages.len() == before;
        self.with_horizon(horizon)
    }
}

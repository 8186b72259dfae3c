use chat_core::{Offset, Timestamp};

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

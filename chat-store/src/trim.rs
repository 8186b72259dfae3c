use chat_core::{Offset, Timestamp};

/// What [`MessageStore::trim`](crate::MessageStore::trim) deletes from the beginning of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// The last message to delete; the last one of the log if that is less.
    pub upto: Offset,
    /// The keys of deleted messages that were received before this may be forgotten.
    pub forget_keys_before: Timestamp,
}

/// Whether a store has deleted everything that it can delete now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trimmed {
    /// It goes on with the next call.
    More,
    /// The contents of deleted messages are gone, and so are the keys that may be forgotten.
    All,
}

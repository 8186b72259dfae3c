use chat_core::Offset;

/// What became of one message of a batch that was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log now, at this offset.
    New(Offset),
    /// It was in the log before, at this offset, under the same client offset. Nothing was stored.
    Duplicate(Offset),
    /// Its client offset belongs to another message, at this offset: another room, content or author.
    /// Nothing was stored.
    Conflict(Offset),
}

use chat_core::Offset;

/// The outcome of one message of a committed batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log now, at this offset.
    New(Offset),
    /// It was in the log already, at this offset, under the same client offset. Nothing was stored.
    Duplicate(Offset),
    /// Its author has used the client offset for another message, at this offset, with different content or another
    /// audience. Nothing was stored.
    Conflict(Offset),
    /// What it changes, deletes, reacts to or only [repeats](chat_core::NewMessage::is_only_retry) is not in the log,
    /// cannot be changed so, or has been deleted. Nothing was stored.
    Missing,
}

impl Appended {
    /// Returns the offset of the message that has the client offset, whichever message that is; none if nothing has.
    pub const fn offset(self) -> Option<Offset> {
        match self {
            Self::New(offset) | Self::Duplicate(offset) | Self::Conflict(offset) => Some(offset),
            Self::Missing => None,
        }
    }
}

use chat_core::{Message, NewMessage, Offset};

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

impl Appended {
    /// What becomes of `new` when `stored` has its client offset:
    /// [`Duplicate`](Self::Duplicate) or [`Conflict`](Self::Conflict).
    ///
    /// For whoever writes a store.
    pub fn when_known(new: &NewMessage, stored: &Message) -> Self {
        if new.is_retry_of(stored) {
            Self::Duplicate(stored.offset)
        } else {
            Self::Conflict(stored.offset)
        }
    }

    /// Where the message is that has the client offset, whichever message that is.
    pub const fn offset(self) -> Offset {
        match self {
            Self::New(offset) | Self::Duplicate(offset) | Self::Conflict(offset) => offset,
        }
    }
}

use crate::Offset;

/// A reader's position in the log: everything up to and including it has been handled.
///
/// It turns a stream that may repeat, reorder or omit messages into one that does not: it drops messages at or before
/// the cursor, delivers the next one, and for one too far ahead returns the range to read first.
///
/// ```
/// use chat_core::{Cursor, Offset, Step};
///
/// let mut cursor = Cursor::new(Offset::ZERO);
/// let [one, two, three] = [1, 2, 3].map(|number| Offset::new(number).unwrap());
///
/// assert_eq!(cursor.accept(one), Step::Deliver);
/// assert_eq!(cursor.accept(one), Step::Duplicate);
/// assert_eq!(cursor.accept(three), Step::Gap { after: one, upto: two });
/// assert_eq!(cursor.accept(two), Step::Deliver);
/// assert_eq!(cursor.accept(three), Step::Deliver);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Cursor {
    position: Offset,
}

/// The result of offering a message to a [`Cursor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is the next message. The cursor has moved to it.
    Deliver,
    /// It was handled before: drop it. The cursor does not move.
    Duplicate,
    /// Messages before it are missing: read those after `after` up to and including `upto` first, then offer it
    /// again. The cursor does not move.
    Gap {
        /// The last message that was handled.
        after: Offset,
        /// The last message that may be missing.
        upto: Offset,
    },
}

impl Cursor {
    /// Creates a cursor at `position`, so that the message after `position` is next.
    pub const fn new(position: Offset) -> Self {
        Self { position }
    }

    /// Returns the last offset that was handled.
    pub const fn position(self) -> Offset {
        self.position
    }

    /// Accepts the message at `offset` from a stream that holds every message of the log, without gaps.
    pub fn accept(&mut self, offset: Offset) -> Step {
        self.accept_after(offset.previous(), offset)
    }

    /// Accepts the message at `offset` from a stream in which each message names the previous one.
    ///
    /// `after` is the offset of the previous message in the stream. It need not be `offset − 1`: a reader of some
    /// rooms sees only some offsets, and old logs have gaps.
    pub fn accept_after(&mut self, after: Offset, offset: Offset) -> Step {
        if offset <= self.position {
            Step::Duplicate
        } else if after <= self.position {
            self.position = offset;
            Step::Deliver
        } else {
            Step::Gap { after: self.position, upto: after }
        }
    }

    /// Accepts the message at `offset` from a stream whose sender guarantees order and no gaps, as the chat server
    /// does for the rooms of a connection. Only repeats have to be detected.
    ///
    /// Returns [`Step::Deliver`] or [`Step::Duplicate`].
    pub fn accept_ordered(&mut self, offset: Offset) -> Step {
        self.accept_after(self.position, offset)
    }
}

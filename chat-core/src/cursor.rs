use crate::Offset;

/// A reader's place in the log: everything up to and including it has been handled.
///
/// It turns a stream that may repeat, reorder or leave out messages into one that does none of it: what
/// is behind the cursor is dropped, what follows it is handled, and what lies too far ahead says which
/// part to read first.
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

/// What to do with a message, as [`Cursor`] tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is the next one. The cursor has moved onto it.
    Deliver,
    /// It was handled before: drop it. The cursor stays.
    Duplicate,
    /// Messages before it are missing: read those after `after` up to and including `upto` first, then
    /// offer it again. The cursor stays.
    Gap {
        /// The last message that was handled.
        after: Offset,
        /// The last message that may be missing.
        upto: Offset,
    },
}

impl Cursor {
    /// A cursor on `position`, so that what follows `position` is next.
    pub const fn new(position: Offset) -> Self {
        Self { position }
    }

    /// The last offset that was handled.
    pub const fn position(self) -> Offset {
        self.position
    }

    /// Takes the message at `offset` of a stream that holds every message of the log, without holes.
    pub fn accept(&mut self, offset: Offset) -> Step {
        self.accept_after(offset.previous(), offset)
    }

    /// Takes the message at `offset` of a stream in which each message names the one before it.
    ///
    /// `after` is the offset of the previous message in the stream. It need not be `offset − 1`: a
    /// reader of some rooms only sees some offsets, and old logs have holes.
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

    /// Takes the message at `offset` of a stream whose sender promises order and no gaps, as the chat
    /// server does for the rooms of a connection. Only repeats need to be told apart.
    ///
    /// Returns [`Step::Deliver`] or [`Step::Duplicate`].
    pub fn accept_ordered(&mut self, offset: Offset) -> Step {
        self.accept_after(self.position, offset)
    }
}

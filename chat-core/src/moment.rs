use crate::{Offset, Timestamp};

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// That of the message with this offset.
    Offset(Offset),
    /// That of the first message that was received at this time or later, by the clock of the server that received it.
    Time(Timestamp),
}

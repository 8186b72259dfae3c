use serde::{Deserialize, Serialize};

use crate::{Offset, RecoveryOffset};

/// The arguments of [`HISTORY_GONE`](super::HISTORY_GONE).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryGone(pub Horizon, pub RecoveryOffset);

/// Up to where the log was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Horizon {
    /// Messages before this offset are gone.
    pub before: Offset,
}

impl HistoryGone {
    /// Creates the report that everything up to a position was deleted.
    pub fn upto(position: RecoveryOffset) -> Self {
        Self(Horizon { before: position.offset.next() }, position)
    }
}

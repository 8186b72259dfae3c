use serde::{Deserialize, Serialize};

use crate::{Epoch, Offset};

/// The argument of [`OTHER_LOG`](super::OTHER_LOG).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OtherLog {
    /// The identity of the server's log.
    pub epoch: Epoch,
    /// The last offset in it when the client connected.
    pub tail: Offset,
}

impl OtherLog {
    /// Creates the report of a log that ends at `tail`.
    pub fn new(epoch: Epoch, tail: Offset) -> Self {
        Self { epoch, tail }
    }
}

//! The positions of clients: which of them are in this log.

use chat_core::{Offset, RecoveryOffset, Tag};
use chat_store::StoreError;

use super::Log;
use crate::engine::planted::{self, Bug};

impl Log {
    /// Returns whether `offset` is in the log, not beyond its end.
    pub(crate) async fn contains(&self, offset: Offset) -> Result<bool, StoreError> {
        // Another node may have written it without this one knowing yet.
        Ok(offset <= self.tail() || offset <= self.reading.watch(self.store.tail().await)?)
    }

    /// Returns whether a client's position is in this log: the log has its offset, with the message that the client got
    /// there. A message that is not there any more is taken for that one.
    pub(crate) async fn has(&self, at: &RecoveryOffset) -> Result<bool, StoreError> {
        if at.epoch != *self.epoch() {
            return Ok(false);
        }
        let Some(tag) = at.tag.filter(|_| !planted::is(Bug::TagIgnored)) else {
            return self.contains(at.offset).await;
        };
        if let Some(entry) = self.recent.at(at.offset) {
            return Ok(entry.tag() == tag);
        }
        match self.message(at.offset).await? {
            Some(message) => Ok(Tag::of(&message) == tag),
            None => self.contains(at.offset).await,
        }
    }

    /// Returns the position of a client that has got everything up to an offset.
    #[cfg(feature = "api")]
    pub(crate) fn position(&self, offset: Offset) -> RecoveryOffset {
        let entry = self.recent.at(offset);
        let untagged = || RecoveryOffset::new(self.epoch().clone(), offset);
        entry.map_or_else(untagged, |entry| entry.position(self.epoch()))
    }
}

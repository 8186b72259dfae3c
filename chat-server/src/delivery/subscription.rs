use std::collections::HashMap;
use std::sync::Arc;

use chat_core::{Offset, RoomId};
use chat_store::StoreError;
use tokio::sync::Notify;

use crate::log::{Entry, Log, ReaderId};

/// The place of one connection in the log, and the rooms it reads.
///
/// Read, hand over, [`advance`](Self::advance), and when there is nothing wait for the notification. It is
/// registered before the first read and keeps one notification until it is waited for, so nothing that
/// is committed in between is missed.
pub(crate) struct Subscription {
    log: Arc<Log>,
    reader: ReaderId,
    rooms: Vec<RoomId>,
    /// The offset after which the messages of each room are for this connection.
    joined_after: HashMap<RoomId, Offset>,
    /// Everything up to here has been handed over, or is not for this connection.
    cursor: Offset,
}

impl Subscription {
    /// A subscription to what follows `cursor` in `rooms`, but in each room only to what follows the
    /// offset at which it was joined. `wake` is notified when there is more.
    pub(crate) fn new(
        log: Arc<Log>,
        rooms: Vec<(RoomId, Offset)>,
        cursor: Offset,
        wake: &Arc<Notify>,
    ) -> Self {
        let joined_after: HashMap<_, _> = rooms.into_iter().collect();
        let rooms: Vec<_> = joined_after.keys().cloned().collect();
        let reader = log.attach(&rooms, wake);
        Self { log, reader, rooms, joined_after, cursor }
    }

    /// The next messages, in order; none when all that is committed was handed over. Does not wait for
    /// new ones.
    ///
    /// The cursor stays before them: call [`advance`](Self::advance) for each that is handed over. Cancel
    /// safe.
    pub(crate) async fn read(&mut self) -> Result<Vec<Arc<Entry>>, StoreError> {
        loop {
            let (mut entries, upto) = self.log.read_after(&self.rooms, self.cursor).await?;
            entries.retain(|entry| {
                let joined = self.joined_after.get(&entry.message.room);
                joined.is_some_and(|&joined_after| entry.offset() > joined_after)
            });
            if !entries.is_empty() || upto <= self.cursor {
                return Ok(entries);
            }
            self.cursor = upto;
        }
    }

    /// Moves the cursor onto a message that was handed over.
    pub(crate) fn advance(&mut self, to: Offset) {
        debug_assert!(to > self.cursor, "messages are handed over in order, each once");
        self.cursor = to;
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.log.detach(self.reader, &self.rooms);
    }
}

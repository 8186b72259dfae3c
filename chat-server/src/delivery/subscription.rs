use std::sync::Arc;

use chat_core::{Offset, RoomId};
use chat_store::StoreError;
use tokio::sync::Notify;

use super::rooms::{JoinedAfter, Rooms};
use crate::log::{Entry, Log, ReaderId};

/// The place of one connection in the log.
///
/// Read, hand over, [`advance`](Self::advance), and when there is nothing wait for the notification. It is
/// registered before the first read and keeps one notification until it is waited for, so nothing that
/// is committed in between is missed.
pub(crate) struct Subscription {
    log: Arc<Log>,
    reader: ReaderId,
    wake: Arc<Notify>,
    rooms: Arc<Rooms>,
    /// The rooms that it is woken by.
    attached: Arc<JoinedAfter>,
    /// Everything up to here has been handed over, or is not for this connection.
    cursor: Offset,
}

impl Subscription {
    /// A subscription to what follows `cursor` in `rooms`; `wake` is notified when there is more. Whoever
    /// changes the rooms notifies it too.
    pub(crate) fn new(
        log: Arc<Log>,
        rooms: Arc<Rooms>,
        cursor: Offset,
        wake: &Arc<Notify>,
    ) -> Self {
        let reader = log.reader();
        let wake = Arc::clone(wake);
        let mut this = Self { log, reader, wake, rooms, attached: Arc::default(), cursor };
        this.follow_rooms();
        this
    }

    /// The next messages, in order; none when all that is committed was handed over. Does not wait for
    /// new ones.
    ///
    /// The cursor stays before them: call [`advance`](Self::advance) for each that is handed over. Cancel
    /// safe.
    pub(crate) async fn read(&mut self) -> Result<Vec<Arc<Entry>>, StoreError> {
        loop {
            self.follow_rooms();
            let rooms: Vec<RoomId> = self.attached.keys().cloned().collect();
            let (mut entries, upto) = self.log.read_after(&rooms, self.cursor).await?;
            entries.retain(|entry| {
                let joined_after = self.attached.get(&entry.message.room);
                joined_after.is_some_and(|&joined_after| entry.offset() > joined_after)
            });
            if !entries.is_empty() || upto <= self.cursor {
                return Ok(entries);
            }
            self.cursor = upto;
        }
    }

    /// Whether a message that was read is still for this connection: its room may have been left.
    pub(crate) fn wants(&self, entry: &Entry) -> bool {
        self.rooms.now().contains_key(&entry.message.room)
    }

    /// Moves the cursor onto a message that was handed over.
    pub(crate) fn advance(&mut self, to: Offset) {
        debug_assert!(to > self.cursor, "messages are handed over in order, each once");
        self.cursor = to;
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Is woken by the rooms as they are now.
    fn follow_rooms(&mut self) {
        let now = self.rooms.now();
        if Arc::ptr_eq(&now, &self.attached) {
            return;
        }
        let (joined, left) = (difference(&now, &self.attached), difference(&self.attached, &now));
        self.log.attach(self.reader, &joined, &self.wake);
        self.log.detach(self.reader, &left);
        self.attached = now;
    }
}

/// The rooms of `these` that are not among `those`.
fn difference(these: &JoinedAfter, those: &JoinedAfter) -> Vec<RoomId> {
    these.keys().filter(|room| !those.contains_key(*room)).cloned().collect()
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let rooms: Vec<_> = self.attached.keys().cloned().collect();
        self.log.detach(self.reader, &rooms);
    }
}

//! How far users have read: collected for a moment, so that many users who read at once cost one commit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_core::{Feed, Offset, UserId};
use chat_store::{ReadPosition, ReadPositionStore, StoreError};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::engine::outage::Outage;

/// The time between two commits. What is read meanwhile waits.
const PAUSE: Duration = Duration::from_millis(100);

/// Maximum number of positions of a user that are looked at.
pub(crate) const MAX_POSITIONS: usize = 2000;

/// Maximum number of positions in one commit.
const AT_ONCE: usize = 1000;

/// Keeps how far users have read. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reading(Arc<Shared>);

struct Shared {
    store: Arc<dyn ReadPositionStore>,
    state: Mutex<State>,
    noting: Arc<Outage>,
    looking: Arc<Outage>,
}

#[derive(Default)]
struct State {
    /// What is to be noted, and who waits for that.
    waiting: Vec<(ReadPosition, oneshot::Sender<()>)>,
    /// Whether a task notes what waits.
    is_noting: bool,
}

impl Reading {
    pub(crate) fn new(store: Arc<dyn ReadPositionStore>) -> Self {
        Self(Arc::new(Shared {
            store,
            state: Mutex::default(),
            noting: Outage::new("noting what was read in the store"),
            looking: Outage::new("looking for what was read in the store"),
        }))
    }

    /// Notes that a user has read a feed up to an offset, and returns whether it is kept: not if the store fails. Cancel
    /// safe: it is noted in any case once polled.
    pub(crate) async fn note(&self, user: UserId, feed: Feed, offset: Offset) -> bool {
        let (sender, kept) = oneshot::channel();
        let begins = {
            let mut state = self.state();
            state.waiting.push((ReadPosition { user, feed, offset }, sender));
            !std::mem::replace(&mut state.is_noting, true)
        };
        if begins {
            tokio::spawn(self.clone().note_waiting());
        }
        kept.await.is_ok()
    }

    /// Returns how far a user has read.
    pub(crate) async fn of_user(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<HashMap<Feed, Offset>, StoreError> {
        let positions = self.0.store.read_positions(user, limit).await;
        let positions = self.0.looking.watch(positions)?;
        Ok(positions.into_iter().map(|position| (position.feed, position.offset)).collect())
    }

    /// Returns who has read a feed, and how far.
    pub(crate) async fn of_feed(
        &self,
        feed: &Feed,
        limit: usize,
    ) -> Result<Vec<(UserId, Offset)>, StoreError> {
        self.0.looking.watch(self.0.store.readers_of(feed, limit).await)
    }

    async fn note_waiting(self) {
        loop {
            let batch = {
                let mut state = self.state();
                let count = state.waiting.len().min(AT_ONCE);
                if count == 0 {
                    state.is_noting = false;
                    return;
                }
                state.waiting.drain(..count).collect::<Vec<_>>()
            };
            let (positions, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            // Those who wait for a call that failed see that their senders are gone.
            if self.0.noting.watch(self.0.store.note_read(&positions).await).is_ok() {
                for sender in waiting {
                    let _ = sender.send(());
                }
            }
            sleep(PAUSE).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chat_core::RoomId;
    use chat_store::MemoryStore;
    use chat_store::testkit::HeldStore;

    use super::*;

    fn general() -> Feed {
        Feed::Room(RoomId::general())
    }

    fn offset(number: u64) -> Offset {
        Offset::new(number).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_many_users_read_at_once_is_noted_together_and_the_furthest_counts() {
        let reading = Reading::new(Arc::new(MemoryStore::new()));
        let user = UserId::from_stored;
        let notes = [(1, 5), (2, 7), (1, 3), (1, 6)];
        let notes = notes.map(|(number, at)| reading.note(user(number), general(), offset(at)));
        let began = tokio::time::Instant::now();
        let kept = futures_util::future::join_all(notes).await;
        assert_eq!((kept, began.elapsed() < 2 * PAUSE), (vec![true; 4], true));
        let readers = reading.of_feed(&general(), 9).await.unwrap();
        assert_eq!(readers, [(user(1), offset(6)), (user(2), offset(7))]);
        assert_eq!(reading.of_user(user(1), 9).await.unwrap()[&general()], offset(6));
    }

    #[tokio::test]
    async fn what_cannot_be_noted_is_not_said_to_be_and_later_ones_are() {
        let store = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
        let reading = Reading::new(Arc::<HeldStore>::clone(&store));
        chat_store::MessageStore::close(&*store).await;
        assert!(!reading.note(UserId::from_stored(1), general(), offset(1)).await);
        assert!(!reading.note(UserId::from_stored(1), general(), offset(2)).await);
    }
}

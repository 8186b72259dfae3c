use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chat_core::Timestamp;
use chat_store::{SessionKey, SessionRecord, SessionStore, StoreError};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::registry::Registry;
use super::sockets::evict;
use crate::engine::outage::Outage;

/// How long to wait before retrying a store that has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The number of sessions to look up at a time when another node claims to have them.
const LOOKUPS: usize = 256;

/// How long to wait after a lookup, so that forged claims cannot overload the store.
const LOOKUP_PAUSE: Duration = Duration::from_millis(100);

/// How often expired sessions are deleted, until there are none left.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// The minimum pause after each batch of deletions, so that others can use the store.
const SWEEP_PAUSE: Duration = Duration::from_millis(10);

/// Maximum number of sessions in one save. Their states have a limit in bytes too, unless there is only one.
const PART: usize = 256;
const PART_BYTES: usize = 128 * 1024;

/// Saves sessions. Changes that happen during a save go into the next one together.
pub(super) struct Writer {
    store: Arc<dyn SessionStore>,
    registry: Arc<Registry>,
    saving: Arc<Outage>,
    changed: Notify,
    /// Notified when another node may have one of the sessions.
    doubted: Notify,
    /// Called when a session has moved to a connection here and that is saved.
    taken: OnceLock<Taken>,
    /// Counts the rounds that have begun and ended.
    rounds: watch::Sender<Rounds>,
}

/// A callback with a session that was taken over and its new generation. Must not block.
pub(super) type Taken = Box<dyn Fn(SessionKey, i64) + Send + Sync>;

#[derive(Debug, Clone, Copy, Default)]
struct Rounds {
    begun: u64,
    saved: u64,
}

impl Writer {
    pub(super) fn new(store: Arc<dyn SessionStore>, registry: Arc<Registry>) -> Self {
        let saving = Outage::new("saving sessions");
        let (changed, doubted, taken) = (Notify::new(), Notify::new(), OnceLock::new());
        let rounds = watch::Sender::default();
        Self { store, registry, saving, changed, doubted, taken, rounds }
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns whether changes cannot be saved.
    pub(super) fn fails(&self) -> bool {
        self.saving.is_on()
    }

    /// Calls `taken` for each session that a client has recovered here. Only the first call of this function counts.
    pub(super) fn on_taken(&self, taken: Taken) {
        self.taken.set(taken).ok();
    }

    /// Returns whether other servers may have sessions of this store.
    pub(super) fn has_others(&self) -> bool {
        self.taken.get().is_some()
    }

    /// Requests a save soon.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Requests a lookup soon of the sessions that another node may have.
    pub(super) fn look(&self) {
        self.doubted.notify_one();
    }

    /// Waits until everything that changed before this call is saved.
    pub(super) async fn saved(&self) {
        let mut rounds = self.rounds.subscribe();
        // The current round may have begun before the change.
        let enough = rounds.borrow_and_update().begun + 1;
        self.wake();
        // Cannot fail: the sender lives in `self`.
        let _ = rounds.wait_for(|rounds| rounds.saved >= enough).await;
    }

    /// Saves whenever something has changed, and once more at the end.
    pub(super) async fn run(self: Arc<Self>, closing: CancellationToken) {
        while closing.run_until_cancelled(self.changed.notified()).await.is_some() {
            while self.save().await.is_err() {
                if closing.run_until_cancelled(sleep(PAUSE)).await.is_none() {
                    return;
                }
            }
        }
        if let Err(error) = self.save().await {
            tracing::error!("the last changes of sessions were not saved: {error}");
        }
    }

    async fn save(&self) -> Result<(), StoreError> {
        // A round that fails starts again, so it still has to be waited for.
        self.rounds.send_modify(|rounds| rounds.begun = rounds.saved + 1);
        let records = self.registry.take_changes();
        let mut outdated = Vec::new();
        // In parts, so that messages are written in between.
        for part in parts(&records) {
            let saved = self.saving.watch(self.store.save_sessions(part).await);
            outdated.extend(saved.inspect_err(|_| self.registry.not_saved())?);
        }
        let without_session = self.registry.saved(&outdated);
        without_session.into_iter().filter_map(|owner| owner.socket).for_each(evict);
        // Only now: nodes that hear it look into the store.
        for (key, generation) in self.registry.take_taken() {
            self.taken.get().into_iter().for_each(|tell| tell(key, generation));
        }
        self.rounds.send_modify(|rounds| rounds.saved = rounds.begun);
        Ok(())
    }

    /// Looks up sessions that other nodes claim to have, and releases those that they really have. Never returns.
    pub(super) async fn settle(self: Arc<Self>) {
        loop {
            self.doubted.notified().await;
            loop {
                let doubted = self.registry.take_doubted(LOOKUPS);
                if doubted.is_empty() {
                    break;
                }
                for key in doubted {
                    // Even if the session has ended there. If the lookup fails, the next renewal checks the session.
                    let found = self.store.session(key, Timestamp::from_millis(0)).await;
                    let Ok(Some(record)) = found else { continue };
                    let owner = self.registry.yield_to_other_node(key, record.generation);
                    owner.and_then(|owner| owner.socket).into_iter().for_each(evict);
                }
                tokio::time::sleep(LOOKUP_PAUSE).await;
            }
        }
    }

    /// Renews the sessions that have a connection, and deletes those that expired some time ago. Never returns.
    /// Neither waits for the other.
    pub(super) async fn maintain(self: Arc<Self>, window: Duration) {
        tokio::join!(self.renew(window / 2), self.sweep());
    }

    async fn renew(&self, every: Duration) {
        let mut due = interval(every);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            self.registry.renew();
            self.wake();
        }
    }

    async fn sweep(&self) {
        let mut due = interval(SWEEP_INTERVAL);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            if let Err(error) = self.sweep_all().await {
                tracing::debug!("expired sessions were not deleted: {error}");
            }
        }
    }

    /// Deletes expired sessions in batches, and leaves the store free for half of the time.
    async fn sweep_all(&self) -> Result<(), StoreError> {
        let keep_for = i64::try_from(self.registry.lease().as_millis()).unwrap_or(i64::MAX);
        loop {
            let begun = Instant::now();
            // An owner that has not heard of its session's end finds it in the store when it renews.
            let expired = Timestamp::now().as_millis().saturating_sub(keep_for);
            if self.store.sweep_sessions(Timestamp::from_millis(expired)).await? == 0 {
                return Ok(());
            }
            sleep(begun.elapsed().max(SWEEP_PAUSE)).await;
        }
    }
}

/// Splits all changes into batches to save.
fn parts(records: &[SessionRecord]) -> impl Iterator<Item = &[SessionRecord]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |record: &&SessionRecord| {
            bytes += record.state.len();
            bytes <= PART_BYTES
        };
        let count = rest.iter().take(PART).take_while(fits).count().max(1).min(rest.len());
        let (part, others) = rest.split_at(count);
        rest = others;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod part_tests {
    use super::*;

    fn record(bytes: usize) -> SessionRecord {
        let expires_at = Timestamp::from_millis(0);
        SessionRecord::new(SessionKey([0; 32]), "x".repeat(bytes), expires_at)
    }

    #[test]
    fn parts_are_all_of_it_in_its_order_and_none_is_long() {
        let sizes = |records: &[SessionRecord]| -> Vec<usize> {
            parts(records).map(<[SessionRecord]>::len).collect()
        };
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&[(); 600].map(|()| record(10))), [PART, PART, 600 - 2 * PART]);
        let large = PART_BYTES / 2;
        let records = [large, large, 1, PART_BYTES + 1, 1].map(record);
        assert_eq!(sizes(&records), [2, 1, 1, 1]);
    }
}

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

/// How long to leave a store alone that has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// How many sessions are looked up in one go because another node says that it has them.
const LOOKUPS: usize = 256;

/// How long to wait after that: whoever makes up what nodes say makes the store work no more than so much.
const LOOKUP_PAUSE: Duration = Duration::from_millis(100);

/// How often expired sessions are deleted: each time as long as there are any.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// How long the store is left to others at least after each part of them.
const SWEEP_PAUSE: Duration = Duration::from_millis(10);

/// A save has so many sessions at the most, and as many bytes of their states, or one.
const PART: usize = 256;
const PART_BYTES: usize = 128 * 1024;

/// Saves sessions: what has changed while a save was running goes into the next one together.
pub(super) struct Writer {
    store: Arc<dyn SessionStore>,
    registry: Arc<Registry>,
    saving: Arc<Outage>,
    changed: Notify,
    /// Another node may have one of the sessions.
    doubted: Notify,
    /// Told when a session has a connection here that it did not have here before, and that is saved.
    taken: OnceLock<Taken>,
    /// Counts the rounds that have begun and ended.
    rounds: watch::Sender<Rounds>,
}

/// Hears that a session was taken, and which generation it has now. Must not block.
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

    /// Whether what has changed cannot be saved.
    pub(super) fn fails(&self) -> bool {
        self.saving.is_on()
    }

    /// Has `taken` called for each session that a client has got back here. The first call counts.
    pub(super) fn on_taken(&self, taken: Taken) {
        self.taken.set(taken).ok();
    }

    /// Has what has changed saved soon.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Has the store asked soon for the sessions that another node may have.
    pub(super) fn look(&self) {
        self.doubted.notify_one();
    }

    /// Waits until everything is saved that has changed before this call.
    pub(super) async fn saved(&self) {
        let mut rounds = self.rounds.subscribe();
        // The round that is running may have begun before the change.
        let enough = rounds.borrow_and_update().begun + 1;
        self.wake();
        // Cannot fail: the sender lives in `self`.
        let _ = rounds.wait_for(|rounds| rounds.saved >= enough).await;
    }

    /// Saves whenever something has changed, and a last time at the end.
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
        // A round that fails is begun again: it still has to be waited for.
        self.rounds.send_modify(|rounds| rounds.begun = rounds.saved + 1);
        let records = self.registry.take_changes();
        let mut outdated = Vec::new();
        // In parts: whoever sends messages has its turn in between.
        for part in parts(&records) {
            let saved = self.saving.watch(self.store.save_sessions(part).await);
            outdated.extend(saved.inspect_err(|_| self.registry.not_saved())?);
        }
        let without_session = self.registry.saved(&outdated);
        without_session.into_iter().filter_map(|owner| owner.socket).for_each(evict);
        // Not before: who is told looks into the store.
        for (key, generation) in self.registry.take_taken() {
            self.taken.get().into_iter().for_each(|tell| tell(key, generation));
        }
        self.rounds.send_modify(|rounds| rounds.saved = rounds.begun);
        Ok(())
    }

    /// Asks the store for sessions of which another node says that it has them, and lets go of those that it has, for
    /// ever.
    pub(super) async fn settle(self: Arc<Self>) {
        loop {
            self.doubted.notified().await;
            loop {
                let doubted = self.registry.take_doubted(LOOKUPS);
                if doubted.is_empty() {
                    break;
                }
                for key in doubted {
                    // Also one that has ended there. When it fails, the session is looked at when it is renewed.
                    let found = self.store.session(key, Timestamp::from_millis(0)).await;
                    let Ok(Some(record)) = found else { continue };
                    let owner = self.registry.yield_to_other_node(key, record.generation);
                    owner.and_then(|owner| owner.socket).into_iter().for_each(evict);
                }
                tokio::time::sleep(LOOKUP_PAUSE).await;
            }
        }
    }

    /// Renews the sessions that have a connection, and deletes those that have expired some time ago, for
    /// ever. Neither waits for the other.
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

    /// Deletes what has expired in parts, and leaves the store to others for half of the time.
    async fn sweep_all(&self) -> Result<(), StoreError> {
        let keep_for = i64::try_from(self.registry.lease().as_millis()).unwrap_or(i64::MAX);
        loop {
            let begun = Instant::now();
            // An owner that has not heard of the end of its session meets it here when it renews.
            let expired = Timestamp::now().as_millis().saturating_sub(keep_for);
            if self.store.sweep_sessions(Timestamp::from_millis(expired)).await? == 0 {
                return Ok(());
            }
            sleep(begun.elapsed().max(SWEEP_PAUSE)).await;
        }
    }
}

/// What is saved at a time, of all that has changed.
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
        SessionRecord {
            key: SessionKey([0; 32]),
            state: "x".repeat(bytes),
            generation: 1,
            revision: 1,
            expires_at: Timestamp::from_millis(0),
        }
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

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chat_core::Timestamp;
use chat_store::{SessionKey, SessionStore};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::registry::Registry;
use super::session::evict;

/// How long to leave a store alone that has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// How many sessions are looked up in one go because another node says that it has them.
const LOOKUPS: usize = 256;

/// How long to wait after that: whoever makes up what nodes say makes the store work no more than so much.
const LOOKUP_PAUSE: Duration = Duration::from_millis(100);

/// How often expired sessions are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Saves sessions: what has changed while a save was running goes into the next one together.
pub(super) struct Writer {
    store: Arc<dyn SessionStore>,
    registry: Arc<Registry>,
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
        let (changed, doubted, taken) = (Notify::new(), Notify::new(), OnceLock::new());
        Self { store, registry, changed, doubted, taken, rounds: watch::Sender::default() }
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
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
        let mut failing = false;
        while closing.run_until_cancelled(self.changed.notified()).await.is_some() {
            let mut saved = self.save().await;
            while let Err(error) = saved {
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!("sessions cannot be saved, trying again: {error}");
                }
                if closing.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                    return;
                }
                saved = self.save().await;
            }
            if std::mem::take(&mut failing) {
                tracing::info!("sessions are saved again");
            }
        }
        if let Err(error) = self.save().await {
            tracing::error!("the last changes of sessions were not saved: {error}");
        }
    }

    async fn save(&self) -> Result<(), chat_store::StoreError> {
        // A round that fails is begun again: it still has to be waited for.
        self.rounds.send_modify(|rounds| rounds.begun = rounds.saved + 1);
        let records = self.registry.take_changes();
        let mut outdated = Vec::new();
        if !records.is_empty() {
            let saved = self.store.save_sessions(&records).await;
            outdated = saved.inspect_err(|_| self.registry.not_saved())?;
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
    /// ever.
    pub(super) async fn maintain(self: Arc<Self>, window: Duration) {
        let mut renew = tokio::time::interval(window / 2);
        let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
        let keep_for = i64::try_from(self.registry.lease().as_millis()).unwrap_or(i64::MAX);
        renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = renew.tick() => {
                    self.registry.renew();
                    self.wake();
                }
                _ = sweep.tick() => {
                    // An owner that has not heard of the end of its session meets it here when it renews.
                    let expired = Timestamp::now().as_millis().saturating_sub(keep_for);
                    let expired = Timestamp::from_millis(expired);
                    if let Err(error) = self.store.sweep_sessions(expired).await {
                        tracing::debug!("expired sessions were not deleted: {error}");
                    }
                }
            }
        }
    }
}

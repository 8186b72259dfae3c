use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_core::Timestamp;
use chat_store::{SessionKey, SessionRecord};
use socketioxide::extract::SocketRef;

use super::record;
use super::session::Saved;

/// Which sessions have a connection on this node, and which have changed since they were saved.
pub(super) struct Registry {
    sessions: Mutex<Sessions>,
    window: Duration,
    /// Counts the owners that sessions have had.
    pub(super) generations: AtomicU64,
}

#[derive(Default)]
pub(super) struct Sessions {
    active: HashMap<SessionKey, Active>,
    /// To be saved.
    changed: HashMap<SessionKey, Change>,
    /// Being saved just now.
    saving: HashMap<SessionKey, Change>,
}

/// A session with a connection.
pub(super) struct Active {
    pub(super) generation: u64,
    pub(super) saved: Saved,
    /// When this connection was opened: by the clock, and by its number among those of this process.
    pub(super) opened: (Timestamp, u64),
    /// None while the client is being accepted.
    pub(super) socket: Option<SocketRef>,
}

/// A session that is not saved as it is now.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) record: SessionRecord,
    /// None when the session has ended.
    saved: Option<Saved>,
}

impl Registry {
    pub(super) fn new(window: Duration) -> Self {
        Self { sessions: Mutex::default(), window, generations: AtomicU64::new(1) }
    }

    /// What this node knows of a session. `None` when nothing, so that the store has to be asked;
    /// `Some(None)` when it has ended.
    pub(super) fn find(&self, key: SessionKey) -> Option<Option<Saved>> {
        let sessions = self.lock();
        if let Some(active) = sessions.active.get(&key) {
            return Some(Some(active.saved.clone()));
        }
        let change = sessions.changed.get(&key).or_else(|| sessions.saving.get(&key));
        change.map(|change| change.saved.clone())
    }

    /// Makes a connection the owner of a session, and returns the one it had before.
    ///
    /// A session belongs to the connection of its client that was *opened* last: what an earlier one asked
    /// for may be handled later. That one is given back then.
    pub(super) fn own(&self, key: SessionKey, active: Active) -> Result<Option<Active>, Active> {
        let mut sessions = self.lock();
        let number = |active: &Active| active.opened.1;
        if sessions.active.get(&key).is_some_and(|owner| number(owner) > number(&active)) {
            return Err(active);
        }
        sessions.change(key, &active.saved, self.lease());
        Ok(sessions.active.insert(key, active))
    }

    /// Notes which socket to disconnect when the session gets another owner. Gives the socket back when it
    /// has one already.
    pub(super) fn activate(
        &self,
        key: SessionKey,
        generation: u64,
        socket: SocketRef,
    ) -> Option<SocketRef> {
        let mut sessions = self.lock();
        match sessions.active.get_mut(&key).filter(|active| active.generation == generation) {
            Some(active) => {
                active.socket = Some(socket);
                None
            }
            None => Some(socket),
        }
    }

    /// Takes a session from its owner when another node has given it to a connection that was opened
    /// later, or at the same moment and `wins_tie`. What is saved of it is the other node's business.
    pub(super) fn yield_to_other_node(
        &self,
        key: SessionKey,
        at: Timestamp,
        wins_tie: bool,
    ) -> Option<Active> {
        let mut sessions = self.lock();
        let (opened, _) = sessions.active.get(&key)?.opened;
        if opened > at || opened == at && !wins_tie {
            return None;
        }
        sessions.changed.remove(&key);
        sessions.active.remove(&key)
    }

    /// Changes the state of a session, if this is still its owner.
    pub(super) fn update(&self, key: SessionKey, generation: u64, state: String) {
        let mut sessions = self.lock();
        let active = sessions.active.get_mut(&key);
        let Some(active) = active.filter(|active| active.generation == generation) else { return };
        active.saved.state = state;
        let saved = active.saved.clone();
        sessions.change(key, &saved, self.lease());
    }

    /// Takes a session from its owner, if this is still the one, and keeps it for the window or ends it.
    pub(super) fn release(&self, key: SessionKey, generation: u64, end: bool) -> Option<Active> {
        let mut sessions = self.lock();
        if sessions.active.get(&key).is_none_or(|active| active.generation != generation) {
            return None;
        }
        let active = sessions.active.remove(&key)?;
        if end {
            let record = record(key, &active.saved, Duration::ZERO);
            sessions.changed.insert(key, Change { record, saved: None });
        } else {
            sessions.change(key, &active.saved, self.window);
        }
        // Its socket is dropped outside of the lock.
        Some(active)
    }

    /// Marks all sessions with a connection as to be saved, with a new time to expire.
    pub(super) fn renew(&self) {
        let mut sessions = self.lock();
        let active: Vec<_> =
            sessions.active.iter().map(|(&key, active)| (key, active.saved.clone())).collect();
        for (key, saved) in active {
            sessions.change(key, &saved, self.lease());
        }
    }

    /// What is to be saved now. It stays known until [`saved`](Self::saved) or
    /// [`not_saved`](Self::not_saved).
    pub(super) fn take_changes(&self) -> Vec<SessionRecord> {
        let mut sessions = self.lock();
        sessions.saving = std::mem::take(&mut sessions.changed);
        sessions.saving.values().map(|change| change.record.clone()).collect()
    }

    pub(super) fn saved(&self) {
        self.lock().saving.clear();
    }

    /// Marks what was to be saved as still to be, unless it has changed again.
    pub(super) fn not_saved(&self) {
        let mut sessions = self.lock();
        for (key, change) in std::mem::take(&mut sessions.saving) {
            sessions.changed.entry(key).or_insert(change);
        }
    }

    /// For how long a session with a connection is saved: it is renewed when a third of this is over.
    fn lease(&self) -> Duration {
        self.window + self.window / 2
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    fn change(&mut self, key: SessionKey, saved: &Saved, keep_for: Duration) {
        let record = record(key, saved, keep_for);
        self.changed.insert(key, Change { record, saved: Some(saved.clone()) });
    }
}

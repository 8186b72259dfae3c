use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_core::Timestamp;
use chat_store::{SessionKey, SessionRecord};
use socketioxide::extract::SocketRef;

use super::saved::{Known, Saved, record};

/// Which sessions have a connection on this node, and which have changed since they were saved.
pub(super) struct Registry {
    sessions: Mutex<Sessions>,
    window: Duration,
    /// Decides between connections that were opened on two nodes in one millisecond. Leaves room above for
    /// those that follow each other in it.
    tie: i64,
}

/// How many generations there are between two moments: a million for each millisecond.
const PER_MILLISECOND: i64 = 1_000_000;

#[derive(Default)]
pub(super) struct Sessions {
    active: HashMap<SessionKey, Active>,
    /// To be saved.
    changed: HashMap<SessionKey, Change>,
    /// Being saved just now.
    saving: HashMap<SessionKey, Change>,
    /// Of the last change.
    revision: i64,
    /// Those that clients have got back here, with their generations: other nodes are to be told once it is saved.
    taken: HashMap<SessionKey, i64>,
    /// Those of which another node says that it has them. The store is to be asked.
    doubted: HashSet<SessionKey>,
}

/// A session with a connection.
pub(super) struct Active {
    pub(super) known: Known,
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
        // Without random numbers no session can begin.
        let tie = getrandom::u32().unwrap_or_default();
        Self { sessions: Mutex::default(), window, tie: i64::from(tie) % (PER_MILLISECOND / 2) }
    }

    /// What this node knows of a session. `None` when nothing, so that the store has to be asked;
    /// `Some(None)` when it has ended.
    pub(super) fn find(&self, key: SessionKey) -> Option<Option<Known>> {
        let sessions = self.lock();
        if let Some(active) = sessions.active.get(&key) {
            return Some(Some(active.known.clone()));
        }
        sessions.pending(key).map(|change| {
            let generation = change.record.generation;
            change.saved.clone().map(|saved| Known { generation, saved })
        })
    }

    /// Makes a connection the owner of a session as it was found, and returns its generation and the owner
    /// that it had before.
    ///
    /// A session belongs to the connection of its client that was *opened* last: what an earlier one asked
    /// for may be handled later. Nothing is returned then, and nothing changes.
    ///
    /// The generation says so to other nodes: it is the moment at which the connection was opened, and
    /// higher than all that are known.
    pub(super) fn own(
        &self,
        key: SessionKey,
        found: Known,
        opened: (Timestamp, u64),
    ) -> Option<(i64, Option<Active>)> {
        let mut sessions = self.lock();
        let owner = sessions.active.get(&key);
        if owner.is_some_and(|owner| owner.opened.1 > opened.1) {
            return None;
        }
        let earlier = owner.map_or(i64::MIN, |owner| owner.known.generation).max(found.generation);
        let moment = opened.0.as_millis().saturating_mul(PER_MILLISECOND).saturating_add(self.tie);
        let generation = moment.max(earlier.saturating_add(1));
        if sessions.pending(key).is_some_and(|change| change.record.generation > generation) {
            return None;
        }
        let known = Known { generation, saved: found.saved };
        sessions.change(key, &known, self.lease());
        let active = Active { known, opened, socket: None };
        Some((generation, sessions.active.insert(key, active)))
    }

    /// Notes which socket to disconnect when the session gets another owner. Gives the socket back when it
    /// has one already.
    pub(super) fn activate(
        &self,
        key: SessionKey,
        generation: i64,
        socket: SocketRef,
    ) -> Option<SocketRef> {
        let mut sessions = self.lock();
        match sessions.owner(key, generation) {
            Some(active) => {
                active.socket = Some(socket);
                None
            }
            None => Some(socket),
        }
    }

    /// Takes a session from its owner when the store has one of a higher generation, which is on another node.
    /// What is saved of it is the other node's business.
    pub(super) fn yield_to_other_node(&self, key: SessionKey, generation: i64) -> Option<Active> {
        self.lock().give_up(key, generation)
    }

    /// Notes that another node may have a session. Says whether that is of interest: it has an owner here, of a
    /// lower generation.
    pub(super) fn doubt(&self, key: SessionKey, generation: i64) -> bool {
        let mut sessions = self.lock();
        let owner = sessions.active.get(&key);
        let is_ours = owner.is_some_and(|owner| owner.known.generation < generation);
        is_ours && sessions.doubted.insert(key)
    }

    /// Those that another node [may have](Self::doubt), as many as are asked for at once.
    pub(super) fn take_doubted(&self, most: usize) -> Vec<SessionKey> {
        let mut sessions = self.lock();
        let some: Vec<_> = sessions.doubted.iter().take(most).copied().collect();
        for key in &some {
            sessions.doubted.remove(key);
        }
        some
    }

    /// Has other nodes told that a client has got a session back here, once they can see it in the store.
    pub(super) fn tell_of(&self, key: SessionKey, generation: i64) {
        self.lock().taken.insert(key, generation);
    }

    /// What other nodes [are to be told](Self::tell_of) now.
    pub(super) fn take_taken(&self) -> Vec<(SessionKey, i64)> {
        let Sessions { active, changed, taken, .. } = &mut *self.lock();
        let saved = taken.extract_if(|key, _| !changed.contains_key(key));
        let is_so = |(key, generation): &(SessionKey, i64)| {
            active.get(key).is_some_and(|active| active.known.generation == *generation)
        };
        saved.filter(is_so).collect()
    }

    /// Changes the state of a session, if this is still its owner.
    pub(super) fn update(&self, key: SessionKey, generation: i64, state: String) {
        let mut sessions = self.lock();
        let Some(active) = sessions.owner(key, generation) else { return };
        active.known.saved.state = state;
        let known = active.known.clone();
        sessions.change(key, &known, self.lease());
    }

    /// Takes a session from its owner, if this is still the one, and keeps it for the window or ends it.
    pub(super) fn release(&self, key: SessionKey, generation: i64, end: bool) -> Option<Active> {
        let mut sessions = self.lock();
        sessions.owner(key, generation)?;
        let active = sessions.active.remove(&key)?;
        let keep_for = if end { Duration::ZERO } else { self.window };
        let change = sessions.change(key, &active.known, keep_for);
        if end {
            change.saved = None;
        }
        // Its socket is dropped outside of the lock.
        Some(active)
    }

    /// Marks all sessions with a connection as to be saved, with a new time to expire.
    pub(super) fn renew(&self) {
        let mut sessions = self.lock();
        let active: Vec<_> =
            sessions.active.iter().map(|(&key, active)| (key, active.known.clone())).collect();
        for (key, known) in active {
            sessions.change(key, &known, self.lease());
        }
    }

    /// What is to be saved now. It stays known until [`saved`](Self::saved) or
    /// [`not_saved`](Self::not_saved).
    pub(super) fn take_changes(&self) -> Vec<SessionRecord> {
        let mut sessions = self.lock();
        sessions.saving = std::mem::take(&mut sessions.changed);
        sessions.saving.values().map(|change| change.record.clone()).collect()
    }

    /// Notes that what was to be saved is, except for what was `outdated`: those sessions have owners of
    /// higher generations on other nodes. Returns the owners that they had here.
    pub(super) fn saved(&self, outdated: &[SessionKey]) -> Vec<Active> {
        let mut sessions = self.lock();
        let saved = std::mem::take(&mut sessions.saving);
        let outdated = outdated.iter().filter_map(|key| {
            let generation = saved.get(key)?.record.generation;
            // It may have been taken over here meanwhile.
            sessions.give_up(*key, generation.saturating_add(1))
        });
        outdated.collect()
    }

    /// Marks what was to be saved as still to be, unless it has changed again.
    pub(super) fn not_saved(&self) {
        let mut sessions = self.lock();
        for (key, change) in std::mem::take(&mut sessions.saving) {
            sessions.changed.entry(key).or_insert(change);
        }
    }

    /// For how long a session with a connection is saved: it is renewed when a third of this is over.
    pub(super) fn lease(&self) -> Duration {
        self.window + self.window / 2
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the connection was opened that a session has got with this generation.
pub(super) fn opened_at(generation: i64) -> Timestamp {
    Timestamp::from_millis(generation.div_euclid(PER_MILLISECOND))
}

impl Sessions {
    /// The owner of a session, if it is the one of this generation.
    fn owner(&mut self, key: SessionKey, generation: i64) -> Option<&mut Active> {
        self.active.get_mut(&key).filter(|active| active.known.generation == generation)
    }

    /// What is not saved of a session.
    fn pending(&self, key: SessionKey) -> Option<&Change> {
        self.changed.get(&key).or_else(|| self.saving.get(&key))
    }

    fn change(&mut self, key: SessionKey, known: &Known, keep_for: Duration) -> &mut Change {
        self.revision += 1;
        let record = record(key, known, self.revision, keep_for);
        let change = Change { record, saved: Some(known.saved.clone()) };
        self.changed.entry(key).insert_entry(change).into_mut()
    }

    /// Forgets what belongs to generations below this one, and returns the owner if that does.
    fn give_up(&mut self, key: SessionKey, generation: i64) -> Option<Active> {
        if self.changed.get(&key).is_some_and(|change| change.record.generation < generation) {
            self.changed.remove(&key);
        }
        self.active.get(&key).filter(|active| active.known.generation < generation)?;
        self.active.remove(&key)
    }
}

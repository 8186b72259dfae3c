use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_core::Timestamp;
use chat_store::{SessionKey, SessionRecord};
use socketioxide::extract::SocketRef;

use super::saved::{Known, Saved, record};

/// The sessions that have a connection on this node, and those that have changed since they were saved.
pub(super) struct Registry {
    sessions: Mutex<Sessions>,
    window: Duration,
    /// Breaks ties between connections opened on two nodes in the same millisecond. Leaves room above for later
    /// connections in that millisecond.
    tie: i64,
}

/// The number of generations per millisecond: a million.
const PER_MILLISECOND: i64 = 1_000_000;

#[derive(Default)]
pub(super) struct Sessions {
    active: HashMap<SessionKey, Active>,
    /// Changes to save.
    changed: HashMap<SessionKey, Change>,
    /// Changes that are being saved.
    saving: HashMap<SessionKey, Change>,
    /// The revision of the last change.
    revision: i64,
    /// Sessions that clients have recovered here, with their generations: other nodes are told once this is saved.
    taken: HashMap<SessionKey, i64>,
    /// Sessions that another node claims to have, to be checked in the store.
    doubted: HashSet<SessionKey>,
}

/// A session with a connection.
pub(super) struct Active {
    pub(super) known: Known,
    /// When this connection was opened: the clock time, and its number within this process.
    pub(super) opened: (Timestamp, u64),
    /// None while the client is being accepted.
    pub(super) socket: Option<SocketRef>,
}

/// A session whose current state is not saved.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) record: SessionRecord,
    /// None when the session has ended.
    saved: Option<Saved>,
    /// Whether the store may have another state, and not only another owner or time of expiry.
    is_of_state: bool,
}

impl Registry {
    pub(super) fn new(window: Duration) -> Self {
        // Without random numbers no session can begin.
        let tie = getrandom::u32().unwrap_or_default();
        Self { sessions: Mutex::default(), window, tie: i64::from(tie) % (PER_MILLISECOND / 2) }
    }

    /// Returns what this node knows about a session: `None` if nothing, so the caller must ask the store;
    /// `Some(None)` if the session has ended.
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

    /// Returns whether a session has a state that a crash may take back to an earlier one.
    pub(super) fn has_unsaved_state(&self, key: SessionKey) -> bool {
        self.lock().pending(key).is_some_and(|change| change.is_of_state)
    }

    /// Makes a connection the owner of a session in its current state, and returns its generation and the previous
    /// owner.
    ///
    /// A session belongs to the client's connection that was *opened* last; a request of an earlier connection may be
    /// handled later. In that case nothing is returned and nothing changes.
    ///
    /// The generation tells other nodes which owner counts: it is the moment when the connection was opened, and
    /// higher than all known generations.
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

    /// Sets the socket to disconnect when the session gets another owner. Returns the socket if that has happened
    /// already.
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

    /// Takes a session from its owner when the store has a higher generation, which belongs to another node. The
    /// other node saves the session from then on.
    pub(super) fn yield_to_other_node(&self, key: SessionKey, generation: i64) -> Option<Active> {
        self.lock().give_up(key, generation)
    }

    /// Notes that another node may have a session. Returns whether that matters: the session has an owner here with a
    /// lower generation.
    pub(super) fn doubt(&self, key: SessionKey, generation: i64) -> bool {
        let mut sessions = self.lock();
        let owner = sessions.active.get(&key);
        let is_ours = owner.is_some_and(|owner| owner.known.generation < generation);
        is_ours && sessions.doubted.insert(key)
    }

    /// Returns sessions that another node [may have](Self::doubt), as many as one lookup takes.
    pub(super) fn take_doubted(&self, most: usize) -> Vec<SessionKey> {
        let mut sessions = self.lock();
        let some: Vec<_> = sessions.doubted.iter().take(most).copied().collect();
        for key in &some {
            sessions.doubted.remove(key);
        }
        some
    }

    /// Queues an announcement to other nodes that a client has recovered a session here, once the store shows it.
    pub(super) fn tell_of(&self, key: SessionKey, generation: i64) {
        self.lock().taken.insert(key, generation);
    }

    /// Takes the announcements that are [due](Self::tell_of) now.
    pub(super) fn take_taken(&self) -> Vec<(SessionKey, i64)> {
        let Sessions { active, changed, taken, .. } = &mut *self.lock();
        let saved = taken.extract_if(|key, _| !changed.contains_key(key));
        let is_so = |(key, generation): &(SessionKey, i64)| {
            active.get(key).is_some_and(|active| active.known.generation == *generation)
        };
        saved.filter(is_so).collect()
    }

    /// Changes the state of a session if `generation` still owns it.
    pub(super) fn update(&self, key: SessionKey, generation: i64, state: String) {
        let mut sessions = self.lock();
        let Some(active) = sessions.owner(key, generation) else { return };
        active.known.saved.state = state;
        let known = active.known.clone();
        sessions.change(key, &known, self.lease()).is_of_state = true;
    }

    /// Takes a session from its owner if `generation` still owns it, and keeps it for the recovery window or ends it.
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

    /// Marks all sessions with a connection for saving with a new expiry time.
    pub(super) fn renew(&self) {
        let mut sessions = self.lock();
        let active: Vec<_> =
            sessions.active.iter().map(|(&key, active)| (key, active.known.clone())).collect();
        for (key, known) in active {
            sessions.change(key, &known, self.lease());
        }
    }

    /// Takes the changes to save. They stay known until [`saved`](Self::saved) or [`not_saved`](Self::not_saved).
    pub(super) fn take_changes(&self) -> Vec<SessionRecord> {
        let mut sessions = self.lock();
        sessions.saving = std::mem::take(&mut sessions.changed);
        sessions.saving.values().map(|change| change.record.clone()).collect()
    }

    /// Marks the taken changes as saved, except for the `outdated` ones: those sessions have owners with higher
    /// generations on other nodes. Returns the owners that they had here.
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

    /// Marks the taken changes for saving again, unless they have changed since.
    pub(super) fn not_saved(&self) {
        let mut sessions = self.lock();
        for (key, change) in std::mem::take(&mut sessions.saving) {
            sessions.changed.entry(key).or_insert(change);
        }
    }

    /// Returns how long a saved session with a connection is valid. It is renewed after a third of this.
    pub(super) fn lease(&self) -> Duration {
        self.window + self.window / 2
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns when the connection that received this generation was opened.
pub(super) fn opened_at(generation: i64) -> Timestamp {
    Timestamp::from_millis(generation.div_euclid(PER_MILLISECOND))
}

impl Sessions {
    /// Returns the owner of a session if it has this generation.
    fn owner(&mut self, key: SessionKey, generation: i64) -> Option<&mut Active> {
        self.active.get_mut(&key).filter(|active| active.known.generation == generation)
    }

    /// Returns the unsaved change of a session.
    fn pending(&self, key: SessionKey) -> Option<&Change> {
        self.changed.get(&key).or_else(|| self.saving.get(&key))
    }

    fn change(&mut self, key: SessionKey, known: &Known, keep_for: Duration) -> &mut Change {
        self.revision += 1;
        let record = record(key, known, self.revision, keep_for);
        let is_of_state = self.pending(key).is_some_and(|change| change.is_of_state);
        let change = Change { record, saved: Some(known.saved.clone()), is_of_state };
        self.changed.entry(key).insert_entry(change).into_mut()
    }

    /// Forgets everything about generations below this one, and returns the owner if it has one of those.
    fn give_up(&mut self, key: SessionKey, generation: i64) -> Option<Active> {
        if self.changed.get(&key).is_some_and(|change| change.record.generation < generation) {
            self.changed.remove(&key);
        }
        self.active.get(&key).filter(|active| active.known.generation < generation)?;
        self.active.remove(&key)
    }
}

//! Limits how often a room gets updates: where users constantly join, leave and type, each of them would flood all
//! the others. Excess updates wait, and then only the latest state of each user is sent, or nothing if the others
//! know it already.

use std::collections::{HashMap, VecDeque};

use chat_core::{Nickname, PresenceId};

use crate::engine::rate::{Bucket, Rate};

/// Maximum number of users with a waiting update in a room. Beyond that, those that have waited longest are
/// dropped.
const UNTOLD: usize = 256;

/// The updates that a room may get now, and those that wait.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) bucket: Bucket,
    /// Users whose latest state others do not know, in the order of their turns.
    pub(super) turns: VecDeque<PresenceId>,
    pub(super) untold: HashMap<PresenceId, Untold>,
}

/// A user who waits for a turn.
#[derive(Debug)]
pub(super) struct Untold {
    /// The state that others know.
    pub(super) known: Shown,
}

/// What others know of a user in a room: the nickname under which the user is there, if there is one; none if the
/// user is not there.
pub(super) type Shown = Option<Option<Nickname>>;

/// Returns whether others have to be told: a user under another spelling of a nickname is there as before.
pub(super) fn differ(known: &Shown, now: &Shown) -> bool {
    let key = |nickname: &Option<Nickname>| nickname.as_ref().map(Nickname::key);
    known != now && known.as_ref().map(key) != now.as_ref().map(key)
}

impl Pace {
    pub(super) fn new(rate: Rate) -> Self {
        Self { bucket: Bucket::new(rate), turns: VecDeque::new(), untold: HashMap::new() }
    }

    /// Returns how many wait for their turn.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.turns.len().max(self.untold.len())
    }

    /// Returns whether a change of a user, of whom others know this, can be sent now; otherwise it waits for its turn.
    pub(super) fn admits(&mut self, who: PresenceId, known: &Shown) -> bool {
        if self.untold.contains_key(&who) {
            return false;
        }
        if self.turns.is_empty() && self.bucket.take(1).is_ok() {
            return true;
        }
        if self.turns.len() >= UNTOLD
            && let Some(oldest) = self.turns.pop_front()
        {
            self.untold.remove(&oldest);
        }
        self.turns.push_back(who);
        self.untold.insert(who, Untold { known: known.clone() });
        false
    }
}

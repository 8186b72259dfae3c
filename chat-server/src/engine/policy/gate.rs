use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use chat_core::AccessScope;

use super::asker::Asker;
use super::change::Change;
use super::{Access, Identity, Policy};
use crate::engine::planted::{self, Bug};

/// Lets clients in to what the policy allows, and tells them of changes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Shared>);

struct Shared {
    asker: Asker,
    /// Everybody who remembers decisions: connections, and clients that are being accepted.
    accesses: Mutex<Accesses>,
}

#[derive(Default)]
struct Accesses {
    known: Vec<Weak<Access>>,
    /// At this many those that are gone are removed.
    full: usize,
}

impl Gate {
    pub(crate) fn new(policy: Arc<dyn Policy>) -> Self {
        Self(Arc::new(Shared { asker: Asker::new(policy), accesses: Mutex::default() }))
    }

    /// Begins to remember decisions about a client. Every later change is told to it.
    pub(crate) fn enter(&self, identity: Identity) -> Arc<Access> {
        let access = Arc::new(Access::new(self.0.asker.clone(), identity));
        let mut accesses = self.accesses();
        if accesses.known.len() >= accesses.full {
            accesses.remove_gone();
        }
        accesses.known.push(Arc::downgrade(&access));
        access
    }

    /// Makes every client forget the decisions that this change may be about. Waits for effects that are under way, which
    /// are short. When this returns, none follows from an earlier decision.
    pub(crate) fn forget(&self, scope: &AccessScope) {
        if planted::is(Bug::ChangeIgnored) {
            return;
        }
        let known: Vec<_> = self.accesses().known.iter().filter_map(Weak::upgrade).collect();
        let change = Change::new(scope);
        known.iter().for_each(|access| access.forget(&change));
    }

    fn accesses(&self) -> MutexGuard<'_, Accesses> {
        self.0.accesses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accesses {
    fn remove_gone(&mut self) {
        /// Fewer are not worth looking through.
        const FEW: usize = 64;

        self.known.retain(|access| access.strong_count() > 0);
        self.full = (2 * self.known.len()).max(FEW);
        self.known.shrink_to(self.full);
    }
}

#[cfg(test)]
impl Gate {
    /// Returns the number of clients whose memory is not released.
    pub(super) fn len(&self) -> usize {
        self.accesses().known.len()
    }
}

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use chat_core::AccessScope;
use tokio::sync::Notify;

/// How many changes may wait before they count as a change of everything.
const MOST: usize = 64;

/// Changes of access on other nodes that wait to be applied here. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Elsewhere(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    scopes: Mutex<HashSet<AccessScope>>,
    wake: Notify,
}

impl Elsewhere {
    /// Notes a change. Never waits.
    pub(crate) fn note(&self, scope: AccessScope) {
        let mut scopes = self.0.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if scopes.len() >= MOST || scope == AccessScope::Everything {
            scopes.clear();
            scopes.insert(AccessScope::Everything);
        } else if !scopes.contains(&AccessScope::Everything) {
            scopes.insert(scope);
        }
        self.0.wake.notify_one();
    }

    /// Waits until there are changes, and takes them. For a single waiting task. Cancel safe.
    pub(crate) async fn next(&self) -> HashSet<AccessScope> {
        self.0.wake.notified().await;
        std::mem::take(&mut *self.0.scopes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use chat_core::UserId;

    use super::*;

    #[tokio::test]
    async fn changes_that_wait_are_taken_together_and_too_many_are_one_of_everything() {
        let elsewhere = Elsewhere::default();
        let user = |number| AccessScope::User(UserId::from_stored(number));
        for number in [1, 2, 1] {
            elsewhere.note(user(number));
        }
        assert_eq!(elsewhere.next().await, [user(1), user(2)].into());
        for number in 0..1000 {
            elsewhere.note(user(number));
        }
        assert_eq!(elsewhere.next().await, [AccessScope::Everything].into());
    }
}

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_core::{AccessScope, UserId};
use tokio::sync::Notify;

/// How many changes may wait before they count as a change of everything.
const MOST: usize = 64;

/// How many users may wait whose devices are to be looked at, before those of everybody are.
const MOST_USERS: usize = 10_000;

/// Changes of access that wait to be applied here. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Elsewhere(Arc<Inbox>);

#[derive(Default)]
struct Inbox {
    noted: Mutex<Noted>,
    wake: Notify,
}

/// What has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// What to ask the policy about again.
    pub(crate) scopes: HashSet<AccessScope>,
    pub(crate) devices: Devices,
}

/// Users who may have removed devices.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Devices {
    Of(HashSet<UserId>),
    OfEverybody,
}

impl Default for Devices {
    fn default() -> Self {
        Self::Of(HashSet::new())
    }
}

impl Devices {
    /// Returns whose devices a change may be about.
    pub(crate) fn in_scope(scope: &AccessScope) -> Self {
        match scope {
            AccessScope::Room(_) => Self::default(),
            AccessScope::User(user) => Self::Of([*user].into()),
            _ => Self::OfEverybody,
        }
    }

    pub(crate) fn are_of(&self, user: UserId) -> bool {
        match self {
            Self::Of(users) => users.contains(&user),
            Self::OfEverybody => true,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Of(users) if users.is_empty())
    }

    fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (Self::Of(users), Self::Of(more)) => {
                users.extend(more);
                if users.len() > MOST_USERS {
                    *self = Self::OfEverybody;
                }
            }
            (_, Self::OfEverybody) => *self = Self::OfEverybody,
            (Self::OfEverybody, _) => {}
        }
    }
}

impl Elsewhere {
    /// Notes a change that was announced, which may be the removal of a device. Never waits.
    pub(crate) fn note(&self, scope: AccessScope) {
        let mut noted = self.noted();
        noted.devices.add(Devices::in_scope(&scope));
        noted.note(scope);
        self.0.wake.notify_one();
    }

    /// Notes a change of what the policy says. Never waits.
    pub(crate) fn note_policy(&self, scope: AccessScope) {
        self.noted().note(scope);
        self.0.wake.notify_one();
    }

    /// Notes whose devices are to be looked at. Never waits.
    pub(crate) fn note_devices(&self, devices: Devices) {
        self.noted().devices.add(devices);
        self.0.wake.notify_one();
    }

    /// Waits until there are changes, and takes them. For a single waiting task. Cancel safe.
    pub(crate) async fn next(&self) -> Noted {
        self.0.wake.notified().await;
        std::mem::take(&mut *self.noted())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    fn note(&mut self, scope: AccessScope) {
        let scopes = &mut self.scopes;
        if scopes.len() >= MOST || scope == AccessScope::Everything {
            scopes.clear();
            scopes.insert(AccessScope::Everything);
        } else if !scopes.contains(&AccessScope::Everything) {
            scopes.insert(scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: i64) -> UserId {
        UserId::from_stored(number)
    }

    fn of(users: impl IntoIterator<Item = i64>) -> Devices {
        Devices::Of(users.into_iter().map(user).collect())
    }

    #[tokio::test]
    async fn changes_that_wait_are_taken_together_and_too_many_are_one_of_everything() {
        let elsewhere = Elsewhere::default();
        let scope = |number| AccessScope::User(user(number));
        for number in [1, 2, 1] {
            elsewhere.note(scope(number));
        }
        assert_eq!(elsewhere.next().await.scopes, [scope(1), scope(2)].into());
        for number in 0..1000 {
            elsewhere.note(scope(number));
        }
        assert_eq!(elsewhere.next().await.scopes, [AccessScope::Everything].into());
    }

    #[tokio::test]
    async fn users_whose_devices_are_to_be_looked_at_wait_beside_a_change_of_everything() {
        let elsewhere = Elsewhere::default();
        let scope = |number| AccessScope::User(user(number));
        elsewhere.note_policy(AccessScope::Everything);
        elsewhere.note_policy(scope(9));
        (0..1000).for_each(|number| elsewhere.note(scope(number)));
        elsewhere.note_devices(of([1000]));
        let noted = elsewhere.next().await;
        assert_eq!(noted.scopes, [AccessScope::Everything].into());
        assert_eq!(noted.devices, of(0..=1000));

        elsewhere.note_devices(of(0..10_001));
        assert_eq!(elsewhere.next().await.devices, Devices::OfEverybody);
        elsewhere.note(scope(1));
        elsewhere.note(AccessScope::Everything);
        elsewhere.note(scope(2));
        assert_eq!(elsewhere.next().await.devices, Devices::OfEverybody);
        elsewhere.note_policy(scope(1));
        assert!(elsewhere.next().await.devices.is_empty());
    }
}

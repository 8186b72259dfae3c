use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_core::UserId;
use chat_store::{CredentialKey, CredentialOwner, OwnerKey};
use tokio::time::Instant;

use crate::engine::policy::Devices;

/// Who shows a credential.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) credential: CredentialKey,
    /// The owner of the user's nicknames.
    pub(super) owner: OwnerKey,
    /// The user; none if the credential is new.
    pub(super) user: Option<UserId>,
    /// Whether the store keeps the credential.
    pub(super) is_kept: bool,
}

impl Holder {
    /// Creates the holder of a credential that nobody has used.
    pub(super) fn new(credential: CredentialKey) -> Self {
        Self { credential, owner: credential.into(), user: None, is_kept: false }
    }

    /// Creates the holder of a credential that the store keeps.
    pub(super) fn kept(credential: CredentialKey, of: CredentialOwner) -> Self {
        Self { credential, owner: of.owner, user: Some(of.user), is_kept: true }
    }
}

/// Maximum number of credentials remembered; while the store fails, others have to wait.
const CAPACITY: usize = 20_000;

/// For longer than a client takes from its token to its place among the connections.
const LATELY: Duration = Duration::from_secs(2 * 60);

/// The credentials that were valid when the store was last asked. They count while it cannot be asked: users who are
/// known here go on.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    credentials: HashMap<CredentialKey, CredentialOwner>,
    /// When somebody last may have removed a device.
    changed: Option<Instant>,
}

impl Known {
    pub(super) fn note(&self, credential: CredentialKey, of: CredentialOwner) {
        let known = &mut self.lock().credentials;
        if known.len() >= CAPACITY {
            known.clear();
        }
        known.insert(credential, of);
    }

    pub(super) fn find(&self, credential: CredentialKey) -> Option<CredentialOwner> {
        self.lock().credentials.get(&credential).copied()
    }

    pub(super) fn forget(&self, credential: CredentialKey) {
        self.lock().credentials.remove(&credential);
    }

    /// Forgets the credentials of users who may have removed one. That anybody may have is no reason to forget all:
    /// frames are lost when the store fails, too.
    pub(super) fn changed(&self, devices: &Devices) {
        let State { credentials, changed } = &mut *self.lock();
        *changed = Some(Instant::now());
        if let Devices::Of(users) = devices {
            credentials.retain(|_, of| !users.contains(&of.user));
        }
    }

    pub(super) fn have_changed_lately(&self) -> bool {
        self.lock().changed.is_some_and(|changed| changed.elapsed() < LATELY)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

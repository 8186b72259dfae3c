use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_core::UserId;
use chat_store::{CredentialKey, CredentialOwner, OwnerKey};

/// Whoever shows a credential.
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

/// The credentials that were valid when the store was last asked. They count while it cannot be asked: users who are
/// known here go on.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<CredentialKey, CredentialOwner>>);

impl Known {
    pub(super) fn note(&self, credential: CredentialKey, of: CredentialOwner) {
        let mut known = self.lock();
        if known.len() >= CAPACITY {
            known.clear();
        }
        known.insert(credential, of);
    }

    pub(super) fn find(&self, credential: CredentialKey) -> Option<CredentialOwner> {
        self.lock().get(&credential).copied()
    }

    pub(super) fn forget(&self, credential: CredentialKey) {
        self.lock().remove(&credential);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CredentialKey, CredentialOwner>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

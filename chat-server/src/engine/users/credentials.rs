use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_core::{Refusal, RefusalCode, UserId};
use chat_store::{Credential, CredentialKey, CredentialOwner, NewCredential, OwnerKey};

use super::{Identities, IdentityError, User};

/// Whoever shows a credential.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) credential: CredentialKey,
    /// The owner of the user's nicknames.
    pub(super) owner: OwnerKey,
    /// The user; none if the credential is new.
    pub(super) user: Option<UserId>,
    /// Whether the store keeps the credential.
    is_kept: bool,
}

impl Holder {
    /// Creates the holder of a credential that nobody has used.
    pub(super) fn new(credential: CredentialKey) -> Self {
        Self { credential, owner: credential.into(), user: None, is_kept: false }
    }

    /// Returns the holder of the credential with which a user has come.
    pub(super) fn of(user: &User) -> Self {
        let User { id, owner, credential, .. } = user;
        Self { credential: *credential, owner: *owner, user: Some(*id), is_kept: true }
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
    fn note(&self, credential: CredentialKey, of: CredentialOwner) {
        let mut known = self.lock();
        if known.len() >= CAPACITY {
            known.clear();
        }
        known.insert(credential, of);
    }

    fn find(&self, credential: CredentialKey) -> Option<CredentialOwner> {
        self.lock().get(&credential).copied()
    }

    pub(super) fn forget(&self, credential: CredentialKey) {
        self.lock().remove(&credential);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CredentialKey, CredentialOwner>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identities {
    /// Returns whoever has a credential.
    ///
    /// # Errors
    /// Refused if it was revoked.
    pub(super) async fn holder(&self, credential: CredentialKey) -> Result<Holder, IdentityError> {
        let found = self.store.find_credential(credential, self.clock.earliest()).await;
        match self.finding.watch(found) {
            Ok(Credential::Unknown) => Ok(Holder::new(credential)),
            Ok(Credential::OfNicknames(of)) => {
                Ok(Holder { is_kept: false, ..Holder::kept(credential, of) })
            }
            Ok(Credential::Kept(of)) => {
                self.known.note(credential, of);
                Ok(Holder::kept(credential, of))
            }
            Ok(Credential::Revoked) => {
                self.known.forget(credential);
                Err(revoked().into())
            }
            Err(error) => match self.known.find(credential) {
                Some(of) => Ok(Holder::kept(credential, of)),
                None => Err(error.into()),
            },
        }
    }

    /// Keeps the credential with which a user has got a nickname, so that it leads to this user from now on.
    pub(super) async fn keep(
        &self,
        user: User,
        holder: Holder,
        label: Option<String>,
    ) -> Result<User, IdentityError> {
        if !holder.is_kept {
            let new = NewCredential::new(holder.credential, self.clock.earliest());
            let owner = CredentialOwner::new(user.id, holder.owner);
            let kept = self.store.keep_credential(&new.with_label(label), owner).await;
            self.claiming.watch(kept)?;
            self.known.note(holder.credential, owner);
        }
        Ok(user)
    }
}

fn revoked() -> Refusal {
    let message = "this token was revoked by its user; take a nickname without it";
    Refusal::new(RefusalCode::InvalidToken, message)
}

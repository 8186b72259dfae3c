use chat_core::{Refusal, RefusalCode};
use chat_store::{Credential, CredentialKey, CredentialOwner, NewCredential, StoreError};

use super::holder::Holder;
use super::{Identities, IdentityError, User};
use crate::engine::policy::Devices;

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

    /// Returns whether a user has removed the device.
    pub(crate) async fn is_removed(&self, user: &User) -> Result<bool, StoreError> {
        let found = self.store.find_credential(user.credential, self.clock.earliest()).await;
        let is_removed = self.finding.watch(found)? == Credential::Revoked;
        if is_removed {
            self.known.forget(user.credential);
        }
        Ok(is_removed)
    }

    /// Notes that these users may have removed devices, or have another nickname: what is remembered of them does not count any more.
    pub(crate) fn devices_changed(&self, devices: &Devices) {
        self.known.changed(devices);
        if let Devices::Of(users) = devices {
            self.held.forget(users);
        }
    }

    /// Returns whether somebody may have removed a device while a client was being identified.
    pub(crate) fn have_devices_changed_lately(&self) -> bool {
        self.known.have_changed_lately()
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

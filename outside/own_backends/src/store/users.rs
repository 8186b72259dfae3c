//! Users' credentials and devices.

use std::cmp::Reverse;

use async_trait::async_trait;
use chat_core::{Nickname, Timestamp, UserId};
use chat_store::{
    Credential, CredentialKey, CredentialOwner, Device, DeviceCode, DeviceCodeKey, NewCredential,
    OwnerKey, StoreError, UserStore,
};

use super::JournalStore;
use crate::journal::{self, Journal};

/// The use of a credential is noted again after this many milliseconds.
const HOUR: i64 = 60 * 60 * 1000;

/// The longest list of devices.
const MAX_DEVICES: usize = 1000;

#[async_trait]
impl UserStore for JournalStore {
    async fn find_credential(
        &self,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<Credential, StoreError> {
        self.call(move |journal| {
            let Some(kept) = journal.index.credentials.get(&key.0).cloned() else {
                return Ok(of_nicknames(journal, key));
            };
            if kept.is_revoked {
                return Ok(Credential::Revoked);
            }
            let found = Credential::Kept(owner(&kept));
            if kept.used_at.as_millis().saturating_add(HOUR) <= now.as_millis() {
                journal.keep(journal::Credential { used_at: now, ..kept })?;
            }
            Ok(found)
        })
        .await
    }

    async fn keep_credential(
        &self,
        new: &NewCredential,
        owner: CredentialOwner,
    ) -> Result<(), StoreError> {
        let credential = credential(new, owner, None);
        self.call(move |journal| match journal.index.credentials.get(&credential.key) {
            Some(_) => Ok(()),
            None => journal.keep(credential),
        })
        .await
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        self.call(move |journal| {
            let mut devices: Vec<_> = valid(journal, user).map(device).collect();
            devices.sort_by_key(|device| (Reverse(device.used_at), device.key));
            devices.truncate(MAX_DEVICES);
            Ok(devices)
        })
        .await
    }

    async fn revoke_credential(
        &self,
        user: UserId,
        key: CredentialKey,
        _: Timestamp,
    ) -> Result<bool, StoreError> {
        self.call(move |journal| {
            let kept = valid(journal, user).find(|kept| kept.key == key.0).cloned();
            let Some(kept) = kept else { return Ok(false) };
            journal.keep(journal::Credential { is_revoked: true, ..kept })?;
            Ok(true)
        })
        .await
    }

    async fn erase_user(&self, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        self.call(move |journal| journal.erase(user, now)).await
    }

    async fn keep_code(&self, code: &DeviceCode, max: usize) -> Result<bool, StoreError> {
        let (code, now) = (journal::Code::from(code), code.now);
        self.call(move |journal| {
            let (valid, expired): (Vec<_>, Vec<_>) =
                journal.index.codes.values().partition(|kept| kept.expires_at > now);
            let of_user = valid.iter().filter(|kept| kept.user == code.user).count();
            let is_new = valid.iter().all(|kept| kept.key != code.key);
            let is_kept = of_user < max && is_new && !is_maker_revoked(journal, &code);
            let expired = expired.into_iter().map(|kept| kept.key).collect();
            journal.keep_code(is_kept.then_some(code), expired)?;
            Ok(is_kept)
        })
        .await
    }

    async fn redeem_code(
        &self,
        code: DeviceCodeKey,
        new: &NewCredential,
        max: usize,
    ) -> Result<Option<(CredentialOwner, Nickname)>, StoreError> {
        let new = new.clone();
        self.call(move |journal| {
            let Some(made) = journal.index.codes.get(&code.0).cloned() else { return Ok(None) };
            let of = CredentialOwner::new(made.user, OwnerKey(made.owner));
            let added = journal.index.credentials.get(&new.key.0);
            if let Some(added) = added {
                // By an earlier call, or it is another device.
                let is_same = added.code == Some(code.0) && !added.is_revoked;
                return Ok(is_same.then_some((of, made.nickname)));
            }
            let is_used = journal.index.credentials.values().any(|kept| kept.code == Some(code.0));
            let has_room = valid(journal, made.user).count() < max;
            let is_valid = made.expires_at > new.now && !is_maker_revoked(journal, &made);
            if is_used || !has_room || !is_valid {
                return Ok(None);
            }
            journal.keep(credential(&new, of, Some(code)))?;
            Ok(Some((of, made.nickname)))
        })
        .await
    }
}

/// Returns whether the device that has made a code was revoked.
fn is_maker_revoked(journal: &Journal, code: &journal::Code) -> bool {
    let maker = code.made_by.and_then(|key| journal.index.credentials.get(&key));
    maker.is_some_and(|maker| maker.is_revoked)
}

fn credential(
    new: &NewCredential,
    of: CredentialOwner,
    code: Option<DeviceCodeKey>,
) -> journal::Credential {
    journal::Credential {
        key: new.key.0,
        owner: of.owner.0,
        user: of.user,
        label: new.label.clone(),
        code: code.map(|code| code.0),
        added_at: new.now,
        used_at: new.now,
        is_revoked: false,
    }
}

/// The user of the last nickname that a credential owns.
fn of_nicknames(journal: &Journal, key: CredentialKey) -> Credential {
    let owner = OwnerKey::from(key);
    let claims = journal.index.nicknames.values().filter(|claim| claim.owner == owner);
    claims.max_by_key(|claim| claim.expires_at).map_or(Credential::Unknown, |claim| {
        Credential::OfNicknames(CredentialOwner::new(claim.user, owner))
    })
}

fn valid(journal: &Journal, user: UserId) -> impl Iterator<Item = &journal::Credential> {
    let credentials = journal.index.credentials.values();
    credentials.filter(move |kept| kept.user == user && !kept.is_revoked)
}

fn owner(kept: &journal::Credential) -> CredentialOwner {
    CredentialOwner::new(kept.user, OwnerKey(kept.owner))
}

fn device(kept: &journal::Credential) -> Device {
    let label = kept.label.clone();
    Device::new(CredentialKey(kept.key), label, kept.added_at, kept.used_at)
}

//! Users' credentials and devices.

use std::cmp::Reverse;

use async_trait::async_trait;
use chat_core::{Nickname, Timestamp, UserId};

use super::credentials::KeptCredential;
use super::{Contents, MemoryStore};
use crate::user::{MAX_DEVICES_LISTED, MAX_SWEPT_CREDENTIALS, USE_IS_NOTED_AFTER};
use crate::{
    Credential, CredentialKey, CredentialOwner, Device, DeviceCode, DeviceCodeKey, NewCredential,
    OwnerKey, StoreError, UserStore,
};

#[async_trait]
impl UserStore for MemoryStore {
    async fn find_credential(
        &self,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<Credential, StoreError> {
        let mut contents = self.contents()?;
        let Some(kept) = contents.users.credentials.get_mut(&key) else {
            let user = contents.user_of_nicknames(key.into());
            return Ok(user.map_or(Credential::Unknown, |user| {
                Credential::OfNicknames(CredentialOwner::new(user, key.into()))
            }));
        };
        if kept.is_revoked {
            return Ok(Credential::Revoked);
        }
        let used_at = &mut kept.device.used_at;
        if used_at.as_millis().saturating_add(USE_IS_NOTED_AFTER) <= now.as_millis() {
            *used_at = now;
        }
        Ok(Credential::Kept(kept.owner))
    }

    async fn keep_credential(
        &self,
        new: &NewCredential,
        owner: CredentialOwner,
    ) -> Result<(), StoreError> {
        let mut contents = self.contents()?;
        let kept = contents.users.credentials.entry(new.key);
        kept.or_insert_with(|| KeptCredential::new(new, owner, None));
        Ok(())
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        let contents = self.contents()?;
        let mut devices: Vec<_> =
            contents.users.valid(user).map(|kept| kept.device.clone()).collect();
        devices.sort_by_key(|device| (Reverse(device.used_at), device.key));
        devices.truncate(MAX_DEVICES_LISTED as usize);
        Ok(devices)
    }

    async fn revoke_credential(
        &self,
        user: UserId,
        key: CredentialKey,
        _: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut contents = self.contents()?;
        let kept = contents.users.credentials.get_mut(&key);
        let valid = kept.filter(|kept| kept.is_valid_for(user));
        Ok(valid.map(|kept| kept.is_revoked = true).is_some())
    }

    async fn keep_code(&self, code: &DeviceCode, max: usize) -> Result<bool, StoreError> {
        let mut contents = self.contents()?;
        let is_revoked = contents.users.is_maker_revoked(code);
        let codes = &mut contents.users.codes;
        codes.retain(|_, kept| kept.expires_at > code.now);
        let of_user = codes.values().filter(|kept| kept.owner.user == code.owner.user).count();
        let is_kept = of_user < max && !is_revoked && !codes.contains_key(&code.key);
        if is_kept {
            codes.insert(code.key, code.clone());
        }
        Ok(is_kept)
    }

    async fn redeem_code(
        &self,
        code: DeviceCodeKey,
        new: &NewCredential,
        max: usize,
    ) -> Result<Option<(CredentialOwner, Nickname)>, StoreError> {
        let mut contents = self.contents()?;
        let users = &mut contents.users;
        let Some(made) = users.codes.get(&code).cloned() else { return Ok(None) };
        let is_used = users.credentials.values().any(|kept| kept.code == Some(code));
        let is_known = users.credentials.contains_key(&new.key);
        let has_room = users.valid(made.owner.user).count() < max;
        let is_valid = made.expires_at > new.now && !users.is_maker_revoked(&made);
        if is_valid && has_room && !is_used && !is_known {
            users.credentials.insert(new.key, KeptCredential::new(new, made.owner, Some(code)));
        }
        // Also what an earlier call has added.
        let kept = users.credentials.get(&new.key);
        let is_added = kept.is_some_and(|kept| kept.code == Some(code) && !kept.is_revoked);
        Ok(is_added.then_some((made.owner, made.nickname)))
    }

    async fn erase_user(&self, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        let mut contents = self.contents()?;
        let claims = contents.nicknames.iter().filter(|(_, claim)| claim.user == user);
        let claims: Vec<_> = claims.map(|(key, claim)| (key.clone(), claim.owner)).collect();
        for (key, owner) in claims {
            contents.forget(&key);
            let (new, of) =
                (NewCredential::new(owner.into(), now), CredentialOwner::new(user, owner));
            let kept = contents.users.credentials.entry(new.key);
            kept.or_insert_with(|| KeptCredential::new(&new, of, None));
        }
        contents.users.codes.retain(|_, code| code.owner.user != user);
        let kept = contents.users.credentials.values_mut();
        for kept in kept.filter(|kept| kept.owner.user == user) {
            (kept.device.label, kept.code, kept.is_revoked) = (None, None, true);
        }
        Ok(())
    }

    async fn sweep_credentials(
        &self,
        unused_since: Timestamp,
        after: Option<CredentialKey>,
    ) -> Result<Option<CredentialKey>, StoreError> {
        let mut contents = self.contents()?;
        let keys = contents.users.credentials.keys().copied();
        let mut keys: Vec<_> = keys.filter(|key| Some(*key) > after).collect();
        keys.sort_unstable();
        keys.truncate(MAX_SWEPT_CREDENTIALS);
        for key in &keys {
            if let Some(user) = contents.left_behind(*key, unused_since) {
                contents.users.credentials.remove(key);
                contents.read_positions.retain(|(reader, _), _| *reader != user);
            }
        }
        Ok(keys.last().copied())
    }
}

impl Contents {
    /// Returns the user of a credential, if nothing else is left of the user.
    fn left_behind(&self, key: CredentialKey, unused_since: Timestamp) -> Option<UserId> {
        let kept = self.users.credentials.get(&key)?;
        let user = kept.owner.user;
        let others = self.users.credentials.values().filter(|kept| kept.owner.user == user).count();
        let is_unused = kept.owner.owner == OwnerKey::from(key)
            && kept.device.used_at <= unused_since
            && !kept.is_revoked;
        let is_left = others > 1
            || self.nicknames.values().any(|claim| claim.user == user)
            || self.log.has_private_messages(user)
            || self.access.concerns(user);
        (is_unused && !is_left).then_some(user)
    }

    fn user_of_nicknames(&self, owner: OwnerKey) -> Option<UserId> {
        let claims = self.nicknames.values().filter(|claim| claim.owner == owner);
        claims.max_by_key(|claim| claim.expires_at).map(|claim| claim.user)
    }
}

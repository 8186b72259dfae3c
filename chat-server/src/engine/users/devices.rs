//! The devices of a user without a signed token: each has a token of its own.

use std::time::Duration;

use chat_core::event::{Device, DeviceCode, DeviceId, DeviceLabel, Devices, LinkCode, Token};
use chat_core::{Nickname, Refusal, RefusalCode, Timestamp, UserId};
use chat_store::{
    ClaimKind, Credential, CredentialKey, CredentialOwner, DeviceCodeKey, NewCredential,
    StoreError, UserStore,
};

use super::holder::Holder;
use super::owner::owner;
use super::{Identities, IdentityError, User, credential_of, no_randomness, random_token, taken};
use crate::engine::source::Source;

/// How long a code is valid.
const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Maximum number of valid codes of a user.
const MAX_CODES: usize = 5;

/// Maximum number of devices of a user.
const MAX_DEVICES: usize = 50;

/// Creates a code with which a user whose devices are lost adds one, as the event `device code` does for one that has a
/// device: it works once, within ten minutes. For those who run the chat. The nickname is one of the user.
///
/// Returns none if the user has too many valid codes, none of its devices is known, or the operating system returns no
/// random numbers.
///
/// # Errors
/// When the store fails. Nothing was changed.
pub async fn link_code(
    store: &dyn UserStore,
    user: UserId,
    nickname: Nickname,
) -> Result<Option<DeviceCode>, StoreError> {
    let now = Timestamp::now();
    let (code, expires_at) = (random_link_code(), now.plus(CODE_LIFETIME));
    let Ok(code) = code else { return Ok(None) };
    let Some((_, of)) = device_of(store, user, now).await? else { return Ok(None) };
    let kept = chat_store::DeviceCode::new(key_of(&code), of, nickname, now, expires_at);
    let is_kept = store.keep_code(&kept, MAX_CODES).await?;
    Ok(is_kept.then(|| DeviceCode::new(code, expires_at)))
}

/// Returns the credential of one of a user's devices, and its owner; none if no device is known.
pub(super) async fn device_of(
    store: &dyn UserStore,
    user: UserId,
    now: Timestamp,
) -> Result<Option<(CredentialKey, CredentialOwner)>, StoreError> {
    for device in store.devices(user).await? {
        if let Credential::Kept(of) = store.find_credential(device.key, now).await? {
            return Ok(Some((device.key, of)));
        }
    }
    Ok(None)
}

/// Returns a new code.
pub(crate) fn random_link_code() -> Result<LinkCode, Refusal> {
    let mut bytes = [0; LinkCode::LENGTH];
    getrandom::fill(&mut bytes).map_err(|_| no_randomness())?;
    Ok(LinkCode::from_random(bytes))
}

impl Identities {
    /// Creates a code with which a user adds a device.
    pub(crate) async fn device_code(&self, user: &User) -> Result<DeviceCode, IdentityError> {
        self.check_chosen()?;
        // A device that was removed adds none.
        self.holder(user.credential).await?;
        let code = random_link_code()?;
        let expires_at = self.clock.latest().plus(CODE_LIFETIME);
        let of = CredentialOwner::new(user.id, user.owner);
        let (nickname, now) = (user.nickname.clone(), self.clock.earliest());
        let kept = chat_store::DeviceCode::new(key_of(&code), of, nickname, now, expires_at)
            .with_made_by(user.credential);
        if self.claiming.watch(self.store.keep_code(&kept, MAX_CODES).await)? {
            return Ok(DeviceCode::new(code, expires_at));
        }
        let message =
            format!("{MAX_CODES} codes of yours are valid; use one, or wait until one is not");
        Err(Refusal::slow_down(message, CODE_LIFETIME / 10).into())
    }

    /// Adds a device to the user who has created a code. Returns the user and the token of the device.
    pub(crate) async fn link_device(
        &self,
        code: &LinkCode,
        label: Option<DeviceLabel>,
        source: Source,
    ) -> Result<(User, Token), IdentityError> {
        self.check_chosen()?;
        self.guard.admit(source, None)?;
        let token = random_token()?;
        let credential = credential_of(&token)?;
        let new = NewCredential::new(credential, self.clock.earliest());
        let new = new.with_label(label.map(String::from));
        let linked = self.store.redeem_code(key_of(code), &new, MAX_DEVICES).await;
        let Some((of, nickname)) = self.claiming.watch(linked)? else {
            self.guard.refused(source, None);
            let message = "this code is wrong, was used, or is too old; get another one";
            return Err(Refusal::new(RefusalCode::InvalidCode, message).into());
        };
        let holder = Holder::kept(credential, of);
        let user = self.claim(&nickname, holder, ClaimKind::Renew).await;
        match user.and_then(|user| user.ok_or_else(|| taken().into())) {
            Ok(user) => Ok((self.under_current_name(user).await, token)),
            Err(error) => {
                // Nobody gets its token. If this fails, too, the user sees a device without use in the list.
                let now = self.clock.earliest();
                let revoked = self.store.revoke_credential(of.user, credential, now).await;
                let _ = self.claiming.watch(revoked);
                Err(error)
            }
        }
    }

    /// Decides whether a code may be checked that somebody may be guessing.
    pub(crate) fn admit_code(&self, source: Source) -> Result<(), Refusal> {
        self.guard.admit(source, None)
    }

    /// Counts a code that was none.
    pub(crate) fn refused_code(&self, source: Source) {
        self.guard.refused(source, None);
    }

    /// Lists the devices of a user.
    pub(crate) async fn devices(
        &self,
        user: UserId,
        current: Option<CredentialKey>,
    ) -> Result<Devices, IdentityError> {
        self.check_chosen()?;
        let devices = self.finding.watch(self.store.devices(user).await)?;
        let device = |device: chat_store::Device| {
            let label = device.label.map(DeviceLabel::from_stored);
            let times = (device.added_at, device.used_at);
            Device::new(id_of(device.key), label, times, Some(device.key) == current)
        };
        Ok(Devices::new(devices.into_iter().map(device).collect()))
    }

    /// Removes a device of a user: its token is refused from now on.
    pub(crate) async fn unlink_device(
        &self,
        user: UserId,
        id: DeviceId,
    ) -> Result<(), IdentityError> {
        self.check_chosen()?;
        let devices = self.finding.watch(self.store.devices(user).await)?;
        let unknown = || {
            let message = "there is no such device in the list of devices";
            Refusal::new(RefusalCode::UnknownDevice, message)
        };
        let device = devices.into_iter().find(|device| id_of(device.key) == id);
        let key = device.ok_or_else(unknown)?.key;
        let now = self.clock.earliest();
        let revoked = self.store.revoke_credential(user, key, now).await;
        // Whatever the outcome is.
        self.known.forget(key);
        self.claiming.watch(revoked)?;
        Ok(())
    }
}

pub(super) fn key_of(code: &LinkCode) -> DeviceCodeKey {
    DeviceCodeKey(hash_of_code("code", code))
}

/// Returns the hash under which a code is kept; `kind` says what the code is for.
pub(crate) fn hash_of_code(kind: &str, code: &LinkCode) -> [u8; 32] {
    owner(kind, &[&code.to_string()]).0
}

fn id_of(CredentialKey([a, b, c, d, e, f, g, h, ..]): CredentialKey) -> DeviceId {
    DeviceId::from_hash([a, b, c, d, e, f, g, h])
}

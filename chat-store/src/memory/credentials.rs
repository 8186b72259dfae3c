//! What proves who users are.

use std::collections::HashMap;

use chat_core::UserId;

use crate::{CredentialKey, CredentialOwner, Device, DeviceCode, DeviceCodeKey, NewCredential};

#[derive(Default)]
pub(super) struct Users {
    pub(super) credentials: HashMap<CredentialKey, KeptCredential>,
    pub(super) codes: HashMap<DeviceCodeKey, DeviceCode>,
}

pub(super) struct KeptCredential {
    pub(super) owner: CredentialOwner,
    pub(super) device: Device,
    /// The code with which it was added.
    pub(super) code: Option<DeviceCodeKey>,
    pub(super) is_revoked: bool,
}

impl KeptCredential {
    pub(super) fn new(
        new: &NewCredential,
        owner: CredentialOwner,
        code: Option<DeviceCodeKey>,
    ) -> Self {
        let device = Device::new(new.key, new.label.clone(), new.now, new.now);
        Self { owner, device, code, is_revoked: false }
    }

    pub(super) fn is_valid_for(&self, user: UserId) -> bool {
        self.owner.user == user && !self.is_revoked
    }
}

impl Users {
    pub(super) fn valid(&self, user: UserId) -> impl Iterator<Item = &KeptCredential> {
        self.credentials.values().filter(move |kept| kept.is_valid_for(user))
    }

    /// Returns whether the device that has made a code was revoked.
    pub(super) fn is_maker_revoked(&self, code: &DeviceCode) -> bool {
        let maker = code.made_by.and_then(|key| self.credentials.get(&key));
        maker.is_some_and(|maker| maker.is_revoked)
    }
}

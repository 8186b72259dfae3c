use async_trait::async_trait;
use chat_core::{Nickname, Timestamp, UserId};

use crate::{NicknameStore, OwnerKey, StoreError};

/// Identifies a proof of identity: a hash of a device's token, or of the name that an issuer of signed tokens gives a
/// user.
///
/// Someone who reads the store cannot recover a token from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialKey(pub [u8; 32]);

/// The user whom a credential identifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CredentialOwner {
    /// The user.
    pub user: UserId,
    /// The owner of the user's nicknames: the user's first credential, also after it was revoked.
    pub owner: OwnerKey,
}

/// What a store knows about a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// Nothing: a client that shows it is a new user.
    Unknown,
    /// It is the owner of nicknames, and was not kept yet.
    OfNicknames(CredentialOwner),
    /// It is kept, and valid.
    Kept(CredentialOwner),
    /// It was kept, until its user revoked it.
    Revoked,
}

/// A new credential of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewCredential {
    /// The credential.
    pub key: CredentialKey,
    /// What the user calls the device; none if it has no name.
    pub label: Option<String>,
    /// The current time.
    pub now: Timestamp,
}

/// A credential in the list of a user's devices.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// The credential.
    pub key: CredentialKey,
    /// What the user calls the device; none if it has no name.
    pub label: Option<String>,
    /// When it was added.
    pub added_at: Timestamp,
    /// When it was last used, to the hour.
    pub used_at: Timestamp,
}

/// Identifies a code with which a user adds a device: a hash of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceCodeKey(pub [u8; 32]);

/// A code with which a user adds a device, once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceCode {
    /// The code.
    pub key: DeviceCodeKey,
    /// The user who adds a device.
    pub owner: CredentialOwner,
    /// The nickname that the device uses first.
    pub nickname: Nickname,
    /// The credential of the device that has made it: the code is not valid once that is revoked. None if an operator
    /// made it.
    pub made_by: Option<CredentialKey>,
    /// The current time.
    pub now: Timestamp,
    /// The code is valid before this time.
    pub expires_at: Timestamp,
}

impl CredentialOwner {
    /// Creates the owner of a credential.
    pub fn new(user: UserId, owner: OwnerKey) -> Self {
        Self { user, owner }
    }
}

impl NewCredential {
    /// Creates a credential without a label.
    pub fn new(key: CredentialKey, now: Timestamp) -> Self {
        Self { key, label: None, now }
    }

    /// Sets what the user calls the device.
    #[must_use]
    pub fn with_label(self, label: Option<String>) -> Self {
        Self { label, ..self }
    }
}

impl Device {
    /// Creates an item of the list, for implementations of stores.
    pub fn new(
        key: CredentialKey,
        label: Option<String>,
        added_at: Timestamp,
        used_at: Timestamp,
    ) -> Self {
        Self { key, label, added_at, used_at }
    }
}

impl DeviceCode {
    /// Creates a code that is valid from `now` until `expires_at`.
    pub fn new(
        key: DeviceCodeKey,
        owner: CredentialOwner,
        nickname: Nickname,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self { key, owner, nickname, made_by: None, now, expires_at }
    }

    /// Sets the credential of the device that has made it.
    #[must_use]
    pub fn with_made_by(self, credential: CredentialKey) -> Self {
        Self { made_by: Some(credential), ..self }
    }
}

impl From<OwnerKey> for CredentialKey {
    /// Returns a user's first credential.
    fn from(owner: OwnerKey) -> Self {
        Self(owner.0)
    }
}

impl From<CredentialKey> for OwnerKey {
    /// Returns the owner that a user has whose first credential this is.
    fn from(key: CredentialKey) -> Self {
        Self(key.0)
    }
}

/// The maximum length of the list of a user's devices.
pub(crate) const MAX_DEVICES_LISTED: i64 = 1000;

/// The maximum number of credentials that one sweep looks at.
pub(crate) const MAX_SWEPT_CREDENTIALS: usize = 1000;

/// The time for which the last use of a credential is not noted again, in milliseconds: one hour.
pub(crate) const USE_IS_NOTED_AFTER: i64 = 60 * 60 * 1000;

/// A store of users: what proves who they are, and which devices they have.
///
/// # Contract
///
/// - **One user.** A credential belongs to one user for as long as it exists. Of concurrent calls that would give it
///   to several users, in all processes that share the store, one counts.
/// - **From nicknames.** Whoever owns a nickname is a user: a credential that was never [kept](Self::keep_credential)
///   and whose hash is the [owner](crate::NicknameClaim::owner) of nicknames is valid, for the user of the nickname
///   that expires last.
/// - **Revoked for good.** A credential that is [revoked](Self::revoke_credential) is never valid again, and neither is a
///   [code](DeviceCode::made_by) that was made with it, before or after.
/// - **Once.** Of several credentials that are [added](Self::redeem_code) with one code, one is valid.
/// - **Durable** like messages.
/// - **Cancel safe.** A dropped call has happened completely or not at all; each call may be repeated.
///
/// The module `testkit` (feature `testkit`) checks it. If the store is also a [`MessageStore`](crate::MessageStore)
/// and was closed, all calls fail with [`StoreError::Closed`].
#[async_trait]
pub trait UserStore: NicknameStore {
    /// Returns the user whom a credential identifies, and notes its use at `now` unless a use within the hour before is
    /// noted.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn find_credential(
        &self,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<Credential, StoreError>;

    /// Keeps a credential of a user, so that it is valid whoever owns the user's nicknames later. Does nothing if the
    /// store has it, valid or revoked.
    ///
    /// # Errors
    /// Nothing was changed; see [`StoreError::is_retryable`].
    async fn keep_credential(
        &self,
        new: &NewCredential,
        owner: CredentialOwner,
    ) -> Result<(), StoreError>;

    /// Returns a user's credentials that are not revoked, the one used last first, at most 1,000.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError>;

    /// Revokes a credential of a user, and returns whether it was valid until now. It is never valid again.
    ///
    /// # Errors
    /// Nothing was changed; see [`StoreError::is_retryable`].
    async fn revoke_credential(
        &self,
        user: UserId,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Keeps a code with which its user can add a device, and deletes those that have expired. Returns `false`, and
    /// keeps nothing, if the user has `max` codes that have not expired, or the device that has made it is revoked.
    ///
    /// # Errors
    /// Nothing was changed; see [`StoreError::is_retryable`].
    async fn keep_code(&self, code: &DeviceCode, max: usize) -> Result<bool, StoreError>;

    /// Adds a credential to the user who has made a code, if the code is valid, its device was not revoked, and it was not
    /// used for another credential. Returns the user, and the nickname of the code. Returns none, and changes nothing, if the code is
    /// not valid or the user has `max` credentials.
    ///
    /// # Errors
    /// Nothing was changed; see [`StoreError::is_retryable`].
    async fn redeem_code(
        &self,
        code: DeviceCodeKey,
        new: &NewCredential,
        max: usize,
    ) -> Result<Option<(CredentialOwner, Nickname)>, StoreError>;

    /// Erases a user: frees the nicknames, deletes codes and the labels of devices, and revokes all credentials. The owners of
    /// the nicknames are revoked, too, so that nobody comes back as this user.
    ///
    /// # Errors
    /// Nothing was changed; see [`StoreError::is_retryable`].
    async fn erase_user(&self, user: UserId, now: Timestamp) -> Result<(), StoreError>;

    /// Deletes the credentials and read positions of users of whom nothing else is left: the credential is the first
    /// and only one, is not revoked, and was not used after `unused_since`; the user has no nickname, no private
    /// messages, no role in a room, and no ban or mute.
    ///
    /// Looks at up to 1,000 credentials after `after`, in an order of its own, and returns the last one: pass it to the
    /// next call. Returns none if there are none. By default it deletes nothing: only a store that also has the
    /// nicknames, messages, rooms and read positions can tell.
    ///
    /// # Errors
    /// Some may have been deleted; see [`StoreError::is_retryable`].
    async fn sweep_credentials(
        &self,
        unused_since: Timestamp,
        after: Option<CredentialKey>,
    ) -> Result<Option<CredentialKey>, StoreError> {
        let _ = (unused_since, after);
        Ok(None)
    }
}

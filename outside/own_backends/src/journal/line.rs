use chat_core::{Epoch, Message, Nickname, Offset, Timestamp, UserId};
use chat_store::{DeviceCode, NicknameClaim, OwnerKey, SessionKey, SessionRecord};
use serde::{Deserialize, Serialize};

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// The first one: which log this is.
    Log(Epoch),
    /// With the text under which its key is kept, in place of the key.
    Message(Message),
    /// A message whose content was changed, as it is now.
    Changed(Message),
    /// The messages up to this one were deleted from the beginning.
    Trimmed(Offset),
    Session(Session),
    /// This session was swept.
    Swept([u8; 32]),
    Nickname(Claim),
    /// The name with this key was swept.
    Free(String),
    /// As it is now.
    Credential(Credential),
    Code(Code),
    /// The code with this key has expired.
    CodeExpired([u8; 32]),
    /// What stands above it is a batch that counts. Without it, the batch was never acknowledged.
    Commit,
}

/// A [`SessionRecord`], as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Session {
    key: [u8; 32],
    generation: i64,
    revision: i64,
    state: String,
    expires_at: Timestamp,
}

/// A [`NicknameClaim`] that was granted, as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claim {
    nickname: Nickname,
    owner: [u8; 32],
    #[serde(rename = "person")]
    user: UserId,
    now: Timestamp,
    expires_at: Timestamp,
}

/// What proves who a user is, as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Credential {
    pub(crate) key: [u8; 32],
    pub(crate) owner: [u8; 32],
    pub(crate) user: UserId,
    pub(crate) label: Option<String>,
    /// The code with which it was added.
    pub(crate) code: Option<[u8; 32]>,
    pub(crate) added_at: Timestamp,
    pub(crate) used_at: Timestamp,
    pub(crate) is_revoked: bool,
}

/// A [`DeviceCode`], as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) key: [u8; 32],
    pub(crate) owner: [u8; 32],
    pub(crate) user: UserId,
    pub(crate) nickname: Nickname,
    /// The credential of the device that has made it.
    #[serde(default)]
    pub(crate) made_by: Option<[u8; 32]>,
    pub(crate) expires_at: Timestamp,
}

impl From<&DeviceCode> for Code {
    fn from(code: &DeviceCode) -> Self {
        let DeviceCode { key, owner, nickname, made_by, expires_at, .. } = code;
        let (owner, user) = (owner.owner.0, owner.user);
        let (made_by, nickname) = (made_by.map(|by| by.0), nickname.clone());
        Self { key: key.0, owner, user, nickname, made_by, expires_at: *expires_at }
    }
}

impl From<SessionRecord> for Session {
    fn from(record: SessionRecord) -> Self {
        let SessionRecord { key, generation, revision, state, expires_at, .. } = record;
        Self { key: key.0, generation, revision, state, expires_at }
    }
}

impl From<Session> for SessionRecord {
    fn from(session: Session) -> Self {
        let Session { key, generation, revision, state, expires_at } = session;
        Self::new(SessionKey(key), state, expires_at).with_version(generation, revision)
    }
}

impl From<NicknameClaim> for Claim {
    fn from(claim: NicknameClaim) -> Self {
        let NicknameClaim { nickname, owner, user, now, expires_at, .. } = claim;
        Self { nickname, owner: owner.0, user, now, expires_at }
    }
}

impl From<Claim> for NicknameClaim {
    fn from(claim: Claim) -> Self {
        let Claim { nickname, owner, user, now, expires_at } = claim;
        // Its kind means nothing any more.
        Self::new(nickname, OwnerKey(owner), user, now, expires_at)
    }
}

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::{
    Epoch, Feed, NewMessage, Nickname, NicknameKey, Offset, RoomId, Timestamp, UserId,
};

use super::Gate;
use crate::{
    Appended, Claimed, Credential, CredentialKey, CredentialOwner, Device, DeviceCode,
    DeviceCodeKey, Disk, MessageStore, NewCredential, NicknameClaim, NicknameStore, Page,
    ReadPosition, ReadPositionStore, RoomStore, RoomStoreWrapper, SessionKey, SessionRecord,
    SessionStore, Store, StoreError, Trim, Trimmed, UserStore,
};

/// A store whose calls a test can hold and release, to test orders of events that rarely occur by chance.
///
/// ```
/// use std::sync::Arc;
///
/// use chat_core::{NewMessage, Offset, RoomId};
/// use chat_store::testkit::HeldStore;
/// use chat_store::{MemoryStore, MessageStore};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let store = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
/// store.appends.close();
///
/// let hello = NewMessage::new(RoomId::general(), "hello".parse()?);
/// let writer = Arc::clone(&store);
/// let append = tokio::spawn(async move { writer.append(&[hello]).await });
/// store.appends.waiting(1).await;
/// assert_eq!(store.tail().await?, Offset::ZERO);
///
/// store.appends.open();
/// append.await??;
/// assert_eq!(store.tail().await?, Offset::FIRST);
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct HeldStore {
    store: Arc<dyn Store>,
    /// Appends before anything is stored, and trims.
    pub appends: Gate,
    /// Appends after the commit, before the caller learns of it.
    pub answers: Gate,
    /// Reads of pages, before anything is read.
    pub reads: Gate,
    /// Reads of the tail, before it is read.
    pub tails: Gate,
    /// Saves of sessions, before anything is saved.
    pub saves: Gate,
    /// Lookups of a session, before it is looked up.
    pub lookups: Gate,
    /// Claims to a nickname, before anything is changed.
    pub claims: Gate,
    /// Lookups of a nickname, before it is looked up.
    pub finds: Gate,
    /// Changes to rooms and who may do what there, before anything is changed.
    pub changes: Gate,
    /// Reads of rooms, members, invitations, sanctions and their log, before anything is read.
    pub access_reads: Gate,
    /// Notes of read positions, before anything is noted. Their reads are [`access_reads`](Self::access_reads).
    pub notes: Gate,
}

impl HeldStore {
    /// Wraps `store` with open gates.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let [
            appends,
            answers,
            reads,
            tails,
            saves,
            lookups,
            claims,
            finds,
            changes,
            access_reads,
            notes,
        ] = std::array::from_fn(|_| Gate::new());
        Self {
            store,
            appends,
            answers,
            reads,
            tails,
            saves,
            lookups,
            claims,
            finds,
            changes,
            access_reads,
            notes,
        }
    }
}

impl fmt::Debug for HeldStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl MessageStore for HeldStore {
    fn epoch(&self) -> &Epoch {
        self.store.epoch()
    }

    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        self.appends.pass().await;
        let appended = self.store.append(batch).await;
        self.answers.pass().await;
        appended
    }

    async fn read_after(
        &self,
        feeds: Option<&[Feed]>,
        after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.reads.pass().await;
        self.store.read_after(feeds, after, limit).await
    }

    async fn read_before(
        &self,
        feed: &Feed,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.reads.pass().await;
        self.store.read_before(feed, before, limit).await
    }

    async fn horizon(&self) -> Result<Offset, StoreError> {
        self.store.horizon().await
    }

    async fn trim(&self, trim: &Trim) -> Result<Trimmed, StoreError> {
        self.appends.pass().await;
        self.store.trim(trim).await
    }

    async fn forget_user(&self, user: UserId, in_messages: &[Offset]) -> Result<(), StoreError> {
        self.appends.pass().await;
        self.store.forget_user(user, in_messages).await
    }

    async fn tail(&self) -> Result<Offset, StoreError> {
        self.tails.pass().await;
        self.store.tail().await
    }

    async fn room_names(
        &self,
        after: Option<&RoomId>,
        limit: usize,
    ) -> Result<Vec<RoomId>, StoreError> {
        self.reads.pass().await;
        self.store.room_names(after, limit).await
    }

    async fn count_after(&self, feed: &Feed, after: Offset, max: u64) -> Result<u64, StoreError> {
        self.reads.pass().await;
        self.store.count_after(feed, after, max).await
    }

    async fn try_commit(&self) -> Result<bool, StoreError> {
        self.appends.pass().await;
        self.store.try_commit().await
    }

    fn disk(&self) -> Option<Disk> {
        self.store.disk()
    }

    async fn close(&self) {
        self.store.close().await;
    }
}

#[async_trait]
impl SessionStore for HeldStore {
    async fn save_sessions(
        &self,
        records: &[SessionRecord],
    ) -> Result<Vec<SessionKey>, StoreError> {
        self.saves.pass().await;
        self.store.save_sessions(records).await
    }

    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        self.lookups.pass().await;
        self.store.session(key, now).await
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.store.sweep_sessions(now).await
    }
}

#[async_trait]
impl NicknameStore for HeldStore {
    async fn claim_nickname(&self, claim: &NicknameClaim) -> Result<Claimed, StoreError> {
        self.claims.pass().await;
        self.store.claim_nickname(claim).await
    }

    async fn find_nickname(
        &self,
        key: &NicknameKey,
    ) -> Result<Option<(UserId, Nickname)>, StoreError> {
        self.finds.pass().await;
        self.store.find_nickname(key).await
    }

    async fn nicknames_of(&self, users: &[UserId]) -> Result<Vec<(UserId, Nickname)>, StoreError> {
        self.finds.pass().await;
        self.store.nicknames_of(users).await
    }

    async fn sweep_nicknames(
        &self,
        now: Timestamp,
        after: Option<&NicknameKey>,
    ) -> Result<Option<NicknameKey>, StoreError> {
        self.store.sweep_nicknames(now, after).await
    }
}

#[async_trait]
impl UserStore for HeldStore {
    async fn find_credential(
        &self,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<Credential, StoreError> {
        self.finds.pass().await;
        self.store.find_credential(key, now).await
    }

    async fn keep_credential(
        &self,
        new: &NewCredential,
        owner: CredentialOwner,
    ) -> Result<(), StoreError> {
        self.claims.pass().await;
        self.store.keep_credential(new, owner).await
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        self.finds.pass().await;
        self.store.devices(user).await
    }

    async fn revoke_credential(
        &self,
        user: UserId,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.claims.pass().await;
        self.store.revoke_credential(user, key, now).await
    }

    async fn erase_user(&self, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        self.claims.pass().await;
        self.store.erase_user(user, now).await
    }

    async fn keep_code(&self, code: &DeviceCode, max: usize) -> Result<bool, StoreError> {
        self.claims.pass().await;
        self.store.keep_code(code, max).await
    }

    async fn redeem_code(
        &self,
        code: DeviceCodeKey,
        new: &NewCredential,
        max: usize,
    ) -> Result<Option<(CredentialOwner, Nickname)>, StoreError> {
        self.claims.pass().await;
        self.store.redeem_code(code, new, max).await
    }

    async fn sweep_credentials(
        &self,
        unused_since: Timestamp,
        after: Option<CredentialKey>,
    ) -> Result<Option<CredentialKey>, StoreError> {
        self.claims.pass().await;
        self.store.sweep_credentials(unused_since, after).await
    }
}

#[async_trait]
impl RoomStoreWrapper for HeldStore {
    fn rooms(&self) -> &dyn RoomStore {
        &*self.store
    }

    async fn before_change(&self) -> Result<(), StoreError> {
        self.changes.pass().await;
        Ok(())
    }

    async fn before_read(&self) -> Result<(), StoreError> {
        self.access_reads.pass().await;
        Ok(())
    }
}

#[async_trait]
impl ReadPositionStore for HeldStore {
    async fn note_read(&self, positions: &[ReadPosition]) -> Result<(), StoreError> {
        self.notes.pass().await;
        self.store.note_read(positions).await
    }

    async fn forget_reader(&self, user: UserId) -> Result<(), StoreError> {
        self.notes.pass().await;
        self.store.forget_reader(user).await
    }

    async fn read_positions(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<ReadPosition>, StoreError> {
        self.access_reads.pass().await;
        self.store.read_positions(user, limit).await
    }

    async fn readers_of(
        &self,
        feed: &Feed,
        limit: usize,
    ) -> Result<Vec<(UserId, Offset)>, StoreError> {
        self.access_reads.pass().await;
        self.store.readers_of(feed, limit).await
    }
}

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chat_core::{
    Epoch, Feed, NewMessage, Nickname, NicknameKey, Offset, RoomId, Timestamp, UserId,
};

use crate::{
    Appended, Claimed, Credential, CredentialKey, CredentialOwner, Device, DeviceCode,
    DeviceCodeKey, Disk, MessageStore, NewCredential, NicknameClaim, NicknameStore, Page,
    ReadPosition, ReadPositionStore, RoomStore, RoomStoreWrapper, SessionKey, SessionRecord,
    SessionStore, Store, StoreError, Trim, Trimmed, UserStore,
};

/// A store that fails as often as a test requests, with an error that is [retryable](StoreError::is_retryable), and
/// works otherwise.
pub struct FailingStore {
    store: Arc<dyn Store>,
    appends: AtomicUsize,
    answers: AtomicUsize,
    reads: AtomicUsize,
    saves: AtomicUsize,
    lookups: AtomicUsize,
    claims: AtomicUsize,
    finds: AtomicUsize,
    changes: AtomicUsize,
    changed: AtomicUsize,
    access_reads: AtomicUsize,
    notes: AtomicUsize,
}

impl FailingStore {
    /// Wraps `store`, which works until it is told to fail.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let [
            appends,
            answers,
            reads,
            saves,
            lookups,
            claims,
            finds,
            changes,
            changed,
            access_reads,
            notes,
        ] = std::array::from_fn(|_| AtomicUsize::new(0));
        Self {
            store,
            appends,
            answers,
            reads,
            saves,
            lookups,
            claims,
            finds,
            changes,
            changed,
            access_reads,
            notes,
        }
    }

    /// Makes the next `count` appends fail and store nothing. Replaces the previous request.
    pub fn fail_appends(&self, count: usize) {
        self.appends.store(count, Ordering::SeqCst);
    }

    /// Makes the next `count` appends that reach the store succeed there but return an error, as when a connection
    /// breaks after the commit. Replaces the previous request.
    pub fn lose_answers(&self, count: usize) {
        self.answers.store(count, Ordering::SeqCst);
    }

    /// Makes the next `count` reads, of pages and of the tail, fail. Replaces the previous request.
    pub fn fail_reads(&self, count: usize) {
        self.reads.store(count, Ordering::SeqCst);
    }

    /// Makes the next `count` saves of sessions fail and save nothing. Replaces the previous request.
    pub fn fail_saves(&self, count: usize) {
        self.saves.store(count, Ordering::SeqCst);
    }

    /// Makes the next `count` lookups of a session fail. Replaces the previous request.
    pub fn fail_lookups(&self, count: usize) {
        self.lookups.store(count, Ordering::SeqCst);
    }

    /// Makes the next `count` claims to a nickname fail and change nothing. Replaces the previous request.
    pub fn fail_claims(&self, count: usize) {
        self.claims.store(count, Ordering::SeqCst);
    }

    /// Makes the next `count` lookups of a nickname fail. Replaces the previous request.
    pub fn fail_finds(&self, count: usize) {
        self.finds.store(count, Ordering::SeqCst);
    }

    /// Makes the next `count` changes to rooms and who may do what there fail and change nothing. Replaces the previous
    /// request.
    pub fn fail_changes(&self, count: usize) {
        self.changes.store(count, Ordering::SeqCst);
    }

    /// Makes the next `count` changes that reach the store succeed there but return an error. Replaces the previous
    /// request.
    pub fn lose_changes(&self, count: usize) {
        self.changed.store(count, Ordering::SeqCst);
    }

    /// Makes the next `count` notes of read positions fail and note nothing. Replaces the previous request.
    pub fn fail_notes(&self, count: usize) {
        self.notes.store(count, Ordering::SeqCst);
    }

    /// Makes the next `count` reads of rooms, members, invitations, sanctions, their log and read positions fail.
    /// Replaces the previous request.
    pub fn fail_access_reads(&self, count: usize) {
        self.access_reads.store(count, Ordering::SeqCst);
    }
}

/// Returns an error as long as some are left.
fn take_one(left: &AtomicUsize) -> Result<(), StoreError> {
    let take = |left: usize| left.checked_sub(1);
    match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
        Ok(_) => Err(asked_for()),
        Err(_) => Ok(()),
    }
}

fn asked_for() -> StoreError {
    let (place, source) = ("the failing store".into(), "a test asked for it".into());
    StoreError::Unavailable { place, source }
}

impl fmt::Debug for FailingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailingStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl MessageStore for FailingStore {
    fn epoch(&self) -> &Epoch {
        self.store.epoch()
    }

    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        take_one(&self.appends)?;
        let appended = self.store.append(batch).await?;
        take_one(&self.answers)?;
        Ok(appended)
    }

    async fn read_after(
        &self,
        feeds: Option<&[Feed]>,
        after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError> {
        take_one(&self.reads)?;
        self.store.read_after(feeds, after, limit).await
    }

    async fn read_before(
        &self,
        feed: &Feed,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        take_one(&self.reads)?;
        self.store.read_before(feed, before, limit).await
    }

    async fn horizon(&self) -> Result<Offset, StoreError> {
        take_one(&self.reads)?;
        self.store.horizon().await
    }

    /// Fails as long as appends do, and does not count as one of them.
    async fn trim(&self, trim: &Trim) -> Result<Trimmed, StoreError> {
        if self.appends.load(Ordering::SeqCst) > 0 {
            return Err(asked_for());
        }
        self.store.trim(trim).await
    }

    async fn forget_user(&self, user: UserId, in_messages: &[Offset]) -> Result<(), StoreError> {
        take_one(&self.appends)?;
        self.store.forget_user(user, in_messages).await
    }

    async fn tail(&self) -> Result<Offset, StoreError> {
        take_one(&self.reads)?;
        self.store.tail().await
    }

    async fn room_names(
        &self,
        after: Option<&RoomId>,
        limit: usize,
    ) -> Result<Vec<RoomId>, StoreError> {
        take_one(&self.reads)?;
        self.store.room_names(after, limit).await
    }

    async fn count_after(&self, feed: &Feed, after: Offset, max: u64) -> Result<u64, StoreError> {
        take_one(&self.reads)?;
        self.store.count_after(feed, after, max).await
    }

    /// Fails as long as appends do, and does not count as one of them.
    async fn try_commit(&self) -> Result<bool, StoreError> {
        if self.appends.load(Ordering::SeqCst) > 0 {
            return Err(asked_for());
        }
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
impl SessionStore for FailingStore {
    async fn save_sessions(
        &self,
        records: &[SessionRecord],
    ) -> Result<Vec<SessionKey>, StoreError> {
        take_one(&self.saves)?;
        self.store.save_sessions(records).await
    }

    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        take_one(&self.lookups)?;
        self.store.session(key, now).await
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.store.sweep_sessions(now).await
    }
}

#[async_trait]
impl NicknameStore for FailingStore {
    async fn claim_nickname(&self, claim: &NicknameClaim) -> Result<Claimed, StoreError> {
        take_one(&self.claims)?;
        self.store.claim_nickname(claim).await
    }

    async fn find_nickname(
        &self,
        key: &NicknameKey,
    ) -> Result<Option<(UserId, Nickname)>, StoreError> {
        take_one(&self.finds)?;
        self.store.find_nickname(key).await
    }

    async fn nicknames_of(&self, users: &[UserId]) -> Result<Vec<(UserId, Nickname)>, StoreError> {
        take_one(&self.finds)?;
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
impl UserStore for FailingStore {
    async fn find_credential(
        &self,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<Credential, StoreError> {
        take_one(&self.finds)?;
        self.store.find_credential(key, now).await
    }

    async fn keep_credential(
        &self,
        new: &NewCredential,
        owner: CredentialOwner,
    ) -> Result<(), StoreError> {
        take_one(&self.claims)?;
        self.store.keep_credential(new, owner).await
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        take_one(&self.finds)?;
        self.store.devices(user).await
    }

    async fn revoke_credential(
        &self,
        user: UserId,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        take_one(&self.claims)?;
        self.store.revoke_credential(user, key, now).await
    }

    async fn erase_user(&self, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        take_one(&self.claims)?;
        self.store.erase_user(user, now).await
    }

    async fn keep_code(&self, code: &DeviceCode, max: usize) -> Result<bool, StoreError> {
        take_one(&self.claims)?;
        self.store.keep_code(code, max).await
    }

    async fn redeem_code(
        &self,
        code: DeviceCodeKey,
        new: &NewCredential,
        max: usize,
    ) -> Result<Option<(CredentialOwner, Nickname)>, StoreError> {
        take_one(&self.claims)?;
        self.store.redeem_code(code, new, max).await
    }

    async fn sweep_credentials(
        &self,
        unused_since: Timestamp,
        after: Option<CredentialKey>,
    ) -> Result<Option<CredentialKey>, StoreError> {
        take_one(&self.claims)?;
        self.store.sweep_credentials(unused_since, after).await
    }
}

#[async_trait]
impl RoomStoreWrapper for FailingStore {
    fn rooms(&self) -> &dyn RoomStore {
        &*self.store
    }

    async fn before_change(&self) -> Result<(), StoreError> {
        take_one(&self.changes)
    }

    async fn after_change(&self) -> Result<(), StoreError> {
        take_one(&self.changed)
    }

    async fn before_read(&self) -> Result<(), StoreError> {
        take_one(&self.access_reads)
    }
}

#[async_trait]
impl ReadPositionStore for FailingStore {
    async fn note_read(&self, positions: &[ReadPosition]) -> Result<(), StoreError> {
        take_one(&self.notes)?;
        self.store.note_read(positions).await
    }

    async fn forget_reader(&self, user: UserId) -> Result<(), StoreError> {
        take_one(&self.notes)?;
        self.store.forget_reader(user).await
    }

    async fn read_positions(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<ReadPosition>, StoreError> {
        take_one(&self.access_reads)?;
        self.store.read_positions(user, limit).await
    }

    async fn readers_of(
        &self,
        feed: &Feed,
        limit: usize,
    ) -> Result<Vec<(UserId, Offset)>, StoreError> {
        take_one(&self.access_reads)?;
        self.store.readers_of(feed, limit).await
    }
}

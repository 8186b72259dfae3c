use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::{
    AuthorId, Epoch, Feed, Message, NewMessage, Nickname, NicknameKey, Offset, Timestamp, UserId,
};
use chat_store::{
    Appended, Claimed, Credential, CredentialKey, CredentialOwner, Device, DeviceCode,
    DeviceCodeKey, MemoryStore, MessageStore, NewCredential, NicknameClaim, NicknameStore, Page,
    PageBuilder, Reactions, ReadPosition, ReadPositionStore, RoomStore, RoomStoreWrapper,
    SessionKey, SessionRecord, SessionStore, StoreError, Trim, Trimmed, UserStore,
};
use tokio::time::{Instant, sleep};

use crate::faults::Fault;
use crate::plants::Plant;
use crate::rules::look;
use crate::world::{Life, World};

/// The store of one node.
pub(crate) struct SimulatedStore {
    world: Arc<World>,
    life: Arc<Life>,
    names: Arc<MemoryStore>,
    epoch: Epoch,
}

/// How a call ends.
enum End {
    Well,
    /// Nothing has happened.
    Failed,
    /// It has happened, but the caller does not learn it.
    AnswerLost,
}

impl SimulatedStore {
    pub(crate) fn new(world: &Arc<World>, life: &Arc<Life>, names: &Arc<MemoryStore>) -> Self {
        let epoch = world.disk().epoch.clone();
        Self { world: world.clone(), life: life.clone(), names: names.clone(), epoch }
    }

    async fn step(&self) {
        self.world.take_time().await;
        self.life.go_on().await;
    }

    /// The way to the disk, and what awaits the call there.
    async fn call(&self, failure: Fault, lost: Option<Fault>) -> End {
        let began = Instant::now();
        self.step().await;
        if self.world.happens(Fault::StoreHangs) {
            let duration = self.world.random(|rng| rng.millis(1000, 12_000));
            self.trouble(began, duration);
            sleep(duration).await;
            self.life.go_on().await;
        }
        if self.world.happens(failure) || self.world.disk().outage {
            self.trouble(began, Duration::ZERO);
            return End::Failed;
        }
        match lost {
            Some(lost) if self.world.happens(lost) => End::AnswerLost,
            _ => End::Well,
        }
    }

    /// What keeps a node from its store keeps changes from being in effect there.
    fn trouble(&self, began: Instant, duration: Duration) {
        self.world.rules().effects.trouble(self.life.node, began, duration);
    }

    /// The way back.
    async fn end<T>(&self, end: &End, result: T) -> Result<T, StoreError> {
        self.step().await;
        match end {
            End::Well => Ok(result),
            End::Failed | End::AnswerLost => Err(unavailable()),
        }
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { place: "the simulated store".into(), source: "a fault".into() }
}

#[async_trait]
impl MessageStore for SimulatedStore {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        let end = self.call(Fault::AppendFails, Some(Fault::AppendAnswerLost)).await;
        let node = self.life.node;
        if let End::Failed = end {
            if self.world.plant == Some(Plant::BatchTorn) {
                self.world.disk().append(batch, batch.len().div_ceil(2), node);
                return self
                    .end(
                        &End::Well,
                        batch.iter().map(|_| Appended::New(self.world.disk().tail())).collect(),
                    )
                    .await;
            }
            return self.end(&end, Vec::new()).await;
        }
        let early = self.world.is_planted(Plant::AckBeforeCommit, 50);
        let most = if early { 0 } else { usize::MAX };
        match self.world.commit(batch, most, node).await {
            Some(appended) => self.end(&end, appended).await,
            None => self.end(&End::Failed, Vec::new()).await,
        }
    }

    async fn read_after(
        &self,
        feeds: Option<&[Feed]>,
        after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let end = self.call(Fault::ReadFails, None).await;
        let hole = self.world.is_planted(Plant::ReadSkipsHole, 100);
        let mut page = {
            let disk = self.world.disk();
            let mut page = PageBuilder::new(limit.min(disk.page));
            let stale = if disk.is(Plant::StaleReads) { 2 } else { 0 };
            let horizon = disk.shown_horizon();
            let messages = disk.after(after.max(disk.horizon).as_u64());
            let messages = &messages[..messages.len().saturating_sub(stale)];
            let wanted = |message: &&Message| {
                feeds.is_none_or(|feeds| feeds.iter().any(|feed| feed.contains(&message.audience)))
            };
            let mut messages = messages.iter().filter(wanted);
            while messages.next().is_some_and(|message| page.push(message.clone())) {}
            page.build().with_horizon(horizon)
        };
        if hole && page.messages.len() > 1 {
            page.messages.remove(0);
        }
        if self.world.plant == Some(Plant::ClaimsNoMore) {
            page.more = false;
        }
        self.end(&end, page).await
    }

    async fn reactions(
        &self,
        of: &[Offset],
        author: Option<AuthorId>,
    ) -> Result<Vec<Reactions>, StoreError> {
        let end = self.call(Fault::ReadFails, None).await;
        let found = {
            let disk = self.world.disk();
            let of = of.iter().filter(|of| **of > disk.horizon);
            of.flat_map(|of| disk.reactions(*of, author)).collect()
        };
        self.end(&end, found).await
    }

    async fn read_before(
        &self,
        feed: &Feed,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let end = self.call(Fault::ReadFails, None).await;
        // What is old has to be fetched from the disk.
        let fetched = self.world.random(|rng| rng.chance(500).then(|| rng.millis(0, 1000)));
        sleep(fetched.unwrap_or_default()).await;
        let page = {
            let disk = self.world.disk();
            let mut page = PageBuilder::new(limit.min(disk.page));
            let before = before.map_or(u64::MAX, Offset::as_u64);
            let wanted = |message: &&Message| {
                message.offset > disk.horizon
                    && message.offset.as_u64() < before
                    && feed.contains(&message.audience)
            };
            let mut messages = disk.log.iter().rev().filter(wanted);
            while messages.next().is_some_and(|message| page.push(message.clone())) {}
            page.build_reversed().with_horizon(disk.horizon)
        };
        self.end(&end, page).await
    }

    async fn horizon(&self) -> Result<Offset, StoreError> {
        let end = self.call(Fault::ReadFails, None).await;
        let horizon = self.world.disk().shown_horizon();
        self.end(&end, horizon).await
    }

    async fn trim(&self, trim: &Trim) -> Result<Trimmed, StoreError> {
        let end = self.call(Fault::AppendFails, Some(Fault::AppendAnswerLost)).await;
        if !matches!(end, End::Failed) {
            let mut disk = self.world.disk();
            disk.trim(trim.upto);
            let horizon = disk.horizon;
            drop(disk);
            let node = self.life.node;
            self.world.note(format_args!("store: node {node} deletes everything up to {horizon}"));
        }
        self.end(&end, Trimmed::All).await
    }

    async fn forget_user(&self, user: UserId, in_messages: &[Offset]) -> Result<(), StoreError> {
        self.before_change().await?;
        self.world.disk().forget_user(user, in_messages);
        Ok(())
    }

    async fn tail(&self) -> Result<Offset, StoreError> {
        let end = self.call(Fault::ReadFails, None).await;
        let tail = self.world.disk().tail();
        let wrong = if self.world.plant == Some(Plant::TailTooHigh) { 3 } else { 0 };
        self.end(&end, tail.plus(wrong)).await
    }

    async fn close(&self) {}
}

#[async_trait]
impl SessionStore for SimulatedStore {
    async fn save_sessions(
        &self,
        records: &[SessionRecord],
    ) -> Result<Vec<SessionKey>, StoreError> {
        let end = self.call(Fault::SaveFails, Some(Fault::SaveAnswerLost)).await;
        let mut outdated = Vec::new();
        let lies = self.world.is_planted(Plant::SavesLost, 200);
        if !matches!(end, End::Failed) && !lies {
            let mut disk = self.world.disk();
            let unfenced = disk.is(Plant::FenceIgnored);
            for (key, record) in SessionRecord::newest(records) {
                if unfenced || record.replaces(disk.sessions.get(&key)) {
                    disk.sessions.insert(key, record.clone());
                } else {
                    outdated.push(key);
                }
            }
        }
        let (node, late) = (self.life.node, outdated.len());
        let count = records.len();
        self.world.note(format_args!("store: node {node} saves {count} sessions, {late} too late"));
        self.end(&end, outdated).await
    }

    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let end = self.call(Fault::LookupFails, None).await;
        let found = self.world.disk().sessions.get(&key).cloned();
        self.end(&end, found.filter(|record| record.expires_at > now)).await
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        let end = self.call(Fault::SaveFails, None).await;
        let mut swept = 0;
        if let End::Well = end {
            let sessions = &mut self.world.disk().sessions;
            let before = sessions.len();
            sessions.retain(|_, record| record.expires_at > now);
            swept = before - sessions.len();
        }
        self.end(&end, swept).await
    }
}

#[async_trait]
impl NicknameStore for SimulatedStore {
    async fn claim_nickname(&self, claim: &NicknameClaim) -> Result<Claimed, StoreError> {
        let end = self.call(Fault::ClaimFails, None).await;
        if let End::Failed = end {
            return self.end(&end, Claimed::Taken).await;
        }
        let claimed = self.names.claim_nickname(claim).await?;
        let (node, name, kind) = (self.life.node, &claim.nickname, claim.kind);
        self.world.note(format_args!("store: node {node} claims {name}, {kind:?}: {claimed:?}"));
        if let Claimed::Yes(user) = claimed {
            self.world.disk().users.insert(claim.nickname.as_str().to_owned(), user);
        }
        self.end(&end, claimed).await
    }

    async fn find_nickname(
        &self,
        key: &NicknameKey,
    ) -> Result<Option<(UserId, Nickname)>, StoreError> {
        let end = self.call(Fault::ClaimFails, None).await;
        let found = self.names.find_nickname(key).await?;
        self.end(&end, found).await
    }

    async fn nicknames_of(&self, users: &[UserId]) -> Result<Vec<(UserId, Nickname)>, StoreError> {
        let end = self.call(Fault::ClaimFails, None).await;
        let found = self.names.nicknames_of(users).await?;
        self.end(&end, found).await
    }

    async fn sweep_nicknames(
        &self,
        _: Timestamp,
        _: Option<&NicknameKey>,
    ) -> Result<Option<NicknameKey>, StoreError> {
        self.life.go_on().await;
        sleep(Duration::ZERO).await;
        Ok(None)
    }
}

#[async_trait]
impl UserStore for SimulatedStore {
    async fn find_credential(
        &self,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<Credential, StoreError> {
        let end = self.call(Fault::ClaimFails, None).await;
        let found = self.names.find_credential(key, now).await?;
        self.end(&end, found).await
    }

    async fn keep_credential(
        &self,
        new: &NewCredential,
        owner: CredentialOwner,
    ) -> Result<(), StoreError> {
        let end = self.call(Fault::ClaimFails, None).await;
        if !matches!(end, End::Failed) {
            self.names.keep_credential(new, owner).await?;
        }
        self.end(&end, ()).await
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        self.names.devices(user).await
    }

    async fn revoke_credential(
        &self,
        user: UserId,
        key: CredentialKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.names.revoke_credential(user, key, now).await
    }

    async fn erase_user(&self, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        self.names.erase_user(user, now).await
    }

    async fn keep_code(&self, code: &DeviceCode, max: usize) -> Result<bool, StoreError> {
        self.names.keep_code(code, max).await
    }

    async fn redeem_code(
        &self,
        code: DeviceCodeKey,
        new: &NewCredential,
        max: usize,
    ) -> Result<Option<(CredentialOwner, Nickname)>, StoreError> {
        self.names.redeem_code(code, new, max).await
    }
}

#[async_trait]
impl RoomStoreWrapper for SimulatedStore {
    fn rooms(&self) -> &dyn RoomStore {
        &*self.names
    }

    async fn before_change(&self) -> Result<(), StoreError> {
        let end = self.call(Fault::ClaimFails, None).await;
        self.end(&end, ()).await
    }

    async fn after_change(&self) -> Result<(), StoreError> {
        look(&self.world, &self.names).await;
        let lost = self.world.happens(Fault::ClaimFails);
        self.end(&if lost { End::AnswerLost } else { End::Well }, ()).await
    }

    async fn before_read(&self) -> Result<(), StoreError> {
        let end = self.call(Fault::LookupFails, None).await;
        self.end(&end, ()).await
    }
}

#[async_trait]
impl ReadPositionStore for SimulatedStore {
    async fn note_read(&self, positions: &[ReadPosition]) -> Result<(), StoreError> {
        self.before_change().await?;
        self.names.note_read(positions).await
    }

    async fn forget_reader(&self, user: UserId) -> Result<(), StoreError> {
        self.before_change().await?;
        self.names.forget_reader(user).await
    }

    async fn read_positions(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<ReadPosition>, StoreError> {
        self.before_read().await?;
        self.names.read_positions(user, limit).await
    }

    async fn readers_of(
        &self,
        feed: &Feed,
        limit: usize,
    ) -> Result<Vec<(UserId, Offset)>, StoreError> {
        self.before_read().await?;
        self.names.readers_of(feed, limit).await
    }
}

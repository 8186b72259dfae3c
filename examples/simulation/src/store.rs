use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::{
    AuthorId, Content, Epoch, Feed, Kind, Message, NewMessage, Nickname, NicknameKey, Offset,
    Timestamp, UserId,
};
use chat_store::{
    Appended, Claimed, Credential, CredentialKey, CredentialOwner, Device, DeviceCode,
    DeviceCodeKey, MemoryStore, MessageStore, NewCredential, NicknameClaim, NicknameStore, Page,
    PageBuilder, Plan, Reactions, ReadPosition, ReadPositionStore, RoomStore, RoomStoreWrapper,
    SessionKey, SessionRecord, SessionStore, StoreError, Target, UserStore,
};
use tokio::time::{Instant, sleep};

use crate::faults::Fault;
use crate::plants::Plant;
use crate::rules::{GRACE, look};
use crate::world::{Life, World};

/// What all nodes store, and what no crash takes away.
pub(crate) struct Disk {
    plant: Option<Plant>,
    pub(crate) epoch: Epoch,
    pub(crate) log: Vec<Message>,
    /// When messages were stored and by which node, by their offsets.
    stored_at: BTreeMap<u64, (Instant, usize)>,
    by_key: HashMap<String, Offset>,
    /// What messages have said before they were changed, and by what, by their offsets.
    before: BTreeMap<u64, Vec<(String, Change)>>,
    /// The greatest offsets that each node has delivered, and since when.
    delivered: BTreeMap<usize, Vec<(u64, Instant)>>,
    /// The deletions of messages.
    deletions: HashMap<Offset, Offset>,
    sessions: BTreeMap<SessionKey, SessionRecord>,
    /// Users by the keys of their names.
    pub(crate) users: BTreeMap<String, UserId>,
    /// The most messages in a page.
    page: usize,
    /// The store does not work until then.
    pub(crate) outage: bool,
    /// How many of the last messages would not survive a crash.
    unsynced: usize,
}

/// An edit or a deletion.
#[derive(Debug, Clone, Copy)]
struct Change {
    offset: u64,
    at: Instant,
}

impl Disk {
    pub(crate) fn new(plant: Option<Plant>, page: usize) -> Self {
        Self {
            plant,
            epoch: Epoch::from_random(*b"simulate"),
            log: Vec::new(),
            stored_at: BTreeMap::new(),
            by_key: HashMap::new(),
            before: BTreeMap::new(),
            delivered: BTreeMap::new(),
            deletions: HashMap::new(),
            sessions: BTreeMap::new(),
            users: BTreeMap::new(),
            page,
            outage: false,
            unsynced: 0,
        }
    }

    fn is(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    pub(crate) fn at(&self, offset: u64) -> Option<&Message> {
        let found = self.log.binary_search_by_key(&offset, |message| message.offset.as_u64());
        found.ok().and_then(|index| self.log.get(index))
    }

    /// Returns what a message said at first.
    pub(crate) fn original<'a>(&'a self, message: &'a Message) -> &'a str {
        let before = self.before.get(&message.offset.as_u64()).and_then(|before| before.first());
        before.map_or(message.content.as_str(), |(content, _)| content)
    }

    /// Returns whether a message says this, or has said it, and a client that has connected to a node at a time may not have
    /// known better: its node did not, as far as one can tell.
    pub(crate) fn says(
        &self,
        message: &Message,
        content: &str,
        connected: Option<(usize, Instant)>,
    ) -> bool {
        let before = self.before.get(&message.offset.as_u64()).map_or(&[][..], Vec::as_slice);
        let is_known = |change: &Change| {
            connected.is_some_and(|(node, at)| {
                change.at + GRACE < at || self.had_delivered(node, change.offset, at)
            })
        };
        let mut before = before.iter().filter(|(_, change)| !is_known(change));
        message.content.as_str() == content || before.any(|(said, _)| said == content)
    }

    /// Notes that a node has delivered a message.
    pub(crate) fn delivers(&mut self, node: usize, offset: u64) {
        let delivered = self.delivered.entry(node).or_default();
        if delivered.last().is_none_or(|(last, _)| *last < offset) {
            delivered.push((offset, Instant::now()));
        }
    }

    /// Returns whether a node had delivered a message, or a later one, before a time.
    fn had_delivered(&self, node: usize, offset: u64, before: Instant) -> bool {
        let delivered = self.delivered.get(&node).map_or(&[][..], Vec::as_slice);
        delivered.iter().any(|(last, at)| *last >= offset && *at < before)
    }

    /// Replaces the content of a message, as an edit or a deletion does.
    fn replace(&mut self, of: Offset, by: Offset, content: &Content) {
        let change = Change { offset: by.as_u64(), at: Instant::now() };
        let is_changed = |message: &Message| {
            message.offset == of || message.kind == Kind::Edit(of) && message.offset < by
        };
        for message in self.log.iter_mut().filter(|message| is_changed(message)) {
            let content = if message.offset == of { content.clone() } else { Content::default() };
            if message.is_deleted() {
                continue;
            }
            let said = (message.content.as_str().to_owned(), change);
            self.before.entry(message.offset.as_u64()).or_default().push(said);
            message.change_content(content);
        }
        if content.as_str().is_empty() {
            self.deletions.insert(of, by);
        }
    }

    /// Returns when a message was stored, and by which node.
    pub(crate) fn stored_at(&self, offset: u64) -> Option<(Instant, usize)> {
        self.stored_at.get(&offset).copied()
    }

    pub(crate) fn tail(&self) -> Offset {
        self.log.last().map_or(Offset::ZERO, |message| message.offset)
    }

    /// The messages after an offset.
    pub(crate) fn after(&self, offset: u64) -> &[Message] {
        let first = self.log.partition_point(|message| message.offset.as_u64() <= offset);
        self.log.get(first..).unwrap_or_default()
    }

    fn append(&mut self, batch: &[NewMessage], most: usize, node: usize) -> Vec<Appended> {
        let anyones = |text: &str| text.rsplit(':').next().unwrap_or_default().to_owned();
        let stored = |text: &str| {
            let offset = match self.plant {
                Some(Plant::KeysForgotten) => None,
                Some(Plant::KeyOfAnyone) => self.by_key.get(&anyones(text)),
                _ => self.by_key.get(text),
            };
            self.at(offset?.as_u64())
        };
        let target = |of: Offset| {
            let deletion = self.deletions.get(&of).copied();
            Some(Target { message: self.at(of.as_u64())?, deletion })
        };
        let plan = Plan::with_targets(batch, stored, target);
        let replaced: Vec<_> =
            plan.replaced().map(|(of, number, content)| (of, number, content.clone())).collect();
        let first = self.tail().plus(if self.is(Plant::NotDense) { 2 } else { 1 });
        let new: Vec<_> = plan
            .new_messages()
            .take(most)
            .map(|(new, text)| (new.clone(), text.map(str::to_owned)))
            .collect();
        let mut outcome = plan.outcome(first);
        for ((new, text), step) in new.into_iter().zip(0..) {
            let offset = first.plus(step);
            let text =
                text.map(|text| if self.is(Plant::KeyOfAnyone) { anyones(&text) } else { text });
            self.by_key.extend(text.map(|text| (text, offset)));
            self.log.push(Message::from_new(offset, new));
            self.stored_at.insert(offset.as_u64(), (Instant::now(), node));
            self.unsynced = (self.unsynced + 1).min(2);
        }
        for (of, number, content) in replaced.into_iter().filter(|(_, number, _)| *number < most) {
            self.replace(of, first.plus(number as u64), &content);
        }
        for appended in &mut outcome {
            *appended = match *appended {
                Appended::Conflict(offset) if self.is(Plant::ConflictSwallowed) => {
                    Appended::Duplicate(offset)
                }
                Appended::Duplicate(_) if self.is(Plant::RetryGetsNewOffset) => {
                    Appended::Duplicate(self.tail())
                }
                appended => appended,
            };
        }
        outcome
    }

    /// A node has crashed.
    pub(crate) fn crash(&mut self) {
        if self.is(Plant::LostByCrash) {
            let kept = self.log.len().saturating_sub(self.unsynced);
            for lost in self.log.drain(kept..) {
                self.by_key.retain(|_, offset| *offset != lost.offset);
            }
        }
    }
}

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
        let appended = self.world.disk().append(batch, if early { 0 } else { usize::MAX }, node);
        self.world.note(format_args!("store: node {node} appends {appended:?}"));
        self.end(&end, appended).await
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
            let messages = disk.after(after.as_u64());
            let messages = &messages[..messages.len().saturating_sub(stale)];
            let wanted = |message: &&Message| {
                feeds.is_none_or(|feeds| feeds.iter().any(|feed| feed.contains(&message.audience)))
            };
            let mut messages = messages.iter().filter(wanted);
            while messages.next().is_some_and(|message| page.push(message.clone())) {}
            page.build()
        };
        if hole && page.messages.len() > 1 {
            page.messages.remove(0);
        }
        if self.world.plant == Some(Plant::ClaimsNoMore) {
            page.more = false;
        }
        self.end(&end, page).await
    }

    /// Nobody reacts.
    async fn reactions(
        &self,
        _: &[Offset],
        _: Option<AuthorId>,
    ) -> Result<Vec<Reactions>, StoreError> {
        let end = self.call(Fault::ReadFails, None).await;
        self.end(&end, Vec::new()).await
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
                message.offset.as_u64() < before && feed.contains(&message.audience)
            };
            let mut messages = disk.log.iter().rev().filter(wanted);
            while messages.next().is_some_and(|message| page.push(message.clone())) {}
            page.build_reversed()
        };
        self.end(&end, page).await
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

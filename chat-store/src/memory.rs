mod access;
mod credentials;
mod index;
mod read_positions;
mod rooms;
mod search;
mod users;

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::hash::BuildHasher;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chat_core::{
    Audience, Author, AuthorId, Content, Epoch, Feed, Kind, Message, NewMessage, Nickname,
    NicknameKey, NicknameSkeleton, Offset, RoomId, Timestamp, UserId,
};

use self::access::Access;
use self::credentials::Users;
use self::index::Index;
use crate::nickname::{MAX_NAMED_USERS, MAX_SWEPT_NICKNAMES};
use crate::reactions::Given;
use crate::{
    Appended, Claimed, MessageStore, NicknameClaim, NicknameStore, OwnerKey, Page, PageBuilder,
    Plan, Reactions, SearchIndex, SessionKey, SessionRecord, SessionStore, StoreError, Target,
    Trim, Trimmed,
};

/// A log, sessions, users with their nicknames, rooms and read positions that live as long as the process: for tests and
/// experiments, and as the shortest example of a [`MessageStore`], a [`SessionStore`], a [`NicknameStore`], a
/// [`UserStore`](crate::UserStore), a [`RoomStore`](crate::RoomStore) and a
/// [`ReadPositionStore`](crate::ReadPositionStore).
///
/// Not durable: everything is lost with the process. The rest of the contract holds.
pub struct MemoryStore {
    epoch: Epoch,
    // Held briefly and never across an await, so that every call happens at once or not at all.
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    log: Log,
    sessions: HashMap<SessionKey, SessionRecord>,
    /// What is [kept](NicknameClaim::granted) of the last claim to each nickname.
    nicknames: BTreeMap<NicknameKey, NicknameClaim>,
    /// Nicknames by skeleton.
    looks: HashMap<NicknameSkeleton, HashSet<NicknameKey>>,
    users: Users,
    access: Access,
    /// How far users have read feeds, by the texts of the feeds.
    read_positions: BTreeMap<(UserId, String), Offset>,
    index: Index,
    closed: bool,
}

/// The message at index `i` has offset `forgotten + i + 1`.
#[derive(Default)]
struct Log {
    messages: Vec<Message>,
    /// The last message of which even the key is forgotten.
    forgotten: Offset,
    /// The last message that was deleted from the beginning.
    horizon: Offset,
    /// Keyed by the texts under which keys are kept.
    by_key: HashMap<String, Offset>,
    /// The deletions of deleted messages.
    deletions: HashMap<Offset, Offset>,
    reactions: Given,
}

impl MemoryStore {
    /// Creates an empty log with a new epoch, and nothing else.
    pub fn new() -> Self {
        // The standard library seeds its hashers from the operating system's random numbers.
        let random = RandomState::new().hash_one(());
        Self { epoch: Epoch::from_random(random.to_be_bytes()), contents: Mutex::default() }
    }

    fn contents(&self) -> Result<MutexGuard<'_, Contents>, StoreError> {
        // No call leaves them half changed, so a panic elsewhere does not corrupt them.
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if contents.closed { Err(StoreError::Closed) } else { Ok(contents) }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

#[async_trait]
impl MessageStore for MemoryStore {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        let mut contents = self.contents()?;
        Ok(contents.log.append(batch))
    }

    async fn read_after(
        &self,
        feeds: Option<&[Feed]>,
        after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError> {
        Ok(self.contents()?.log.read_after(feeds, after, limit))
    }

    async fn read_before(
        &self,
        feed: &Feed,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        Ok(self.contents()?.log.read_before(feed, before, limit))
    }

    async fn tail(&self) -> Result<Offset, StoreError> {
        Ok(self.contents()?.log.tail())
    }

    async fn horizon(&self) -> Result<Offset, StoreError> {
        Ok(self.contents()?.log.horizon)
    }

    async fn trim(&self, trim: &Trim) -> Result<Trimmed, StoreError> {
        self.contents()?.log.trim(trim);
        Ok(Trimmed::All)
    }

    async fn forget_user(&self, user: UserId, in_messages: &[Offset]) -> Result<(), StoreError> {
        let mut contents = self.contents()?;
        let concerned = contents.log.messages.iter_mut();
        let concerned = concerned.filter(|message| in_messages.contains(&message.offset));
        concerned.for_each(|message| message.forget_user(user));
        Ok(())
    }

    async fn room_names(
        &self,
        after: Option<&RoomId>,
        limit: usize,
    ) -> Result<Vec<RoomId>, StoreError> {
        let contents = self.contents()?;
        let messages = contents.log.after(Offset::ZERO).iter();
        let rooms = messages.filter_map(|message| message.audience.room());
        let names: BTreeSet<_> =
            rooms.filter(|room| after.is_none_or(|after| *room > after)).collect();
        Ok(names.into_iter().take(limit).cloned().collect())
    }

    async fn count_after(&self, feed: &Feed, after: Offset, max: u64) -> Result<u64, StoreError> {
        let contents = self.contents()?;
        let later = contents.log.after(after).iter();
        let counted =
            |message: &&Message| feed.contains(&message.audience) && message.is_still_said();
        let count = later.filter(counted).count() as u64;
        Ok(count.min(max))
    }

    async fn reactions(
        &self,
        of: &[Offset],
        author: Option<AuthorId>,
    ) -> Result<Vec<Reactions>, StoreError> {
        Ok(self.contents()?.log.reactions.of(of, author))
    }

    async fn try_commit(&self) -> Result<bool, StoreError> {
        self.contents().map(|_| true)
    }

    fn search_index(self: Arc<Self>) -> Option<Arc<dyn SearchIndex>> {
        Some(self)
    }

    async fn close(&self) {
        if let Ok(mut contents) = self.contents() {
            contents.closed = true;
        }
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn save_sessions(
        &self,
        records: &[SessionRecord],
    ) -> Result<Vec<SessionKey>, StoreError> {
        let mut contents = self.contents()?;
        let mut outdated = Vec::new();
        for (key, record) in SessionRecord::newest(records) {
            if record.replaces(contents.sessions.get(&key)) {
                contents.sessions.insert(key, record.clone());
            } else {
                outdated.push(key);
            }
        }
        Ok(outdated)
    }

    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let contents = self.contents()?;
        Ok(contents.sessions.get(&key).filter(|record| record.expires_at > now).cloned())
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut contents = self.contents()?;
        let before = contents.sessions.len();
        // All at once: checking each one takes longer than deleting it.
        contents.sessions.retain(|_, record| record.expires_at > now);
        Ok(before - contents.sessions.len())
    }
}

#[async_trait]
impl NicknameStore for MemoryStore {
    async fn claim_nickname(&self, claim: &NicknameClaim) -> Result<Claimed, StoreError> {
        let mut contents = self.contents()?;
        let key = claim.nickname.key();
        let claimed = claim.decide(contents.nicknames.get(&key), || contents.is_imitation(claim));
        if let Claimed::Yes(user) = claimed {
            let granted = claim.granted(contents.nicknames.get(&key), user);
            contents.forget(&key);
            contents.looks.entry(claim.nickname.skeleton()).or_default().insert(key.clone());
            contents.nicknames.insert(key, granted);
        }
        Ok(claimed)
    }

    async fn nicknames_of(&self, users: &[UserId]) -> Result<Vec<(UserId, Nickname)>, StoreError> {
        let contents = self.contents()?;
        let users: HashSet<_> = users.iter().take(MAX_NAMED_USERS).copied().collect();
        let mut current: HashMap<UserId, &NicknameClaim> = HashMap::new();
        for claim in contents.nicknames.values().filter(|claim| users.contains(&claim.user)) {
            let known = current.entry(claim.user).or_insert(claim);
            if (claim.now, claim.expires_at) > (known.now, known.expires_at) {
                *known = claim;
            }
        }
        Ok(current.into_iter().map(|(user, claim)| (user, claim.nickname.clone())).collect())
    }

    async fn find_nickname(
        &self,
        key: &NicknameKey,
    ) -> Result<Option<(UserId, Nickname)>, StoreError> {
        let contents = self.contents()?;
        let held = contents.nicknames.get(key).filter(|claim| claim.owner != OwnerKey::NOBODY);
        Ok(held.map(|claim| (claim.user, claim.nickname.clone())))
    }

    async fn sweep_nicknames(
        &self,
        now: Timestamp,
        after: Option<&NicknameKey>,
    ) -> Result<Option<NicknameKey>, StoreError> {
        let mut contents = self.contents()?;
        let from = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let looked_at: Vec<_> =
            contents.nicknames.range::<NicknameKey, _>(from).take(MAX_SWEPT_NICKNAMES).collect();
        let last = looked_at.last().map(|(key, _)| NicknameKey::clone(key));
        let expired = looked_at.into_iter().filter(|(_, claim)| {
            claim.expires_at <= now && !contents.log.has_private_messages(claim.user)
        });
        for key in expired.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            contents.forget(&key);
        }
        Ok(last)
    }
}

impl Contents {
    /// Returns whether another owner has a nickname that looks like this one.
    fn is_imitation(&self, claim: &NicknameClaim) -> bool {
        let alike = self.looks.get(&claim.nickname.skeleton()).into_iter().flatten();
        let mut alike = alike.filter_map(|key| self.nicknames.get(key));
        alike.any(|other| other.owner != claim.owner && other.expires_at > claim.now)
    }

    fn forget(&mut self, key: &NicknameKey) {
        let Some(claim) = self.nicknames.remove(key) else { return };
        let look = claim.nickname.skeleton();
        let alike = self.looks.entry(look.clone()).or_default();
        alike.remove(key);
        if alike.is_empty() {
            self.looks.remove(&look);
        }
    }
}

impl Log {
    fn has_private_messages(&self, user: UserId) -> bool {
        self.messages.iter().any(|message| match message.audience {
            Audience::Room(_) => false,
            Audience::Private { from, to, .. } => user == from || user == to,
        })
    }

    fn tail(&self) -> Offset {
        self.messages.last().map_or(self.forgotten, |message| message.offset)
    }

    fn append(&mut self, batch: &[NewMessage]) -> Vec<Appended> {
        let stored = |text: &str| self.kept(*self.by_key.get(text)?);
        let target = |of: Offset| {
            let message = self.kept(of).filter(|_| of > self.horizon)?;
            let deletion = self.deletions.get(&of).copied();
            Some(Target { message, deletion })
        };
        let plan = Plan::with_targets(batch, stored, target);
        let first = self.tail().next();
        for ((new, text), step) in plan.new_messages().zip(0..) {
            let offset = first.plus(step);
            self.by_key.extend(text.map(|text| (text.to_owned(), offset)));
            let message = Message::from_new(offset, new.clone());
            // What the user gave before it had a name.
            if let (Kind::Reaction { to, .. }, Some(session)) =
                (&new.kind, new.author.and_then(Author::earlier))
            {
                self.reactions.take_back(*to, new.content.as_str(), Some(session));
            }
            self.reactions.note(&message);
            self.messages.push(message);
        }
        for (of, number, content) in plan.replaced() {
            self.replace(of, first.plus(number as u64), content);
        }
        plan.outcome(first)
    }

    /// Replaces the content of the message at `of`, and removes those of its edits before `by`.
    fn replace(&mut self, of: Offset, by: Offset, content: &Content) {
        let is_earlier = |edit: &Message| edit.kind == Kind::Edit(of) && edit.offset < by;
        for edit in self.messages.iter_mut().filter(|message| is_earlier(message)) {
            edit.change_content(Content::default());
        }
        if let Some(message) = self.messages.iter_mut().find(|message| message.offset == of) {
            message.change_content(content.clone());
            if message.is_deleted() {
                self.deletions.insert(of, by);
            }
        }
    }

    fn trim(&mut self, trim: &Trim) {
        let upto = trim.upto.min(self.tail()).max(self.horizon);
        let (from, end) = (self.index(self.horizon), self.index(upto));
        for message in &mut self.messages[from..end] {
            message.change_content(Content::default());
            message.from = None;
            self.reactions.forget(message.offset);
            self.deletions.remove(&message.offset);
        }
        self.horizon = upto;
        let is_old = |message: &Message| message.at.is_none_or(|at| at < trim.forget_keys_before);
        let old = self.messages[..end].iter().take_while(|message| is_old(message)).count();
        self.messages.drain(..old);
        self.forgotten = self.forgotten.plus(old as u64);
        self.by_key.retain(|_, offset| *offset > self.forgotten);
    }

    /// Returns the message at an offset, which may be below the horizon.
    fn kept(&self, offset: Offset) -> Option<&Message> {
        let messages = self.messages.get(self.index(offset.previous())..)?;
        messages.first().filter(|message| message.offset == offset)
    }

    /// Returns how many of the messages are at and before an offset.
    fn index(&self, offset: Offset) -> usize {
        let count = offset.as_u64().saturating_sub(self.forgotten.as_u64());
        usize::try_from(count).unwrap_or(usize::MAX).min(self.messages.len())
    }

    fn after(&self, offset: Offset) -> &[Message] {
        &self.messages[self.index(offset.max(self.horizon))..]
    }

    fn read_after(&self, feeds: Option<&[Feed]>, after: Offset, limit: usize) -> Page {
        let wanted = |message: &&Message| {
            feeds.is_none_or(|feeds| feeds.iter().any(|feed| feed.contains(&message.audience)))
        };
        let page = page(self.after(after).iter().filter(wanted), limit).build();
        page.with_horizon(self.horizon)
    }

    fn read_before(&self, feed: &Feed, before: Option<Offset>, limit: usize) -> Page {
        let from = self.index(self.horizon);
        let end = before.map_or(self.messages.len(), |before| self.index(before.previous()));
        let wanted = |message: &&Message| feed.contains(&message.audience);
        let messages = self.messages[from.min(end)..end].iter().rev().filter(wanted);
        page(messages, limit).build_reversed().with_horizon(self.horizon)
    }
}

/// Returns the first of these messages, up to the size of a page.
fn page<'a>(mut messages: impl Iterator<Item = &'a Message>, limit: usize) -> PageBuilder {
    let mut page = PageBuilder::new(limit);
    while messages.next().is_some_and(|message| page.push(message.clone())) {}
    page
}

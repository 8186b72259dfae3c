mod users;

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use async_trait::async_trait;
use chat_core::{Epoch, Feed, NewMessage, Nickname, NicknameKey, Offset, Timestamp, UserId};
use chat_store::{
    Appended, Claimed, MemoryStore, MessageStore, NicknameClaim, NicknameStore, OwnerKey, Page,
    PageBuilder, Plan, ReadPosition, ReadPositionStore, RoomStore, RoomStoreWrapper, SessionKey,
    SessionRecord, SessionStore, StoreError, Target, Trim, Trimmed,
};
use tokio::sync::oneshot;

use crate::journal::Journal;

/// How many sessions a sweep deletes at the most.
const MAX_SWEPT: usize = 10_000;

/// A log, sessions, and users with their nicknames in one file, to which lines of JSON are only ever appended.
///
/// A thread of its own has the file, and carries out the calls one after the other, in the order in which they were
/// made: so a call that is dropped has happened before every later one, or not at all. Each batch is synced to the
/// disk before it is answered.
///
/// What is deleted stays in the file, because nothing in it is ever overwritten: only nobody gets it any more.
///
/// It is small rather than fast: readers wait while a batch is written, the file never shrinks, and opening reads
/// it from beginning to end. One process has it at a time.
///
/// It does not write down which rooms are kept, who may do what there, and how far users have read: that ends with the
/// process.
pub struct JournalStore {
    epoch: Epoch,
    calls: mpsc::Sender<Call>,
    rooms: MemoryStore,
}

enum Call {
    Do(Box<dyn FnOnce(&mut Journal) + Send>),
    Close,
}

impl JournalStore {
    /// Opens the file, or makes an empty one. It blocks while the file is read.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::Corrupt`] when it is no such file or is
    /// damaged, else [`StoreError::Open`]. The file is left as it is.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let mut journal = Journal::open(path.as_ref())?;
        let epoch = journal.epoch().clone();
        let (calls, waiting) = mpsc::channel();
        thread::spawn(move || {
            // It ends when the store is dropped, too.
            while let Ok(Call::Do(call)) = waiting.recv() {
                call(&mut journal);
            }
            // The file is closed, and unlocked, before those are told whose calls came too late.
            drop(journal);
            drop(waiting);
        });
        Ok(Self { epoch, calls, rooms: MemoryStore::new() })
    }

    /// Has the thread carry out `call`.
    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Journal) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let call = Call::Do(Box::new(move |journal| {
            // Nobody may wait for it any more.
            let _ = answer.send(call(journal));
        }));
        self.calls.send(call).map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }
}

#[async_trait]
impl MessageStore for JournalStore {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        let batch = batch.to_vec();
        self.call(move |journal| append(journal, &batch)).await
    }

    async fn read_after(
        &self,
        feeds: Option<&[Feed]>,
        after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let feeds = feeds.map(<[Feed]>::to_vec);
        self.call(move |journal| {
            let page = PageBuilder::new(limit);
            let horizon = journal.index.horizon();
            let after = after.max(horizon);
            let offsets = journal.index.after(feeds.as_deref(), after, page.wanted());
            Ok(fill(page, journal, &offsets)?.build().with_horizon(horizon))
        })
        .await
    }

    async fn read_before(
        &self,
        feed: &Feed,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let feed = feed.clone();
        self.call(move |journal| {
            let page = PageBuilder::new(limit);
            let offsets = journal.index.before(&feed, before, page.wanted());
            let horizon = journal.index.horizon();
            Ok(fill(page, journal, &offsets)?.build_reversed().with_horizon(horizon))
        })
        .await
    }

    async fn horizon(&self) -> Result<Offset, StoreError> {
        self.call(|journal| Ok(journal.index.horizon())).await
    }

    /// All at once, and every key stays: the file never shrinks.
    async fn trim(&self, trim: &Trim) -> Result<Trimmed, StoreError> {
        let upto = trim.upto;
        self.call(move |journal| {
            journal.trim(upto)?;
            Ok(Trimmed::All)
        })
        .await
    }

    async fn forget_user(&self, user: UserId, in_messages: &[Offset]) -> Result<(), StoreError> {
        let of = in_messages.to_vec();
        self.call(move |journal| journal.forget_user(user, &of)).await
    }

    async fn tail(&self) -> Result<Offset, StoreError> {
        self.call(|journal| Ok(journal.index.tail())).await
    }

    async fn close(&self) {
        self.rooms.close().await;
        let (closed, waiting) = oneshot::channel::<()>();
        // It comes too late on purpose: when it is dropped, the file is closed.
        let last = Call::Do(Box::new(move |_| drop(closed)));
        if self.calls.send(Call::Close).is_ok() && self.calls.send(last).is_ok() {
            waiting.await.ok();
        }
    }
}

#[async_trait]
impl SessionStore for JournalStore {
    async fn save_sessions(
        &self,
        records: &[SessionRecord],
    ) -> Result<Vec<SessionKey>, StoreError> {
        let records: Vec<_> = SessionRecord::newest(records).into_values().cloned().collect();
        self.call(move |journal| {
            let (newer, outdated): (Vec<_>, Vec<_>) = records
                .into_iter()
                .partition(|record| record.replaces(journal.index.sessions.get(&record.key)));
            journal.save(newer)?;
            Ok(outdated.into_iter().map(|record| record.key).collect())
        })
        .await
    }

    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        self.call(move |journal| {
            let record = journal.index.sessions.get(&key);
            Ok(record.filter(|record| record.expires_at > now).cloned())
        })
        .await
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.call(move |journal| {
            let expired = journal.index.sessions.values().filter(|record| record.expires_at <= now);
            let keys: Vec<_> = expired.take(MAX_SWEPT).map(|record| record.key).collect();
            let count = keys.len();
            journal.sweep(keys)?;
            Ok(count)
        })
        .await
    }
}

#[async_trait]
impl NicknameStore for JournalStore {
    async fn claim_nickname(&self, claim: &NicknameClaim) -> Result<Claimed, StoreError> {
        let claim = claim.clone();
        self.call(move |journal| {
            let held = journal.holder(&claim.nickname.key());
            let claimed = claim.decide(held, || journal.index.has_imitated(&claim));
            if let Claimed::Yes(user) = claimed {
                let granted = claim.granted(held, user);
                journal.claim(granted)?;
            }
            Ok(claimed)
        })
        .await
    }

    async fn find_nickname(
        &self,
        key: &NicknameKey,
    ) -> Result<Option<(UserId, Nickname)>, StoreError> {
        let key = key.clone();
        self.call(move |journal| {
            let held = journal.holder(&key).filter(|claim| claim.owner != OwnerKey::NOBODY);
            Ok(held.map(|claim| (claim.user, claim.nickname.clone())))
        })
        .await
    }

    async fn nicknames_of(&self, users: &[UserId]) -> Result<Vec<(UserId, Nickname)>, StoreError> {
        let users = users.to_vec();
        self.call(move |journal| Ok(journal.index.current_names(&users))).await
    }

    async fn sweep_nicknames(
        &self,
        now: Timestamp,
        after: Option<&NicknameKey>,
    ) -> Result<Option<NicknameKey>, StoreError> {
        let after = after.cloned();
        self.call(move |journal| {
            let (last, expired) = journal.index.expired_names(now, after.as_ref(), MAX_SWEPT);
            journal.free(expired)?;
            Ok(last)
        })
        .await
    }
}

impl RoomStoreWrapper for JournalStore {
    fn rooms(&self) -> &dyn RoomStore {
        &self.rooms
    }
}

#[async_trait]
impl ReadPositionStore for JournalStore {
    async fn note_read(&self, positions: &[ReadPosition]) -> Result<(), StoreError> {
        self.rooms.note_read(positions).await
    }

    async fn forget_reader(&self, user: UserId) -> Result<(), StoreError> {
        self.rooms.forget_reader(user).await
    }

    async fn read_positions(
        &self,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<ReadPosition>, StoreError> {
        self.rooms.read_positions(user, limit).await
    }

    async fn readers_of(
        &self,
        feed: &Feed,
        limit: usize,
    ) -> Result<Vec<(UserId, Offset)>, StoreError> {
        self.rooms.readers_of(feed, limit).await
    }
}

/// Stores what is new of a batch, and says what became of each.
fn append(journal: &mut Journal, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
    let mut known = HashMap::new();
    for text in batch.iter().flat_map(Plan::kept_texts) {
        if let Some(offset) = journal.index.known(&text) {
            known.insert(text, journal.message(offset)?);
        }
    }
    let mut targets = HashMap::new();
    let (horizon, tail) = (journal.index.horizon(), journal.index.tail());
    for of in Plan::depended_on(batch).filter(|of| *of > horizon && *of <= tail) {
        targets.insert(of, (journal.message(of)?, journal.index.deletion(of)));
    }
    let target = |of: Offset| {
        let (message, deletion) = targets.get(&of)?;
        Some(Target { message, deletion: *deletion })
    };
    let plan = Plan::with_targets(batch, |text| known.get(text), target);
    let first = journal.index.tail().next();
    journal.append(&plan)?;
    Ok(plan.outcome(first))
}

/// Adds the messages at these offsets, as far as the page takes them.
fn fill(
    mut page: PageBuilder,
    journal: &mut Journal,
    offsets: &[Offset],
) -> Result<PageBuilder, StoreError> {
    for &offset in offsets {
        if !page.push_with(|| journal.message(offset))? {
            break;
        }
    }
    Ok(page)
}

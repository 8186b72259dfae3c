use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chat_core::{Content, Feed, Kind, Message, Offset, UserId};
use tokio::sync::watch;

use super::Entry;
use super::feeds::Feeds;
use super::reader::{FeedNumber, Reader};
use crate::engine::planted::{self, Bug};

/// The newest messages of the log, kept in memory for readers that are up to date, and the readers to wake for new
/// ones.
///
/// ```text
///   the log     … 94 95 96 97 98 99           a feed per room and user:
///                       ▲        ▲              general  96 98
///            floor = 95 ┘        └ tail = 99    rust     97
///                                               Ada      99
///                                               Grace    99
/// ```
///
/// Everything in `(floor, tail]` is here. A feed may reach back further than the floor: a quiet room keeps its
/// messages while others are busy. So its readers never have to ask the store.
pub(crate) struct Recent {
    state: RwLock<State>,
    /// Maximum memory for messages, in bytes.
    budget: usize,
    /// The last offset, for those who wait for any message.
    grown: watch::Sender<Offset>,
}

struct State {
    tail: Offset,
    floor: Offset,
    /// The beginning of the log was deleted up to here.
    horizon: Offset,
    /// All entries, oldest first, with the feeds that they are in; used for dropping the oldest ones.
    entries: VecDeque<(Arc<Entry>, InFeeds)>,
    footprint: usize,
    feeds: Feeds,
    /// The last edits that are here, by what they edit: only these have a content.
    edits: HashMap<Offset, Offset>,
    /// The users who are erased, and up to where they were removed from the messages that are here.
    erased: HashMap<UserId, Offset>,
}

/// A room, or the two users of a private message.
type InFeeds = [Option<FeedNumber>; 2];

/// The result of offering messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// They were added, or were there before.
    Applied,
    /// They do not follow the existing messages: some in between are missing. They were not added.
    Gap,
}

/// What is known about the messages after a cursor.
#[derive(Debug)]
pub(crate) enum Read {
    /// These are the next ones, and there are no others up to `upto`. The log ends at `tail`.
    Covered { entries: Vec<Arc<Entry>>, upto: Offset, tail: Offset },
    /// Some are no longer in memory. Ask the store.
    TooOld,
}

impl Recent {
    /// Creates a cache that knows nothing up to `floor`, and of no messages after it.
    pub(crate) fn new(floor: Offset, budget: usize) -> Self {
        let state = State {
            tail: floor,
            floor,
            horizon: Offset::ZERO,
            entries: VecDeque::new(),
            footprint: 0,
            feeds: Feeds::default(),
            edits: HashMap::new(),
            erased: HashMap::new(),
        };
        Self { state: RwLock::new(state), budget, grown: watch::Sender::new(floor) }
    }

    pub(crate) fn tail(&self) -> Offset {
        self.read().tail
    }

    /// Returns the bytes of memory that the messages take, and how many they may.
    pub(crate) fn memory(&self) -> (usize, usize) {
        (self.read().footprint, self.budget)
    }

    /// Returns the message at an offset, if it is here.
    pub(crate) fn at(&self, offset: Offset) -> Option<Arc<Entry>> {
        let State { entries, .. } = &*self.read();
        let found = entries.binary_search_by_key(&offset, |(entry, _)| entry.offset());
        found.ok().and_then(|index| entries.get(index)).map(|(entry, _)| Arc::clone(entry))
    }

    /// Adds messages that follow `after` in the log without a gap, and wakes the readers of their feeds. Messages
    /// that are already known are dropped.
    pub(crate) fn push<E: Into<Entry>>(
        &self,
        after: Offset,
        messages: impl IntoIterator<Item = E>,
    ) -> Push {
        let mut state = self.write();
        if after > state.tail && !planted::is(Bug::GapIgnored) {
            return Push::Gap;
        }
        let known = state.tail;
        let mut grown = Vec::new();
        let messages = messages.into_iter().map(Into::into);
        for entry in messages.skip_while(|entry| entry.offset() <= known) {
            state.push(entry, known, &mut grown);
        }
        state.shrink(self.budget);
        // Before anyone can read, and skip the new messages.
        for &feed in &grown {
            state.feeds[feed].readers.values().for_each(|reader| reader.note_news_in(feed));
        }
        // Readers that are awake can read while the rest are being woken.
        let state = RwLockWriteGuard::downgrade(state);
        for &feed in &grown {
            state.feeds[feed].readers.values().for_each(|reader| reader.wake());
        }
        self.grown.send_replace(state.tail);
        Push::Applied
    }

    /// Notes that no message up to `tail` is missing here.
    pub(crate) fn note_whole_upto(&self, tail: Offset) {
        let mut state = self.write();
        state.tail = tail.max(state.tail);
        self.grown.send_replace(state.tail);
    }

    /// Returns up to where the beginning of the log is known to be deleted.
    pub(crate) fn horizon(&self) -> Offset {
        self.read().horizon
    }

    /// Drops the messages up to an offset, which were deleted in the store.
    pub(crate) fn forget_upto(&self, horizon: Offset) {
        if horizon <= self.horizon() {
            return;
        }
        let mut state = self.write();
        state.horizon = horizon.max(state.horizon);
        while state.entries.front().is_some_and(|(entry, _)| entry.offset() <= horizon) {
            state.drop_oldest();
        }
        if horizon > state.tail {
            state.note_unseen(horizon);
        }
        state.floor = horizon.max(state.floor);
    }

    /// Waits until there is a message after an offset.
    pub(crate) async fn grows_past(&self, offset: Offset) {
        // The sender is this, so it lives.
        let _ = self.grown.subscribe().wait_for(|tail| *tail > offset).await;
    }

    /// Returns at most `limit` messages after `cursor` of the feeds that the reader is [attached](Self::attach) to.
    pub(crate) fn read_after(&self, reader: &Reader, cursor: Offset, limit: usize) -> Read {
        let state = self.read();
        reader.look(cursor, |feeds| {
            let Some(mut entries) = state.each_of(feeds, cursor, limit) else {
                return (Read::TooOld, None);
            };
            let all = entries.len() < limit;
            entries.truncate(limit);
            let last = entries.last().map_or(cursor, |entry| entry.offset());
            let upto = if all { cursor.max(state.tail) } else { last };
            (Read::Covered { entries, upto, tail: state.tail }, all.then_some(last))
        })
    }

    /// Wakes a reader for every message in `feeds` from now on.
    pub(crate) fn attach(&self, reader: &Arc<Reader>, feeds: &[Feed]) {
        let State { feeds: all, floor, .. } = &mut *self.write();
        let new = feeds.iter().filter_map(|feed| {
            let number = all.number(feed.clone(), *floor);
            let before = all[number].readers.insert(reader.id(), Arc::clone(reader));
            before.is_none().then_some(number)
        });
        reader.follows(new);
    }

    /// Undoes [`attach`](Self::attach).
    pub(crate) fn detach(&self, reader: &Reader, feeds: &[Feed]) {
        let all = &mut self.write().feeds;
        for feed in feeds {
            let Some(number) = all.find(feed) else { continue };
            all[number].readers.remove(&reader.id());
            reader.follows_no_more(number);
            all.forget_if_unused(number);
        }
    }

    /// Returns the number of known feeds.
    #[cfg(test)]
    pub(crate) fn feeds(&self) -> usize {
        self.read().feeds.len()
    }

    /// Returns the number of a feed's readers.
    #[cfg(test)]
    pub(crate) fn readers_of(&self, feed: &Feed) -> usize {
        let feeds = &self.read().feeds;
        feeds.find(feed).map_or(0, |number| feeds[number].readers.len())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the messages of these feeds after a cursor, at most `limit` of each. None if some are no longer in
    /// memory.
    fn each_of(
        &self,
        feeds: &[FeedNumber],
        cursor: Offset,
        limit: usize,
    ) -> Option<Vec<Arc<Entry>>> {
        let mut entries: Vec<Arc<Entry>> = Vec::new();
        for &feed in feeds {
            let newest = &self.feeds[feed];
            if cursor < newest.complete_after {
                return None;
            }
            let from = newest.first_after(cursor);
            entries.extend(newest.entries.range(from..).take(limit).cloned());
        }
        if feeds.len() > 1 {
            entries.sort_unstable_by_key(|entry| entry.offset());
        }
        Some(entries)
    }

    /// Adds an entry, and adds to `grown` the feeds with readers for which it is the first one after `known`.
    fn push(&mut self, entry: Entry, known: Offset, grown: &mut Vec<FeedNumber>) {
        let entry = Arc::new(entry);
        self.tail = entry.offset();
        self.footprint += entry.footprint();
        let mut in_feeds = InFeeds::default();
        for (feed, number) in entry.message.audience.feeds().zip(&mut in_feeds) {
            let feed = *number.insert(self.feeds.number(feed, self.floor));
            let newest = &mut self.feeds[feed];
            let is_first = newest.entries.back().is_none_or(|last| last.offset() <= known);
            if is_first && !newest.readers.is_empty() {
                grown.push(feed);
            }
            newest.entries.push_back(Arc::clone(&entry));
        }
        self.entries.push_back((Arc::clone(&entry), in_feeds));
        match entry.message.kind {
            // One that is known to be outdated changes nothing.
            _ if entry.message.is_deleted() => {}
            Kind::Edit(of) => {
                if let Some(earlier) = self.edits.insert(of, entry.offset()) {
                    self.replace(earlier, Content::default());
                }
                self.replace(of, entry.message.content.clone());
            }
            Kind::Deletion(of) => {
                if let Some(edit) = self.edits.remove(&of) {
                    self.replace(edit, Content::default());
                }
                self.replace(of, Content::default());
            }
            _ => {}
        }
        if let Some(user) = entry.message.user
            && entry.message.is_erasure()
        {
            self.forget_user(user);
        }
    }

    /// Removes a user from the messages that are here.
    fn forget_user(&mut self, user: UserId) {
        let done = self.erased.insert(user, self.tail).unwrap_or_default();
        let from = self.entries.partition_point(|(entry, _)| entry.offset() <= done);
        let concerned =
            self.entries.range(from..).filter(|(entry, _)| entry.message.concerns(user));
        let concerned: Vec<_> = concerned.map(|(entry, _)| entry.offset()).collect();
        for offset in concerned {
            self.change(offset, |message| message.forget_user(user));
        }
    }

    /// Replaces the content of a message, if it is here: no later reader sees the one before.
    fn replace(&mut self, offset: Offset, content: Content) {
        if planted::is(Bug::TextRemembered) {
            return;
        }
        self.change(offset, |message| message.change_content(content));
    }

    /// Changes a message, if it is here.
    fn change(&mut self, offset: Offset, change: impl FnOnce(&mut Message)) {
        let found = self.entries.binary_search_by_key(&offset, |(entry, _)| entry.offset());
        let Some((entry, in_feeds)) = found.ok().and_then(|index| self.entries.get_mut(index))
        else {
            return;
        };
        self.footprint -= entry.footprint();
        let mut message = entry.message.clone();
        change(&mut message);
        *entry = Arc::new(Entry::new(message, entry.origin));
        self.footprint += entry.footprint();
        for feed in in_feeds.iter().flatten() {
            let newest = &mut self.feeds[*feed];
            let found = newest.entries.binary_search_by_key(&offset, |entry| entry.offset());
            if let Some(held) = found.ok().and_then(|index| newest.entries.get_mut(index)) {
                *held = Arc::clone(entry);
            }
        }
    }

    /// Drops the oldest messages until the rest fits.
    fn shrink(&mut self, budget: usize) {
        while self.footprint > budget && !self.entries.is_empty() {
            self.drop_oldest();
        }
    }

    /// Has all readers ask the store: messages that never were here may be gone.
    fn note_unseen(&mut self, horizon: Offset) {
        for number in self.feeds.numbers() {
            let newest = &mut self.feeds[number];
            newest.complete_after = horizon.max(newest.complete_after);
            for reader in newest.readers.values() {
                reader.note_news_in(number);
                reader.wake();
            }
        }
    }

    fn drop_oldest(&mut self) {
        let Some((entry, in_feeds)) = self.entries.pop_front() else { return };
        self.footprint -= entry.footprint();
        self.floor = entry.offset();
        if let Kind::Edit(of) = entry.message.kind
            && self.edits.get(&of) == Some(&entry.offset())
        {
            self.edits.remove(&of);
        }
        for feed in in_feeds.into_iter().flatten() {
            let newest = &mut self.feeds[feed];
            newest.entries.pop_front();
            newest.complete_after = entry.offset();
            self.feeds.forget_if_unused(feed);
        }
    }
}

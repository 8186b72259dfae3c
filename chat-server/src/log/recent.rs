use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chat_core::{Feed, Offset};

use super::Entry;
use super::reader::{Reader, ReaderId};

/// The newest messages of the log, kept in memory for the readers that are up to date, and who wants to
/// be woken by them.
///
/// ```text
///   the log     … 94 95 96 97 98 99           a feed per room and person:
///                       ▲        ▲              general  96 98
///            floor = 95 ┘        └ tail = 99    rust     97
///                                               Ada      99
///                                               Grace    99
/// ```
///
/// Everything in `(floor, tail]` is here. A feed may reach further back than the floor: a quiet room
/// loses nothing while others are busy. So its readers never have to ask the store.
pub(crate) struct Recent {
    state: RwLock<State>,
    /// The most that the messages may take, in bytes.
    budget: usize,
}

struct State {
    tail: Offset,
    floor: Offset,
    /// All entries, oldest first, for dropping the oldest.
    entries: VecDeque<Arc<Entry>>,
    footprint: usize,
    feeds: HashMap<Feed, Newest>,
}

/// The newest messages of one feed.
struct Newest {
    /// Everything of this feed after this offset is in `entries`.
    complete_after: Offset,
    entries: VecDeque<Arc<Entry>>,
    readers: HashMap<ReaderId, Arc<Reader>>,
}

/// What became of messages that were offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// They are in, or they were before.
    Applied,
    /// They do not follow what is there: something between is missing. They were left out.
    Gap,
}

/// What is known about the messages after a cursor.
#[derive(Debug)]
pub(crate) enum Read {
    /// These are the next ones, and there are no others up to `upto`.
    Covered { entries: Vec<Arc<Entry>>, upto: Offset },
    /// Some lie too far back. Ask the store.
    TooOld,
}

impl Recent {
    /// Knows of nothing up to `floor`, and of nothing after it.
    pub(crate) fn new(floor: Offset, budget: usize) -> Self {
        let state = State {
            tail: floor,
            floor,
            entries: VecDeque::new(),
            footprint: 0,
            feeds: HashMap::new(),
        };
        Self { state: RwLock::new(state), budget }
    }

    pub(crate) fn tail(&self) -> Offset {
        self.read().tail
    }

    /// Takes messages that follow `after` in the log without a hole, and wakes the readers of their
    /// feeds. Those that are known already are dropped.
    pub(crate) fn push<E: Into<Entry>>(
        &self,
        after: Offset,
        messages: impl IntoIterator<Item = E>,
    ) -> Push {
        let mut state = self.write();
        if after > state.tail {
            return Push::Gap;
        }
        let known = state.tail;
        let mut grown = HashSet::new();
        let messages = messages.into_iter().map(Into::into);
        for entry in messages.skip_while(|entry| entry.offset() <= known) {
            grown.extend(entry.message.audience.feeds());
            state.push(entry);
        }
        state.shrink(self.budget);
        // Before anybody can read, and pass by what is new.
        for feed in &grown {
            state.readers(feed).for_each(|reader| reader.has_news_in(feed));
        }
        // Woken readers can read while the rest is being woken.
        let state = RwLockWriteGuard::downgrade(state);
        for feed in &grown {
            state.readers(feed).for_each(|reader| reader.wake());
        }
        Push::Applied
    }

    /// Takes note that no message up to `tail` is missing here.
    pub(crate) fn is_whole_upto(&self, tail: Offset) {
        let mut state = self.write();
        state.tail = tail.max(state.tail);
    }

    /// At most `limit` messages of `feeds` after `cursor`. The reader is [attached](Self::attach) to all of them.
    pub(crate) fn read_after(
        &self,
        reader: &Reader,
        feeds: &[Feed],
        cursor: Offset,
        limit: usize,
    ) -> Read {
        let state = self.read();
        reader.look(feeds, cursor, |feeds| {
            let Some(mut entries) = state.each_of(feeds, cursor, limit) else {
                return (Read::TooOld, None);
            };
            let all = entries.len() < limit;
            entries.truncate(limit);
            let last = entries.last().map_or(cursor, |entry| entry.offset());
            let upto = if all { cursor.max(state.tail) } else { last };
            (Read::Covered { entries, upto }, all.then_some(last))
        })
    }

    pub(crate) fn attach(&self, reader: &Arc<Reader>, feeds: &[Feed]) {
        let mut state = self.write();
        let new = feeds.iter().filter(|feed| {
            let readers = &mut state.newest(feed).readers;
            readers.insert(reader.id(), Arc::clone(reader)).is_none()
        });
        reader.follows(new);
    }

    pub(crate) fn detach(&self, reader: &Reader, feeds: &[Feed]) {
        let mut state = self.write();
        for feed in feeds {
            if let Some(newest) = state.feeds.get_mut(feed) {
                newest.readers.remove(&reader.id());
                state.forget_if_unused(feed);
            }
        }
        reader.follows_no_more(feeds);
    }

    /// How many feeds something is kept for.
    #[cfg(test)]
    pub(crate) fn feeds(&self) -> usize {
        self.read().feeds.len()
    }

    /// How many readers a feed has.
    #[cfg(test)]
    pub(crate) fn readers_of(&self, feed: &Feed) -> usize {
        self.read().feeds.get(feed).map_or(0, |newest| newest.readers.len())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Newest {
    /// Which of the entries is the first after a cursor. It is looked for from the end, where most readers are: the
    /// older ones are far apart in memory.
    fn first_after(&self, cursor: Offset) -> usize {
        let is_before = |index: usize| self.entries[index].offset() <= cursor;
        let (mut end, mut step) = (self.entries.len(), 1);
        let mut begin = end;
        while begin > 0 && !is_before(begin - 1) {
            end = begin - 1;
            begin = begin.saturating_sub(step);
            step *= 2;
        }
        // All before `begin` are before the cursor, and none from `end` on.
        while begin < end {
            let middle = begin + (end - begin) / 2;
            if is_before(middle) {
                begin = middle + 1;
            } else {
                end = middle;
            }
        }
        begin
    }
}

impl State {
    fn readers(&self, feed: &Feed) -> impl Iterator<Item = &Arc<Reader>> {
        self.feeds.get(feed).into_iter().flat_map(|newest| newest.readers.values())
    }

    /// The messages of these feeds after a cursor, at most `limit` of each. None when some are not here.
    fn each_of(&self, feeds: &[Feed], cursor: Offset, limit: usize) -> Option<Vec<Arc<Entry>>> {
        let mut entries: Vec<Arc<Entry>> = Vec::new();
        for feed in feeds {
            let newest = self.feeds.get(feed);
            // What is in no feed has no messages after the floor.
            if cursor < newest.map_or(self.floor, |newest| newest.complete_after) {
                return None;
            }
            let Some(newest) = newest else { continue };
            let from = newest.first_after(cursor);
            entries.extend(newest.entries.range(from..).take(limit).cloned());
        }
        if feeds.len() > 1 {
            entries.sort_unstable_by_key(|entry| entry.offset());
        }
        Some(entries)
    }

    fn push(&mut self, entry: Entry) {
        let entry = Arc::new(entry);
        self.tail = entry.offset();
        self.footprint += entry.footprint();
        for feed in entry.message.audience.feeds() {
            self.newest(&feed).entries.push_back(Arc::clone(&entry));
        }
        self.entries.push_back(entry);
    }

    /// What there is of a feed, made when there is nothing.
    fn newest(&mut self, feed: &Feed) -> &mut Newest {
        let floor = self.floor;
        self.feeds.entry(feed.clone()).or_insert_with(|| Newest {
            complete_after: floor,
            entries: VecDeque::new(),
            readers: HashMap::new(),
        })
    }

    /// Drops the oldest messages until the rest fits.
    fn shrink(&mut self, budget: usize) {
        while self.footprint > budget {
            let Some(entry) = self.entries.pop_front() else { return };
            self.footprint -= entry.footprint();
            self.floor = entry.offset();
            for feed in entry.message.audience.feeds() {
                if let Some(newest) = self.feeds.get_mut(&feed) {
                    newest.entries.pop_front();
                    newest.complete_after = entry.offset();
                    self.forget_if_unused(&feed);
                }
            }
        }
    }

    fn forget_if_unused(&mut self, feed: &Feed) {
        let unused = |newest: &Newest| newest.entries.is_empty() && newest.readers.is_empty();
        if self.feeds.get(feed).is_some_and(unused) {
            self.feeds.remove(feed);
        }
    }
}

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chat_core::{Message, Offset, RoomId};
use tokio::sync::Notify;

use super::Entry;

/// The newest messages of the log, kept in memory for the readers that are up to date, and who wants to
/// be woken by them.
///
/// ```text
///   the log     … 94 95 96 97 98 99                a feed per room:
///                       ▲        ▲                   general  96 98
///            floor = 95 ┘        └ tail = 99         rust     97 99
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
    feeds: HashMap<RoomId, Feed>,
}

/// One room.
struct Feed {
    /// Everything of this room after this offset is in `entries`.
    complete_after: Offset,
    entries: VecDeque<Arc<Entry>>,
    readers: HashMap<ReaderId, Arc<Notify>>,
}

/// One reader among those that are woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReaderId(pub(crate) u64);

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
    pub(crate) fn new(tail: Offset, budget: usize) -> Self {
        let state = State {
            tail,
            floor: tail,
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
    /// rooms. Those that are known already are dropped.
    pub(crate) fn push(&self, after: Offset, messages: Vec<Message>) -> Push {
        let mut state = self.write();
        if after > state.tail {
            return Push::Gap;
        }
        let known = state.tail;
        let mut rooms = HashSet::new();
        for message in messages.into_iter().skip_while(|message| message.offset <= known) {
            rooms.insert(message.room.clone());
            state.push(message);
        }
        state.shrink(self.budget);
        // Woken readers can read while the rest is being woken.
        let state = RwLockWriteGuard::downgrade(state);
        for feed in rooms.iter().filter_map(|room| state.feeds.get(room)) {
            feed.readers.values().for_each(|wake| wake.notify_one());
        }
        Push::Applied
    }

    /// At most `limit` messages of `rooms` after `cursor`.
    pub(crate) fn read_after(&self, rooms: &[RoomId], cursor: Offset, limit: usize) -> Read {
        let state = self.read();
        let feeds = || rooms.iter().filter_map(|room| state.feeds.get(room));
        // A room without a feed has no messages after the floor.
        let covered_without_feed = cursor >= state.floor;
        let covered = rooms.iter().all(|room| {
            state.feeds.get(room).map_or(covered_without_feed, |feed| cursor >= feed.complete_after)
        });
        if !covered {
            return Read::TooOld;
        }
        let mut entries: Vec<Arc<Entry>> = Vec::new();
        for feed in feeds() {
            let from = feed.entries.partition_point(|entry| entry.offset() <= cursor);
            entries.extend(feed.entries.range(from..).take(limit).cloned());
        }
        if rooms.len() > 1 {
            entries.sort_unstable_by_key(|entry| entry.offset());
        }
        if entries.len() < limit {
            return Read::Covered { entries, upto: cursor.max(state.tail) };
        }
        entries.truncate(limit);
        let upto = entries.last().map_or(cursor, |entry| entry.offset());
        Read::Covered { entries, upto }
    }

    pub(crate) fn attach(&self, reader: ReaderId, rooms: &[RoomId], wake: &Arc<Notify>) {
        let mut state = self.write();
        for room in rooms {
            state.feed(room).readers.insert(reader, Arc::clone(wake));
        }
    }

    pub(crate) fn detach(&self, reader: ReaderId, rooms: &[RoomId]) {
        let mut state = self.write();
        for room in rooms {
            if let Some(feed) = state.feeds.get_mut(room) {
                feed.readers.remove(&reader);
                state.forget_if_unused(room);
            }
        }
    }

    /// How many rooms something is kept for.
    #[cfg(test)]
    pub(crate) fn feeds(&self) -> usize {
        self.read().feeds.len()
    }

    /// How many readers a room has.
    #[cfg(test)]
    pub(crate) fn readers_of(&self, room: &RoomId) -> usize {
        self.read().feeds.get(room).map_or(0, |feed| feed.readers.len())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, message: Message) {
        let entry = Arc::new(Entry::new(message));
        self.tail = entry.offset();
        self.footprint += entry.footprint();
        self.feed(&entry.message.room).entries.push_back(Arc::clone(&entry));
        self.entries.push_back(entry);
    }

    /// The feed of a room, made when there is none.
    fn feed(&mut self, room: &RoomId) -> &mut Feed {
        let floor = self.floor;
        self.feeds.entry(room.clone()).or_insert_with(|| Feed {
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
            let room = &entry.message.room;
            if let Some(feed) = self.feeds.get_mut(room) {
                feed.entries.pop_front();
                feed.complete_after = entry.offset();
                self.forget_if_unused(room);
            }
        }
    }

    fn forget_if_unused(&mut self, room: &RoomId) {
        let unused = |feed: &Feed| feed.entries.is_empty() && feed.readers.is_empty();
        if self.feeds.get(room).is_some_and(unused) {
            self.feeds.remove(room);
        }
    }
}

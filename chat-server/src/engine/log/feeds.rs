use std::collections::{HashMap, VecDeque};
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use chat_core::{Feed, Offset};
use slab::Slab;

use super::Entry;
use super::reader::{FeedNumber, Reader, ReaderId};

/// The feeds that have messages in memory or readers.
#[derive(Default)]
pub(super) struct Feeds {
    numbers: HashMap<Feed, FeedNumber>,
    newest: Slab<Newest>,
}

/// The newest messages of one feed.
pub(super) struct Newest {
    feed: Feed,
    /// Everything of this feed after this offset is in `entries`.
    pub(super) complete_after: Offset,
    pub(super) entries: VecDeque<Arc<Entry>>,
    pub(super) readers: HashMap<ReaderId, Arc<Reader>>,
}

impl Feeds {
    /// Returns the number of a feed. A feed that is not known yet gets one, with everything after `floor` in memory.
    pub(super) fn number(&mut self, feed: Feed, floor: Offset) -> FeedNumber {
        if let Some(&number) = self.numbers.get(&feed) {
            return number;
        }
        let number = FeedNumber(self.newest.insert(Newest {
            feed: feed.clone(),
            complete_after: floor,
            entries: VecDeque::new(),
            readers: HashMap::new(),
        }));
        self.numbers.insert(feed, number);
        number
    }

    /// Returns the numbers of all feeds.
    pub(super) fn numbers(&self) -> Vec<FeedNumber> {
        self.numbers.values().copied().collect()
    }

    /// Returns the number of a feed; none if it is not known.
    pub(super) fn find(&self, feed: &Feed) -> Option<FeedNumber> {
        self.numbers.get(feed).copied()
    }

    /// Frees the number of a feed that has neither messages nor readers.
    pub(super) fn forget_if_unused(&mut self, number: FeedNumber) {
        let Newest { feed, entries, readers, .. } = &self.newest[number.0];
        if entries.is_empty() && readers.is_empty() {
            self.numbers.remove(feed);
            self.newest.remove(number.0);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.newest.len()
    }
}

impl Index<FeedNumber> for Feeds {
    type Output = Newest;

    fn index(&self, number: FeedNumber) -> &Newest {
        &self.newest[number.0]
    }
}

impl IndexMut<FeedNumber> for Feeds {
    fn index_mut(&mut self, number: FeedNumber) -> &mut Newest {
        &mut self.newest[number.0]
    }
}

impl Newest {
    /// Returns the index of the first entry after a cursor. Searches from the end, where most readers are: older
    /// entries are far apart in memory.
    pub(super) fn first_after(&self, cursor: Offset) -> usize {
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

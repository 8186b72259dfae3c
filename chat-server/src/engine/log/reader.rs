use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_core::Offset;
use tokio::sync::Notify;

/// What a reader is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReaderId(pub(crate) u64);

/// What a feed is known by as long as it has messages in memory or readers. Its name is looked up once for a
/// message; with many rooms the rest would otherwise be hashing and comparing of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FeedNumber(pub(super) usize);

/// Who reads some feeds of the log, is woken when they grow, and knows which of them did.
///
/// Somebody in a hundred rooms looks into one of them for a message there, and not into all.
#[derive(Debug)]
pub(crate) struct Reader {
    id: ReaderId,
    wake: Arc<Notify>,
    news: Mutex<News>,
}

/// What there is to look at.
#[derive(Debug, Default)]
struct News {
    /// All feeds that it is attached to, in the order of their numbers.
    followed: Vec<FeedNumber>,
    /// Those that have grown since they were looked at, in the same order.
    grown: Vec<FeedNumber>,
    /// The others have no messages after this.
    others_upto: Offset,
}

impl Reader {
    pub(crate) fn new(id: ReaderId, wake: &Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { id, wake: Arc::clone(wake), news: Mutex::default() })
    }

    pub(crate) fn id(&self) -> ReaderId {
        self.id
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Is attached to more feeds, which it has not looked at.
    pub(super) fn follows(&self, feeds: impl Iterator<Item = FeedNumber>) {
        let mut news = self.news();
        for feed in feeds {
            insert(feed, &mut news.followed);
            insert(feed, &mut news.grown);
        }
    }

    /// A feed that it is attached to has grown.
    pub(super) fn has_news_in(&self, feed: FeedNumber) {
        insert(feed, &mut self.news().grown);
    }

    /// Is not attached to a feed any more.
    pub(super) fn follows_no_more(&self, feed: FeedNumber) {
        let mut news = self.news();
        remove(feed, &mut news.followed);
        remove(feed, &mut news.grown);
    }

    /// Looks for messages after `cursor` in those feeds that may have some, with a function that returns what it
    /// found, and the last message of them all if it has found that.
    pub(super) fn look<T>(
        &self,
        cursor: Offset,
        look: impl FnOnce(&[FeedNumber]) -> (T, Option<Offset>),
    ) -> T {
        let mut news = self.news();
        // A cursor that was moved back may lie before messages of feeds that have not grown since.
        let feeds = if cursor < news.others_upto { &news.followed } else { &news.grown };
        let (found, last) = look(feeds);
        if let Some(last) = last {
            news.others_upto = last;
            news.grown.clear();
        }
        found
    }

    /// Whether no feed that it is attached to has a message after `cursor`. It says no as well where it takes a
    /// [look](Self::look) to know.
    pub(crate) fn has_nothing_after(&self, cursor: Offset) -> bool {
        let news = self.news();
        news.grown.is_empty() && news.others_upto <= cursor
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a feed to a sorted list that may have it.
fn insert(feed: FeedNumber, sorted: &mut Vec<FeedNumber>) {
    if let Err(place) = sorted.binary_search(&feed) {
        sorted.insert(place, feed);
    }
}

/// Removes a feed from a sorted list that may have it.
fn remove(feed: FeedNumber, sorted: &mut Vec<FeedNumber>) {
    if let Ok(place) = sorted.binary_search(&feed) {
        sorted.remove(place);
    }
}

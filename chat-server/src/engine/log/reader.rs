use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_core::Offset;
use tokio::sync::Notify;

/// The id of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReaderId(pub(crate) u64);

/// The number of a feed while it has messages in memory or readers. Its name is looked up once per message; otherwise
/// most of the work with many rooms would be hashing and comparing names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FeedNumber(pub(super) usize);

/// A reader of some feeds of the log. It is woken when they grow, and knows which of them did.
///
/// A connection in a hundred rooms checks only the room that has a new message, not all of them.
#[derive(Debug)]
pub(crate) struct Reader {
    id: ReaderId,
    wake: Arc<Notify>,
    news: Mutex<News>,
}

/// The feeds to check.
#[derive(Debug, Default)]
struct News {
    /// All feeds that it is attached to, sorted by number.
    followed: Vec<FeedNumber>,
    /// Those that have grown since they were checked, sorted by number.
    grown: Vec<FeedNumber>,
    /// The other feeds have no messages after this offset.
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

    /// Attaches more feeds, which are not checked yet.
    pub(super) fn follows(&self, feeds: impl Iterator<Item = FeedNumber>) {
        let mut news = self.news();
        for feed in feeds {
            insert(feed, &mut news.followed);
            insert(feed, &mut news.grown);
        }
    }

    /// Notes that an attached feed has grown.
    pub(super) fn note_news_in(&self, feed: FeedNumber) {
        insert(feed, &mut self.news().grown);
    }

    /// Detaches a feed.
    pub(super) fn follows_no_more(&self, feed: FeedNumber) {
        let mut news = self.news();
        remove(feed, &mut news.followed);
        remove(feed, &mut news.grown);
    }

    /// Looks for messages after `cursor` in the feeds that may have some, with a function that returns what it found,
    /// and the last offset of all feeds if it has found that.
    pub(super) fn look<T>(
        &self,
        cursor: Offset,
        look: impl FnOnce(&[FeedNumber]) -> (T, Option<Offset>),
    ) -> T {
        let mut news = self.news();
        // A cursor that was moved back may be before messages of feeds that have not grown since.
        let feeds = if cursor < news.others_upto { &news.followed } else { &news.grown };
        let (found, last) = look(feeds);
        if let Some(last) = last {
            news.others_upto = last;
            news.grown.clear();
        }
        found
    }

    /// Returns whether certainly no attached feed has a message after `cursor`. False also if only a
    /// [look](Self::look) can tell.
    pub(crate) fn has_nothing_after(&self, cursor: Offset) -> bool {
        let news = self.news();
        news.grown.is_empty() && news.others_upto <= cursor
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a feed to a sorted list unless it is there.
fn insert(feed: FeedNumber, sorted: &mut Vec<FeedNumber>) {
    if let Err(index) = sorted.binary_search(&feed) {
        sorted.insert(index, feed);
    }
}

/// Removes a feed from a sorted list if it is there.
fn remove(feed: FeedNumber, sorted: &mut Vec<FeedNumber>) {
    if let Ok(index) = sorted.binary_search(&feed) {
        sorted.remove(index);
    }
}

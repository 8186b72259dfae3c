use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_core::{Feed, Offset};
use tokio::sync::Notify;

/// What a reader is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReaderId(pub(crate) u64);

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
    /// The feeds that have grown since they were looked at, each once and in their order.
    grown: Vec<Feed>,
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
    pub(super) fn follows<'a>(&self, feeds: impl Iterator<Item = &'a Feed>) {
        let mut news = self.news();
        news.grown.extend(feeds.cloned());
        news.grown.sort_unstable();
    }

    /// A feed that it is attached to has grown.
    pub(super) fn has_news_in(&self, feed: &Feed) {
        let mut news = self.news();
        if let Err(place) = news.grown.binary_search(feed) {
            news.grown.insert(place, feed.clone());
        }
    }

    pub(super) fn follows_no_more(&self, feeds: &[Feed]) {
        self.news().grown.retain(|feed| !feeds.contains(feed));
    }

    /// Looks for messages after `cursor` in those of `feeds` that may have some, with a function that returns
    /// what it found, and the last message of them all if it has found that.
    pub(super) fn look<T>(
        &self,
        feeds: &[Feed],
        cursor: Offset,
        look: impl FnOnce(&[Feed]) -> (T, Option<Offset>),
    ) -> T {
        let mut news = self.news();
        // A cursor that was moved back may lie before messages of feeds that have not grown since.
        let feeds = if cursor < news.others_upto { feeds } else { &news.grown };
        let (found, last) = look(feeds);
        if let Some(last) = last {
            news.others_upto = last;
            news.grown.clear();
        }
        found
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

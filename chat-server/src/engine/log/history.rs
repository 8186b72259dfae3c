//! Past messages: what was said, without the changes that the log has in between.

use chat_core::event::{HistoryMessage, ReactionCount};
use chat_core::{Author, AuthorId, Feed, Message, Offset, Timestamp};
use chat_store::{Page, Reactions, StoreError};

use super::Log;

/// The minimum number of messages to read at once: some of them may be changes.
const AT_ONCE: usize = 64;

/// How often that doubles while nothing is found: to 4096.
const MOST_DOUBLED: usize = 6;

/// How often to read for a full page. A shorter one is no problem, and an empty one is.
const READS: usize = 8;

impl Log {
    /// Returns the last messages of a feed before an offset, or of all with `None`, in log order: at most `limit`, fewer if
    /// they are large or many changes are in between, and at least one if there is one. Cancel safe.
    pub(crate) async fn read_before(
        &self,
        feed: &Feed,
        mut before: Option<Offset>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut said = Said::new(limit);
        loop {
            let read = self.store.read_before(feed, before, said.wanted()).await;
            let page = self.reading.watch(read)?;
            before = page.messages.first().map(|message| message.offset);
            let horizon = page.horizon;
            if said.take(page.messages.into_iter().rev(), page.more) {
                let Page { mut messages, more, .. } = said.page;
                messages.reverse();
                return Ok(Page::new(messages, more).with_horizon(horizon));
            }
        }
    }

    /// Returns the first messages of a feed after an offset, in log order; otherwise as
    /// [`read_before`](Self::read_before). Cancel safe.
    pub(crate) async fn read_said_after(
        &self,
        feed: &Feed,
        mut after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut said = Said::new(limit);
        loop {
            let feeds = std::slice::from_ref(feed);
            let read = self.store.read_after(Some(feeds), after, said.wanted()).await;
            let page = self.reading.watch(read)?;
            after = page.messages.last().map_or(after, |message| message.offset);
            let horizon = page.horizon;
            if said.take(page.messages.into_iter(), page.more) {
                return Ok(said.page.with_horizon(horizon));
            }
        }
    }

    /// Returns messages as an author is shown them: with their reactions, and its own keys. Cancel safe.
    pub(crate) async fn shown(
        &self,
        messages: Vec<Message>,
        author: Author,
    ) -> Result<Vec<HistoryMessage>, StoreError> {
        let offsets: Vec<_> = messages.iter().map(|message| message.offset).collect();
        let reactions = self.reactions(&offsets, Some(author.id())).await?;
        let shown = |message| match author.wrote(&message) {
            true => HistoryMessage::to_author(message),
            false => HistoryMessage::from(message),
        };
        let mut messages: Vec<_> = messages.into_iter().map(shown).collect();
        for Reactions { message, emoji, count, own, .. } in reactions {
            if let Ok(index) = messages.binary_search_by_key(&message, |message| message.offset) {
                messages[index].reactions.push(ReactionCount::new(emoji, count, own));
            }
        }
        Ok(messages)
    }

    /// Returns the reactions to these messages. Cancel safe.
    pub(crate) async fn reactions(
        &self,
        of: &[Offset],
        author: Option<AuthorId>,
    ) -> Result<Vec<Reactions>, StoreError> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        self.reading.watch(self.store.reactions(of, author).await)
    }

    /// Returns the offset of the first message of the log that was received at this time or later; the one after the last
    /// if none was. Clocks of nodes differ, so it is near that. Cancel safe.
    pub(crate) async fn offset_at(&self, time: Timestamp) -> Result<Offset, StoreError> {
        // Everything up to `low` is earlier, and `high` is not.
        let mut low = self.horizon();
        let mut high = self.end().await?.next();
        while low.next() < high {
            let middle = low.plus((high.as_u64() - low.as_u64()) / 2);
            let read = self.store.read_after(None, middle.previous(), 1).await;
            // There may be none at that offset: messages of earlier programs have gaps.
            match self.reading.watch(read)?.messages.into_iter().next() {
                Some(found) if found.at.is_none_or(|at| at < time) => low = found.offset.max(low),
                _ => high = middle,
            }
        }
        Ok(high)
    }
}

/// Messages that are collected, in the order in which they are read.
struct Said {
    page: Page,
    limit: usize,
    bytes: usize,
    reads: usize,
}

impl Said {
    fn new(limit: usize) -> Self {
        Self { page: Page::default(), limit, bytes: 0, reads: 0 }
    }

    /// Returns how many to read next: more each time that nothing was found.
    fn wanted(&self) -> usize {
        let in_vain = self.reads.min(MOST_DOUBLED);
        (self.limit - self.page.messages.len()).max(AT_ONCE << in_vain)
    }

    /// Takes messages that were said. `more` tells whether others follow them. Returns whether it is enough.
    fn take(&mut self, messages: impl Iterator<Item = Message>, more: bool) -> bool {
        self.reads += 1;
        let Self { page, limit, bytes, .. } = self;
        page.more = more;
        for message in messages {
            if !message.kind.is_said() {
                continue;
            }
            if page.messages.len() >= *limit || *bytes >= Page::MAX_BYTES {
                page.more = true;
                return true;
            }
            *bytes += message.content.as_str().len();
            page.messages.push(message);
        }
        let is_full = page.messages.len() >= *limit || *bytes >= Page::MAX_BYTES;
        is_full || !more || (self.reads >= READS && !page.messages.is_empty())
    }
}

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chat_core::search::TOKENS_VERSION;
use chat_core::{Kind, Message, Offset};
use chat_store::{Document, IndexAdvanced, IndexBatch, IndexChange, SearchIndex, StoreError};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::engine::log::Log;
use crate::engine::outage::Outage;

/// The maximum number of messages of a batch.
const AT_ONCE: usize = 256;

/// The pause after a batch that has reached the end of the log: the more is said meanwhile, the less is done for each message.
const PAUSE: Duration = Duration::from_millis(250);

/// After a batch that has not, the pause is so many times as long as the batch took.
const REST: u32 = 2;

/// The same while messages are stored: they and their delivery come first, and the index gets a thirtieth of one core.
const REST_WHILE_BUSY: u32 = 30;

/// How long a node that does not index waits before it looks whether another one does.
const LOOK: Duration = Duration::from_secs(2);

/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(2);

/// How many messages are indexed between two lines in the log, when many are missing.
const PROGRESS: u64 = 100_000;

/// Keeps an index up to date with the log. Of several nodes, one does: the others find that the index has moved on without
/// them, and wait until it stays behind the log.
pub(crate) struct Indexer {
    log: Arc<Log>,
    index: Arc<dyn SearchIndex>,
    indexing: Arc<Outage>,
    reading: Arc<Outage>,
    told: Offset,
}

/// What became of a step.
enum Step {
    /// The index is up to this offset, which is the end of the log or not.
    Done { upto: Offset, is_end: bool },
    /// Another node indexes.
    Elsewhere(Offset),
}

impl Indexer {
    pub(crate) fn new(log: Arc<Log>, index: Arc<dyn SearchIndex>) -> Self {
        let indexing = Outage::new("writing to the search index");
        let reading = Outage::new("reading the search index");
        Self { log, index, indexing, reading, told: Offset::ZERO }
    }

    /// Indexes what the log has and what comes. Never returns; may be dropped at any time.
    pub(crate) async fn run(mut self) {
        loop {
            let Err(error) = self.work().await;
            tracing::debug!("the index does not go on for now: {error}");
            sleep(RETRY).await;
        }
    }

    async fn work(&mut self) -> Result<std::convert::Infallible, StoreError> {
        let mut position = self.begin().await?;
        loop {
            let (began, tail) = (Instant::now(), self.log.tail());
            match self.step(position).await? {
                Step::Done { upto, is_end: false } => {
                    self.tell(position, upto);
                    position = upto;
                    let is_busy = self.log.tail() > tail;
                    sleep(began.elapsed() * if is_busy { REST_WHILE_BUSY } else { REST }).await;
                }
                Step::Done { upto, is_end: true } => {
                    if self.told > Offset::ZERO {
                        tracing::info!("the search index has all messages, up to {upto}");
                        self.told = Offset::ZERO;
                    }
                    position = upto;
                    self.log.grows_past(position).await;
                    sleep(PAUSE).await;
                }
                Step::Elsewhere(at) => position = self.wait_for_turn(at).await?,
            }
        }
    }

    /// Returns the position of the index, which is emptied first if it is ahead of the log: the log has lost its end.
    async fn begin(&mut self) -> Result<Offset, StoreError> {
        let position = self.reading.watch(self.index.position(TOKENS_VERSION).await)?;
        let end = self.log.end().await?;
        if position > end {
            tracing::warn!("the search index is ahead of the log, and is made anew");
            self.indexing.watch(self.index.clear().await)?;
            return Ok(Offset::ZERO);
        }
        if end.as_u64() - position.as_u64() > PROGRESS {
            tracing::info!("indexing the messages after {position}, up to {end}");
            self.told = position.next();
        }
        Ok(position)
    }

    async fn step(&self, position: Offset) -> Result<Step, StoreError> {
        // Noted before reading: everything committed by then is in the page, or after it.
        let tail = self.log.tail();
        let page = self.log.read_feeds_after(None, position, AT_ONCE).await?;
        let last = page.messages.last().map_or(position, |message| message.offset);
        let upto = if page.more { last } else { last.max(tail) };
        if upto == position {
            return Ok(Step::Done { upto, is_end: true });
        }
        let mut changes = BTreeMap::new();
        for message in &page.messages {
            self.note(message, &mut changes).await?;
            // A long text takes a millisecond.
            yield_now().await;
        }
        let changes = changes.into_values().collect();
        let batch = IndexBatch { version: TOKENS_VERSION, after: position, upto, changes };
        match self.indexing.watch(self.index.apply(&batch).await)? {
            IndexAdvanced::Done => Ok(Step::Done { upto, is_end: !page.more }),
            IndexAdvanced::Elsewhere(at) => Ok(Step::Elsewhere(at)),
        }
    }

    /// Notes what a message means for the index.
    async fn note(
        &self,
        message: &Message,
        changes: &mut BTreeMap<Offset, IndexChange>,
    ) -> Result<(), StoreError> {
        let (of, changed);
        match message.kind {
            Kind::Edit(target) | Kind::Deletion(target) => {
                // As it is now: later changes of it are read, too.
                changed = self.log.message(target).await?;
                of = target;
            }
            _ => (of, changed) = (message.offset, None),
        }
        let current = if of == message.offset { Some(message) } else { changed.as_ref() };
        match current.and_then(Document::of) {
            Some(document) => drop(changes.insert(of, IndexChange::Put(document))),
            None if of != message.offset => drop(changes.insert(of, IndexChange::Remove(of))),
            None => {}
        }
        Ok(())
    }

    /// Waits as long as another node indexes, and returns the position then.
    async fn wait_for_turn(&self, mut position: Offset) -> Result<Offset, StoreError> {
        loop {
            let tail = self.log.tail();
            sleep(LOOK).await;
            let now = self.reading.watch(self.index.position(TOKENS_VERSION).await)?;
            if now == position && now < tail {
                return Ok(now);
            }
            position = now;
        }
    }

    /// Tells of progress now and then if many messages are missing.
    fn tell(&mut self, from: Offset, upto: Offset) {
        let is_due = from.as_u64() / PROGRESS < upto.as_u64() / PROGRESS;
        if self.told > Offset::ZERO && is_due {
            tracing::info!("the search index has the messages up to {upto}");
        }
    }
}

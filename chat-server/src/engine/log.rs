//! The log from the view of one node: where messages are written, and where connections read them.
//!
//! ```text
//!  submit ──▶ writer ──▶ MessageStore
//!               │ committed batch
//!               ▼
//!             recent ◀── follower: reads what this node did not write, from the store
//!               │
//!               ▼ wakes
//!             readers
//! ```
//!
//! It depends only on the traits of the store and the broadcast, and knows nothing about sockets.

mod changes;
mod entry;
mod feeds;
mod follower;
mod history;
mod position;
mod probe;
mod queue;
mod reader;
mod recent;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chat_core::{Epoch, Feed, Message, NewMessage, Offset, RoomId, RoomKey};
use chat_store::{Disk, MessageStore, Page, StoreError, Trim, Trimmed};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use changes::unknown_message;
pub(crate) use entry::{Delivered, Entry, Position};
pub(crate) use queue::Outcome;
pub(crate) use reader::{Reader, ReaderId};
pub(crate) use recent::Push;
pub(crate) use writer::Committed;

use crate::engine::metrics::Metrics;
use crate::engine::outage::Outage;
use crate::engine::planted::{self, Bug};
use follower::LogFollower;
use recent::{Read, Recent};
use writer::Writer;

/// Maximum number of recent messages to read when a node starts, as far as they fit into memory: those that its
/// clients, who all reconnect at once, have missed.
pub(crate) const RECENT_AT_START: u64 = 10_000;

/// Maximum number of messages per read.
pub(crate) const READ_LIMIT: usize = 256;

/// What follows a cursor.
#[derive(Debug)]
pub(crate) struct ReadEntries {
    pub(crate) entries: Vec<Arc<Entry>>,
    /// There are no others up to this offset.
    pub(crate) upto: Offset,
    /// Messages between the cursor and this offset may have been deleted.
    pub(crate) gone_upto: Option<Offset>,
}

/// The log, shared by everything on a node that writes or reads messages.
pub(crate) struct Log {
    store: Arc<dyn MessageStore>,
    recent: Arc<Recent>,
    follower: Arc<LogFollower>,
    writer: Writer,
    /// Writes and reads fail separately: on a full disk everything can still be read.
    writing: Arc<Outage>,
    reading: Arc<Outage>,
    readers: AtomicU64,
    metrics: Arc<Metrics>,
    /// The writer, its probe and the log follower; all end when the log is closed.
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Log {
    /// Opens the log of a store, with up to this many bytes of messages in memory, and loads the last stored ones.
    /// Calls `committed` for each batch that this node wrote.
    pub(crate) async fn start(
        store: Arc<dyn MessageStore>,
        recent_bytes: usize,
        recent_at_start: u64,
        committed: Committed,
    ) -> Result<Arc<Self>, StoreError> {
        let recent = Arc::new(follower::recent(&*store, recent_at_start, recent_bytes).await?);
        let writing = Outage::new("writing to the store");
        let reading = Outage::new("reading from the store");
        let metrics = Arc::<Metrics>::default();
        let follower = Arc::new(LogFollower::new(
            Arc::clone(&store),
            Arc::clone(&recent),
            Arc::clone(&reading),
            Arc::clone(&metrics),
        ));
        let tasks = TaskTracker::new();
        let closing = CancellationToken::new();
        tasks.spawn(Arc::clone(&follower).run(closing.clone()));
        let probe = probe::run(Arc::clone(&store), Arc::clone(&writing));
        tasks.spawn(closing.clone().run_until_cancelled_owned(probe));
        let (writer, run) = Writer::new(
            Arc::clone(&store),
            Arc::clone(&recent),
            Arc::clone(&follower),
            Arc::clone(&writing),
            Arc::clone(&metrics),
            committed,
        );
        tasks.spawn(run);
        tasks.close();
        let readers = AtomicU64::new(0);
        Ok(Arc::new(Self {
            store,
            recent,
            follower,
            writer,
            writing,
            reading,
            readers,
            metrics,
            tasks,
            closing,
        }))
    }

    pub(crate) fn epoch(&self) -> &Epoch {
        self.store.epoch()
    }

    /// Queues a message for the next commit and returns at once. Messages of one source are committed in the order of
    /// the calls. If more is queued than fits into one commit, the sources take turns; each connection is one source,
    /// identified by its reader. `reply` is called once the message is committed or has certainly failed. The message
    /// is marked with `origin` if that reader does not want it back.
    pub(crate) fn submit(
        &self,
        source: ReaderId,
        message: NewMessage,
        origin: Option<ReaderId>,
        reply: impl FnOnce(Outcome) + Send + 'static,
    ) {
        self.writer.submit(source, message, origin, Box::new(reply));
    }

    /// Returns the last offset that this node knows to be committed.
    pub(crate) fn tail(&self) -> Offset {
        self.recent.tail()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns what the store takes on a disk of this machine, if it can say.
    pub(crate) fn disk(&self) -> Option<Disk> {
        self.store.disk()
    }

    /// Returns the bytes of memory that messages take, and how many they may.
    pub(crate) fn memory(&self) -> (usize, usize) {
        self.recent.memory()
    }

    /// Returns whether messages cannot be stored: an append has failed, and none has succeeded since.
    pub(crate) fn writing_fails(&self) -> bool {
        self.writing.is_on()
    }

    /// Returns whether messages cannot be read from the store.
    pub(crate) fn reading_fails(&self) -> bool {
        self.reading.is_on()
    }

    /// Accepts messages from another node's append notification if they follow `after` without a gap and continue
    /// where this node is. Otherwise it only triggers a read of the store.
    pub(crate) fn appended(&self, after: Offset, messages: Vec<Message>) {
        self.follower.tell(&messages);
        if !are_dense(after, &messages) || self.recent.push(after, messages) == Push::Gap {
            self.look();
        }
    }

    /// Has a function called with the messages that others say they have committed, and with those that are read from the
    /// store: with all that this node did not write, some of them more than once.
    pub(crate) fn on_messages_of_others(&self, told: impl Fn(&[Message]) + Send + Sync + 'static) {
        self.follower.on_messages(Box::new(told));
    }

    /// Notes that another node claims that the log goes up to `tail`. The store decides whether it does.
    pub(crate) fn reaches(&self, tail: Offset) {
        if tail > self.tail() {
            self.look();
        }
    }

    /// Requests a read soon of other nodes' messages from the store.
    pub(crate) fn look(&self) {
        self.follower.look();
    }

    /// Returns an id for a new reader.
    pub(crate) fn reader(&self) -> ReaderId {
        ReaderId(self.readers.fetch_add(1, Ordering::Relaxed))
    }

    /// Wakes a reader for every message in `feeds` from now on.
    pub(crate) fn attach(&self, reader: &Arc<Reader>, feeds: &[Feed]) {
        self.recent.attach(reader, feeds);
    }

    /// Undoes [`attach`](Self::attach).
    pub(crate) fn detach(&self, reader: &Reader, feeds: &[Feed]) {
        self.recent.detach(reader, feeds);
    }

    /// Returns the committed messages of `feeds` after `cursor`, in order. `feeds` must be all feeds that the reader is
    /// attached to. Does not wait for more. Cancel safe.
    pub(crate) async fn read_after(
        &self,
        reader: &Reader,
        feeds: &[Feed],
        cursor: Offset,
    ) -> Result<ReadEntries, StoreError> {
        let recent = self.recent.read_after(reader, cursor, READ_LIMIT);
        let metrics = &self.metrics;
        let note_lag = |first: Option<Offset>, tail: Offset| {
            if let Some(first) = first {
                metrics.lag.observe(tail.as_u64().saturating_sub(first.as_u64()));
            }
        };
        if let Read::Covered { entries, upto, tail } = recent {
            metrics.read_from_memory.observe(entries.len() as u64);
            note_lag(entries.first().map(|entry| entry.offset()), tail);
            return Ok(ReadEntries { entries, upto, gone_upto: None });
        }
        // Noted before reading: everything committed by then is in the page, or after it.
        let tail = self.tail();
        let read = self.store.read_after(Some(feeds), cursor, READ_LIMIT).await;
        let page = self.reading.watch(read)?;
        metrics.read_from_store.observe(page.messages.len() as u64);
        note_lag(page.messages.first().map(|message| message.offset), tail);
        let last = page.messages.last().map_or(cursor, |message| message.offset);
        let upto = if page.more { last } else { last.max(tail) };
        let gone_upto = Some(page.horizon)
            .filter(|horizon| *horizon > cursor && !planted::is(Bug::HorizonNotTold));
        let entries = page.messages.into_iter().map(Entry::from).map(Arc::new).collect();
        Ok(ReadEntries { entries, upto, gone_upto })
    }

    /// Returns up to where this node knows the beginning of the log to be deleted.
    pub(crate) fn horizon(&self) -> Offset {
        self.recent.horizon()
    }

    /// Deletes a part of the beginning of the log. Cancel safe.
    pub(crate) async fn trim(&self, trim: &Trim) -> Result<Trimmed, StoreError> {
        let trimmed = self.store.trim(trim).await?;
        self.recent.forget_upto(trim.upto.min(self.tail()));
        Ok(trimmed)
    }

    /// Returns the messages of these feeds after a cursor, or of all with `None`, from the store. Cancel safe.
    pub(crate) async fn read_feeds_after(
        &self,
        feeds: Option<&[Feed]>,
        cursor: Offset,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.reading.watch(self.store.read_after(feeds, cursor, limit).await)
    }

    /// Returns the offset of the last message in the store, whoever wrote it. Cancel safe.
    pub(crate) async fn end(&self) -> Result<Offset, StoreError> {
        self.reading.watch(self.store.tail().await)
    }

    /// Waits until this node knows of a message after an offset. Cancel safe.
    pub(crate) async fn grows_past(&self, offset: Offset) {
        self.recent.grows_past(offset).await;
    }

    /// Returns the message at an offset, also a deleted one. Cancel safe.
    pub(crate) async fn message(&self, offset: Offset) -> Result<Option<Message>, StoreError> {
        let read = self.store.read_after(None, offset.previous(), 1).await;
        let page = self.reading.watch(read)?;
        Ok(page.messages.into_iter().find(|message| message.offset == offset))
    }

    /// Counts the messages of a feed after an offset, at most `max`. Cancel safe.
    pub(crate) async fn count_after(
        &self,
        feed: &Feed,
        after: Offset,
        max: u64,
    ) -> Result<u64, StoreError> {
        self.reading.watch(self.store.count_after(feed, after, max).await)
    }

    /// Returns whether there are messages in a room, under any spelling of its name. Walks through the names of all
    /// rooms. Cancel safe.
    pub(crate) async fn has_room(&self, key: &RoomKey) -> Result<bool, StoreError> {
        const NAMES: usize = 1000;
        let mut after = None;
        loop {
            let names = self.room_names(after.as_ref(), NAMES).await?;
            if names.iter().any(|name| name.key() == *key) {
                return Ok(true);
            }
            if names.len() < NAMES {
                return Ok(false);
            }
            after = names.into_iter().next_back();
        }
    }

    /// Returns the names of rooms with messages, in the order of their bytes: those after `after`, at most `limit`. Cancel
    /// safe.
    pub(crate) async fn room_names(
        &self,
        after: Option<&RoomId>,
        limit: usize,
    ) -> Result<Vec<RoomId>, StoreError> {
        self.reading.watch(self.store.room_names(after, limit).await)
    }

    /// Commits and answers all submitted messages, and stops. Messages submitted later are not stored, and are
    /// answered so.
    pub(crate) async fn close(&self) {
        self.writer.close();
        self.closing.cancel();
        self.tasks.wait().await;
    }
}

/// Returns whether the offsets follow `after` without a gap. The store may have gaps where messages were deleted;
/// append notifications have none.
fn are_dense(after: Offset, messages: &[Message]) -> bool {
    // Not `Offset::next`, which stays at the largest offset.
    (after.as_u64() + 1..).zip(messages).all(|(next, message)| message.offset.as_u64() == next)
}

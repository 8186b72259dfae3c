//! The log as one node sees it: where messages are written, and from where connections read them.
//!
//! ```text
//!  submit ──▶ writer ──▶ MessageStore
//!               │ committed batch
//!               ▼
//!             recent ◀── tail: reads what this node did not write, from the store
//!               │
//!               ▼ wakes
//!             readers
//! ```
//!
//! It knows the two traits of the store and of the broadcast and nothing of sockets.

mod entry;
mod feeds;
mod follower;
mod probe;
mod queue;
mod reader;
mod recent;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chat_core::{Epoch, Feed, Message, NewMessage, Offset};
use chat_store::{MessageStore, Page, StoreError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use entry::{Delivered, Entry};
pub(crate) use queue::Outcome;
pub(crate) use reader::{Reader, ReaderId};
pub(crate) use recent::Push;
pub(crate) use writer::Committed;

use crate::engine::outage::Outage;
use follower::LogFollower;
use recent::{Read, Recent};
use writer::Writer;

/// How many of the last messages are read when a node starts, as far as they fit: those that its clients,
/// who all come back at once, have missed.
pub(crate) const RECENT_AT_START: u64 = 10_000;

/// How many messages a reader takes at a time.
pub(crate) const READ_LIMIT: usize = 256;

/// Shared by everything on a node that writes messages or reads them.
pub(crate) struct Log {
    store: Arc<dyn MessageStore>,
    recent: Arc<Recent>,
    follower: Arc<LogFollower>,
    writer: Writer,
    /// Writes and reads each work or do not: on a full disk everything can be read.
    writing: Arc<Outage>,
    reading: Arc<Outage>,
    readers: AtomicU64,
    /// The writer, its probe and the tail; all end when the log is closed.
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Log {
    /// Starts writing to and reading from a store, with so many bytes of messages in memory, and the last of
    /// those that are stored among them. `committed` hears of each batch that this node wrote.
    pub(crate) async fn start(
        store: Arc<dyn MessageStore>,
        recent_bytes: usize,
        recent_at_start: u64,
        committed: Committed,
    ) -> Result<Arc<Self>, StoreError> {
        let recent = Arc::new(follower::recent(&*store, recent_at_start, recent_bytes).await?);
        let writing = Outage::new("writing to the store");
        let reading = Outage::new("reading from the store");
        let follower = Arc::new(LogFollower::new(
            Arc::clone(&store),
            Arc::clone(&recent),
            Arc::clone(&reading),
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
            tasks,
            closing,
        }))
    }

    pub(crate) fn epoch(&self) -> &Epoch {
        self.store.epoch()
    }

    /// Queues a message for the next commit and returns at once; those of one source are committed in the order in
    /// which this is called. When more is queued than goes into one commit, the sources take turns: a connection is
    /// one, by the reader it is known by. `reply` is called when it is committed, or certain not to be. It is marked
    /// as `origin`'s own when that reader does not want it back.
    pub(crate) fn submit(
        &self,
        source: ReaderId,
        message: NewMessage,
        origin: Option<ReaderId>,
        reply: impl FnOnce(Outcome) + Send + 'static,
    ) {
        self.writer.submit(source, message, origin, Box::new(reply));
    }

    /// The last offset that this node knows to be committed.
    pub(crate) fn tail(&self) -> Offset {
        self.recent.tail()
    }

    /// Whether `offset` lies in the log, rather than beyond its end.
    pub(crate) async fn contains(&self, offset: Offset) -> Result<bool, StoreError> {
        // Another node may have written it, and this one not have heard of it yet.
        Ok(offset <= self.tail() || offset <= self.reading.watch(self.store.tail().await)?)
    }

    /// Whether messages cannot be stored: an append has failed, and none has worked since.
    pub(crate) fn writing_fails(&self) -> bool {
        self.writing.is_on()
    }

    /// Whether messages cannot be read from the store.
    pub(crate) fn reading_fails(&self) -> bool {
        self.reading.is_on()
    }

    /// Takes messages that another node says to follow `after`, when they do so without a hole and from where
    /// this node is. Anything else is only a reason to look into the store.
    pub(crate) fn hint(&self, after: Offset, messages: Vec<Message>) {
        if !are_dense(after, &messages) || self.recent.push(after, messages) == Push::Gap {
            self.look();
        }
    }

    /// Another node says that the log goes up to `tail`. Whether it does, says the store.
    pub(crate) fn reaches(&self, tail: Offset) {
        if tail > self.tail() {
            self.look();
        }
    }

    /// Looks soon into the store for messages of other nodes.
    pub(crate) fn look(&self) {
        self.follower.look();
    }

    /// A name for one more reader.
    pub(crate) fn reader(&self) -> ReaderId {
        ReaderId(self.readers.fetch_add(1, Ordering::Relaxed))
    }

    /// Has a reader woken by every message in `feeds` from now on.
    pub(crate) fn attach(&self, reader: &Arc<Reader>, feeds: &[Feed]) {
        self.recent.attach(reader, feeds);
    }

    /// Undoes [`attach`](Self::attach).
    pub(crate) fn detach(&self, reader: &Reader, feeds: &[Feed]) {
        self.recent.detach(reader, feeds);
    }

    /// The messages of `feeds` after `cursor`, in order, as far as they are committed, and the offset up to which
    /// there is nothing else. The feeds are all those that the reader is attached to. Does not wait for more; cancel
    /// safe.
    pub(crate) async fn read_after(
        &self,
        reader: &Reader,
        feeds: &[Feed],
        cursor: Offset,
    ) -> Result<(Vec<Arc<Entry>>, Offset), StoreError> {
        let recent = self.recent.read_after(reader, cursor, READ_LIMIT);
        if let Read::Covered { entries, upto } = recent {
            return Ok((entries, upto));
        }
        // Noted before reading: what is committed by then is in the page, or after it.
        let tail = self.tail();
        let read = self.store.read_after(Some(feeds), cursor, READ_LIMIT).await;
        let page = self.reading.watch(read)?;
        let last = page.messages.last().map_or(cursor, |message| message.offset);
        let upto = if page.more { last } else { last.max(tail) };
        Ok((page.messages.into_iter().map(Entry::from).map(Arc::new).collect(), upto))
    }

    /// The last messages of a feed before an offset, or of all with `None`: at most `limit`, in the order of
    /// the log. Cancel safe.
    pub(crate) async fn read_before(
        &self,
        feed: &Feed,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.reading.watch(self.store.read_before(feed, before, limit).await)
    }

    /// Commits what was submitted, answers it, and stops. What is submitted later is not stored and
    /// answered so.
    pub(crate) async fn close(&self) {
        self.writer.close();
        self.closing.cancel();
        self.tasks.wait().await;
    }
}

/// Whether each message has the offset after the one before it, and the first the one after `after`. In the store there
/// may be holes, where somebody deleted messages; in what a node says there are none.
fn are_dense(after: Offset, messages: &[Message]) -> bool {
    // Not `Offset::next`, which stays at the largest.
    (after.as_u64() + 1..).zip(messages).all(|(next, message)| message.offset.as_u64() == next)
}

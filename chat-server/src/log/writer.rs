use std::sync::{Arc, Mutex, PoisonError};

use chat_core::{Message, NewMessage, Offset};
use chat_store::{Appended, MessageStore};
use futures_util::future::join;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::recent::{Push, Recent};
use super::tail::Tail;
use super::{Entry, ReaderId};
use crate::outage::Outage;

/// A commit takes no more messages than this, so that the first of them does not wait for long.
const MAX_BATCH: usize = 1024;

/// A commit takes no more messages than have this many bytes in all, or one.
const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;

/// What became of a submitted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The store has answered.
    Answered(Appended),
    /// The store has failed or is closed. The message may be sent again.
    Unavailable,
}

/// Called when the fate of a message is known. Must not block.
pub(crate) type Reply = Box<dyn FnOnce(Outcome) + Send>;

/// Hears of each committed batch: the offset before it, and its new messages. Must not block.
pub(crate) type Committed = Box<dyn Fn(Offset, &[Message]) + Send + Sync>;

/// The one place on a node that appends to the store: a group commit.
///
/// Whatever is queued while a commit runs goes into the next one together. Nothing ever waits for a batch
/// to fill: on an idle node a message is committed alone and at once.
pub(crate) struct Writer {
    /// Gone when closed. Without a bound of its own: each connection has one on what it may have in
    /// flight.
    queue: Mutex<Option<UnboundedSender<Submission>>>,
}

struct Submission {
    message: NewMessage,
    /// The reader that does not want it back.
    origin: Option<ReaderId>,
    reply: Reply,
}

impl Writer {
    /// The writer, and the work that has to be polled for it.
    pub(crate) fn new(
        store: Arc<dyn MessageStore>,
        recent: Arc<Recent>,
        tail: Arc<Tail>,
        writing: Arc<Outage>,
        committed: Committed,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let committer = Committer { store, recent, tail, writing, committed };
        (Self { queue: Mutex::new(Some(sender)) }, committer.run(receiver))
    }

    /// Queues a message. The order of calls is the order of offsets.
    pub(crate) fn submit(&self, message: NewMessage, origin: Option<ReaderId>, reply: Reply) {
        let refused = {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let submission = Submission { message, origin, reply };
            match &*queue {
                Some(sender) => sender.send(submission).err().map(|error| error.0),
                None => Some(submission),
            }
        };
        if let Some(Submission { reply, .. }) = refused {
            reply(Outcome::Unavailable);
        }
    }

    /// Takes no more; what is queued is still committed.
    pub(crate) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

struct Committer {
    store: Arc<dyn MessageStore>,
    recent: Arc<Recent>,
    tail: Arc<Tail>,
    writing: Arc<Outage>,
    committed: Committed,
}

/// What goes into one commit.
#[derive(Default)]
struct Batch {
    messages: Vec<NewMessage>,
    /// For each message the reader that does not want it back, and who is told of its fate.
    rest: Vec<(Option<ReaderId>, Reply)>,
}

/// A batch, and what the store has answered; none when it has failed.
type Settled = (Batch, Option<Vec<Appended>>);

impl Committer {
    /// Commits batch after batch. While one is told of, the store already works on the next.
    async fn run(self, mut queue: UnboundedReceiver<Submission>) {
        let mut settled: Option<Settled> = None;
        loop {
            if queue.is_empty()
                && let Some(settled) = settled.take()
            {
                self.tell(settled);
            }
            let Some(first) = queue.recv().await else { return };
            let batch = Batch::take(first, &mut queue);
            let append = self.store.append(&batch.messages);
            let answers = match settled.take() {
                // Polls `append` first.
                Some(settled) => join(append, async { self.tell(settled) }).await.0,
                None => append.await,
            };
            settled = Some((batch, self.writing.watch(answers).ok()));
        }
    }

    /// Makes a batch visible and answers it.
    fn tell(&self, (batch, answers): Settled) {
        let Batch { messages, rest } = batch;
        let Some(answers) = answers else {
            rest.into_iter().for_each(|(_, reply)| reply(Outcome::Unavailable));
            return;
        };
        let (mut stored, mut origins) = (Vec::new(), Vec::new());
        for ((message, answer), (origin, _)) in messages.into_iter().zip(&answers).zip(&rest) {
            if let Appended::New(offset) = answer {
                stored.push(Message::from_new(*offset, message));
                origins.push(*origin);
            }
        }
        if let Some(first) = stored.first() {
            let after = first.offset.previous();
            (self.committed)(after, &stored);
            let entries = stored.into_iter().zip(origins);
            let entries = entries.map(|(message, origin)| Entry::new(message, origin));
            if self.recent.push(after, entries) == Push::Gap {
                // Another node wrote between this node's last batch and this one.
                self.tail.look();
            }
        }
        for ((_, reply), answer) in rest.into_iter().zip(answers) {
            reply(Outcome::Answered(answer));
        }
    }
}

impl Batch {
    /// The first, and what is queued behind it as far as it fits.
    fn take(first: Submission, queue: &mut UnboundedReceiver<Submission>) -> Self {
        let mut batch = Self::default();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(Submission { message, origin, reply }) = next {
            bytes += message.content.as_str().len();
            batch.messages.push(message);
            batch.rest.push((origin, reply));
            let full = batch.messages.len() >= MAX_BATCH || bytes >= MAX_BATCH_BYTES;
            next = if full { None } else { queue.try_recv().ok() };
        }
        batch
    }
}

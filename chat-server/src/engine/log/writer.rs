use std::sync::Arc;

use chat_core::{Message, NewMessage, Offset};
use chat_store::{Appended, MessageStore, StoreError};
use futures_util::future::join;
use tokio::time::Instant;

use super::follower::LogFollower;
use super::queue::{Outcome, Queue, Reply, Submission, WaitingSubmissions};
use super::recent::{Push, Recent};
use super::{Entry, ReaderId};
use crate::engine::metrics::{Entries, Metrics};
use crate::engine::outage::Outage;

/// Called with each committed batch: the offset before it, and its new messages. Must not block.
pub(crate) type Committed = Box<dyn Fn(Offset, &[Message]) + Send + Sync>;

/// The only place on a node that appends to the store; it groups messages into commits.
///
/// Messages queued during a commit go into the next one together, with sources taking turns if there are more than
/// fit. Nothing waits for a batch to fill: on an idle node a message is committed alone and at once.
pub(crate) struct Writer {
    /// Unbounded: each connection has a limit on its requests in flight.
    queue: Arc<Queue>,
    metrics: Arc<Metrics>,
}

impl Writer {
    /// Creates the writer, and the future that must be polled for it.
    pub(crate) fn new(
        store: Arc<dyn MessageStore>,
        recent: Arc<Recent>,
        follower: Arc<LogFollower>,
        writing: Arc<Outage>,
        metrics: Arc<Metrics>,
        committed: Committed,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let queue = Arc::<Queue>::default();
        let this = Self { queue: Arc::clone(&queue), metrics: Arc::clone(&metrics) };
        let committer = Committer { store, recent, follower, writing, metrics, committed };
        (this, committer.run(queue))
    }

    /// Queues a message. The order of calls for a source is the order of offsets.
    pub(crate) fn submit(
        &self,
        source: ReaderId,
        message: NewMessage,
        origin: Option<ReaderId>,
        reply: Reply,
    ) {
        let since = Instant::now();
        let submission = Submission { source, message, origin, reply, since };
        self.metrics.submitted.add(1);
        if let Err(submission) = self.queue.push(submission) {
            self.metrics.entries.unavailable.add(1);
            (submission.reply)(Outcome::Unavailable);
        }
    }

    /// Stops accepting messages; queued ones are still committed.
    pub(crate) fn close(&self) {
        self.queue.close();
    }
}

struct Committer {
    store: Arc<dyn MessageStore>,
    recent: Arc<Recent>,
    follower: Arc<LogFollower>,
    writing: Arc<Outage>,
    metrics: Arc<Metrics>,
    committed: Committed,
}

/// The messages of one commit.
struct Batch {
    messages: Vec<NewMessage>,
    /// For each message, the reader that does not want it back and when it was submitted, and the callback for its
    /// outcome.
    rest: Vec<((Option<ReaderId>, Instant), Reply)>,
}

/// A batch and the store's answer; none if the store failed.
type Settled = (Batch, Option<Vec<Appended>>);

impl Committer {
    /// Commits batch after batch. While one is being announced, the store already works on the next.
    async fn run(self, queue: Arc<Queue>) {
        let (mut waiting, mut settled) = (WaitingSubmissions::default(), None::<Settled>);
        loop {
            let (submissions, open) = waiting.take(&queue);
            if submissions.is_empty() {
                match settled.take() {
                    // More may have arrived meanwhile.
                    Some(settled) => self.tell(settled),
                    None if open => queue.changed().await,
                    None => return,
                }
                continue;
            }
            let batch = Batch::of(submissions);
            let append = self.append(&batch.messages);
            let answers = match settled.take() {
                // Polls `append` first.
                Some(settled) => join(append, async { self.tell(settled) }).await.0,
                None => append.await,
            };
            settled = Some((batch, self.writing.watch(answers).ok()));
        }
    }

    async fn append(&self, messages: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        let begun = Instant::now();
        let answers = self.store.append(messages).await;
        self.metrics.commit_time.observe_time(begun.elapsed());
        self.metrics.commit_entries.observe(messages.len() as u64);
        answers
    }

    /// Makes a batch visible and answers it.
    fn tell(&self, (batch, answers): Settled) {
        let Batch { messages, rest } = batch;
        let entries = &self.metrics.entries;
        let Some(answers) = answers else {
            entries.unavailable.add(rest.len() as u64);
            rest.into_iter().for_each(|(_, reply)| reply(Outcome::Unavailable));
            return;
        };
        let (mut stored, mut origins) = (Vec::new(), Vec::new());
        for ((message, answer), (origin, _)) in messages.into_iter().zip(&answers).zip(&rest) {
            count(entries, answer);
            if let Appended::New(offset) = answer {
                stored.push(Message::from_new(*offset, message));
                origins.push(*origin);
            }
        }
        if let Some(first) = stored.first() {
            let after = first.offset.previous();
            (self.committed)(after, &stored);
            let entries = stored.into_iter().zip(origins);
            let entries = entries
                .map(|(message, (origin, since))| Entry::new(message, origin).submitted(since));
            if self.recent.push(after, entries) == Push::Gap {
                // Another node wrote between this node's last batch and this one.
                self.follower.look();
            }
        }
        for ((_, reply), answer) in rest.into_iter().zip(answers) {
            reply(Outcome::Answered(answer));
        }
    }
}

impl Batch {
    fn of(submissions: Vec<Submission>) -> Self {
        let mut messages = Vec::with_capacity(submissions.len());
        let mut rest = Vec::with_capacity(submissions.len());
        for Submission { message, origin, reply, since, .. } in submissions {
            messages.push(message);
            rest.push(((origin, since), reply));
        }
        Self { messages, rest }
    }
}

fn count(entries: &Entries, answer: &Appended) {
    let counter = match answer {
        Appended::New(_) => &entries.stored,
        Appended::Duplicate(_) => &entries.duplicate,
        Appended::Conflict(_) => &entries.conflict,
        Appended::Missing => &entries.missing,
    };
    counter.add(1);
}

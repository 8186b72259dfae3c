use std::sync::{Arc, Mutex, PoisonError};

use chat_core::{Message, NewMessage, Offset};
use chat_store::{Appended, MessageStore};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::outage::Outage;
use super::recent::{Push, Recent};
use super::tail::Tail;

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
    reply: Reply,
}

impl Writer {
    /// The writer, and the work that has to be polled for it.
    pub(crate) fn new(
        store: Arc<dyn MessageStore>,
        recent: Arc<Recent>,
        tail: Arc<Tail>,
        outage: Arc<Outage>,
        committed: Committed,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let committer = Committer { store, recent, tail, outage, committed };
        (Self { queue: Mutex::new(Some(sender)) }, committer.run(receiver))
    }

    /// Queues a message. The order of calls is the order of offsets.
    pub(crate) fn submit(&self, message: NewMessage, reply: Reply) {
        let refused = {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let submission = Submission { message, reply };
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
    outage: Arc<Outage>,
    committed: Committed,
}

impl Committer {
    async fn run(self, mut queue: UnboundedReceiver<Submission>) {
        let mut messages = Vec::new();
        let mut replies = Vec::new();
        while let Some(first) = queue.recv().await {
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(Submission { message, reply }) = next {
                bytes += message.content.as_str().len();
                messages.push(message);
                replies.push(reply);
                let full = messages.len() >= MAX_BATCH || bytes >= MAX_BATCH_BYTES;
                next = if full { None } else { queue.try_recv().ok() };
            }
            self.commit(&mut messages, &mut replies).await;
        }
    }

    /// Commits one batch, makes it visible and answers it. Leaves both lists empty.
    async fn commit(&self, messages: &mut Vec<NewMessage>, replies: &mut Vec<Reply>) {
        let result = self.outage.watch(self.store.append(messages).await);
        let Ok(answers) = result else {
            messages.clear();
            replies.drain(..).for_each(|reply| reply(Outcome::Unavailable));
            return;
        };
        let stored: Vec<Message> = messages
            .drain(..)
            .zip(&answers)
            .filter_map(|(message, answer)| match answer {
                Appended::New(offset) => Some(Message::from_new(*offset, message)),
                Appended::Duplicate(_) | Appended::Conflict(_) => None,
            })
            .collect();
        if let Some(first) = stored.first() {
            let after = first.offset.previous();
            (self.committed)(after, &stored);
            if self.recent.push(after, stored) == Push::Gap {
                // Another node wrote between this node's last batch and this one.
                self.tail.look();
            }
        }
        for (reply, answer) in replies.drain(..).zip(answers) {
            reply(Outcome::Answered(answer));
        }
    }
}

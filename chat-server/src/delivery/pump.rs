use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;

use super::subscription::Found;
use super::{Answer, Notice, Notices, Outbox, Subscription};
use crate::log::Entry;

/// How long to leave a store alone that has failed.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Where deliveries, answers and notices of one connection go.
pub(crate) trait Sink: Send + Sync {
    /// Hands over a message, if there is room.
    fn deliver(&self, entry: &Entry) -> Sent;

    /// Hands over an answer, if there is room.
    fn answer(&self, ack_id: i64, answer: &Answer) -> Sent;

    /// Hands over a notice, if there is room.
    fn notify(&self, notice: &Notice) -> Sent;

    /// Has everything that was handed over leave, as far as there is room for it. What is handed over may
    /// wait for this.
    fn flush(&self) -> Sent;

    /// Waits until there may be room again.
    fn room(&self) -> impl Future<Output = ()> + Send;

    /// Waits until all that was handed over has left.
    fn flushed(&self) -> impl Future<Output = ()> + Send;

    /// Waits until what the connection follows, and who is behind it, would outlive the server.
    fn saved(&self) -> impl Future<Output = ()> + Send;
}

/// What became of something handed to a [`Sink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It was taken.
    Yes,
    /// There is no room for it now.
    Full,
    /// The connection is gone.
    Gone,
}

/// What waits for a connection beside the messages of the log, and whether it is still served.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) outbox: Outbox,
    pub(crate) notices: Arc<Notices>,
    /// Notified when there is something to hand over.
    pub(crate) wake: Arc<Notify>,
    phase: AtomicU8,
}

/// How far a connection is from its end. Only goes up.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Phase {
    Draining = 1,
    Gone = 2,
}

impl Waiting {
    pub(crate) fn new() -> Self {
        let wake = Arc::new(Notify::new());
        let outbox = Outbox::new(Arc::clone(&wake));
        let notices = Arc::new(Notices::new(Arc::clone(&wake)));
        Self { outbox, notices, wake, phase: AtomicU8::new(0) }
    }

    /// Has the [`pump`] hand over the answers there are, no messages, and end.
    pub(crate) fn drain(&self) {
        self.advance(Phase::Draining);
    }

    /// Has the [`pump`] end: the connection is gone.
    pub(crate) fn end(&self) {
        self.advance(Phase::Gone);
    }

    fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
        self.wake.notify_one();
    }

    fn is_past(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Acquire) >= phase as u8
    }
}

/// The connection is gone.
struct Gone;

/// Hands answers, notices and messages to a connection until it is gone, or until it drains and no answer
/// is left.
///
/// Answers overtake messages. The cursor advances only over what was taken, so stopping this at any
/// point loses nothing.
pub(crate) async fn pump(mut subscription: Subscription, waiting: &Waiting, sink: &impl Sink) {
    // Ends when the connection is gone; there is nobody to tell.
    let _ = run(&mut subscription, waiting, sink).await;
}

async fn run(
    subscription: &mut Subscription,
    waiting: &Waiting,
    sink: &impl Sink,
) -> Result<(), Gone> {
    let Waiting { outbox, notices, wake, .. } = waiting;
    while !waiting.is_past(Phase::Draining) {
        answer(outbox, sink).await?;
        for notice in notices.take() {
            until_taken(sink, || sink.notify(&notice)).await?;
        }
        let found = {
            let mut read = pin!(subscription.read());
            match (&mut read).now_or_never() {
                Some(found) => found,
                None => {
                    // What was handed over does not wait for the store.
                    sink.flush();
                    read.await
                }
            }
        };
        match found {
            Ok(Found::Nothing) => {
                until_taken(sink, || sink.flush()).await?;
                wake.notified().await;
                continue;
            }
            Ok(Found::AfterRewind) => sink.saved().await,
            Ok(Found::Messages) => {}
            // The log has told of it.
            Err(_) => {
                tokio::time::sleep(STORE_PAUSE).await;
                continue;
            }
        }
        while subscription.has_next() {
            if waiting.is_past(Phase::Draining) {
                break;
            }
            answer(outbox, sink).await?;
            match subscription.hand_over(|entry| sink.deliver(entry).taken()) {
                Ok(()) => {}
                Err(NotTaken::Full) => sink.room().await,
                Err(NotTaken::Gone) => return Err(Gone),
            }
        }
    }
    if waiting.is_past(Phase::Gone) {
        return Err(Gone);
    }
    answer(outbox, sink).await?;
    sink.flushed().await;
    Ok(())
}

/// Why a message was not taken.
enum NotTaken {
    Full,
    Gone,
}

impl Sent {
    fn taken(self) -> Result<(), NotTaken> {
        match self {
            Self::Yes => Ok(()),
            Self::Full => Err(NotTaken::Full),
            Self::Gone => Err(NotTaken::Gone),
        }
    }
}

/// Hands over all answers there are, those that tell of the session when it is saved. Messages wait meanwhile, so
/// that those of a room come after the answer to its join.
async fn answer(outbox: &Outbox, sink: &impl Sink) -> Result<(), Gone> {
    let answers = outbox.take();
    if answers.iter().any(|(_, answer, _)| answer.tells_of_session()) {
        sink.flush();
        sink.saved().await;
    }
    for (ack_id, answer, _in_flight) in answers {
        until_taken(sink, || sink.answer(ack_id, &answer)).await?;
    }
    Ok(())
}

async fn until_taken(sink: &impl Sink, mut attempt: impl FnMut() -> Sent) -> Result<(), Gone> {
    loop {
        match attempt() {
            Sent::Yes => return Ok(()),
            Sent::Full => sink.room().await,
            Sent::Gone => return Err(Gone),
        }
    }
}

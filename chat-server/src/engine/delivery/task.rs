use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use chat_core::Offset;
use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::outbox::{Permit, Unanswered};
use super::subscription::{Next, ReadOutcome};
use super::{Answer, EphemeralEvent, EphemeralEvents, Outbox, Subscription};
use crate::engine::log::Entry;
use crate::engine::planted::{self, Bug};

/// How long to wait before retrying a store that has failed.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// A connection that takes nothing for this long keeps no messages in memory: they are read again for it.
const STALL: Duration = Duration::from_secs(1);

/// After this many bytes of messages the task yields: with hundreds of busy connections, everything else on the
/// runtime waits for all of them.
const SLICE_BYTES: usize = 32 * 1024;

/// The cost of handing over a message beyond its bytes.
const MESSAGE_BYTES: usize = 256;

/// The receiving end of one connection for messages, answers and ephemeral events.
pub(crate) trait Sink: Send + Sync {
    /// Hands over a message, if there is room. The client's position there tells of so many rewinds.
    fn deliver(&self, entry: &Entry, rewinds: u32) -> Taken;

    /// Hands over that everything up to an offset was deleted, if there is room.
    fn tell_gone(&self, upto: Offset, rewinds: u32) -> Taken;

    /// Hands over an answer, if there is room.
    fn answer(&self, ack_id: i64, answer: &Answer) -> Taken;

    /// Hands over an ephemeral event, if there is room.
    fn notify(&self, event: &EphemeralEvent) -> Taken;

    /// Sends what was handed over, as far as there is room. What is handed over may wait for this.
    fn flush(&self) -> Taken;

    /// Waits until there may be room again.
    fn room(&self) -> impl Future<Output = ()> + Send;

    /// Waits until everything that was handed over has been sent.
    fn flushed(&self) -> impl Future<Output = ()> + Send;

    /// Waits until what the connection follows, and its user, would survive a crash of the server.
    fn saved(&self) -> impl Future<Output = ()> + Send;
}

/// Whether something was taken on its way to a client. The same type from the delivery task down to the socket.
pub(crate) type Taken = Result<(), NotTaken>;

/// Why something was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// There is no room now.
    Full,
    /// The connection is gone.
    Gone,
}

/// What waits for a connection in addition to messages of the log, and whether the connection is still served.
#[derive(Debug)]
pub(crate) struct Waiting<P> {
    pub(crate) outbox: Outbox<P>,
    pub(crate) ephemeral: Arc<EphemeralEvents>,
    /// Notified when there is something to hand over.
    pub(crate) wake: Arc<Notify>,
    phase: AtomicU8,
}

/// How far a connection is from its end. Only increases.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Phase {
    Draining = 1,
    Gone = 2,
}

impl<P: Permit> Waiting<P> {
    pub(crate) fn new() -> Self {
        let wake = Arc::new(Notify::new());
        let outbox = Outbox::new(Arc::clone(&wake));
        let ephemeral = Arc::new(EphemeralEvents::new(Arc::clone(&wake)));
        Self { outbox, ephemeral, wake, phase: AtomicU8::new(0) }
    }

    /// Makes [`deliver`] hand over the waiting answers, no messages, and end.
    pub(crate) fn drain(&self) {
        self.advance(Phase::Draining);
    }

    /// Makes [`deliver`] end: the connection is gone.
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

/// The delivery task: hands answers, ephemeral events and messages to a connection until it is gone, or until it
/// drains and no answer is left.
///
/// Answers overtake messages. While this waits for the store, it hands over what does not depend on the store. The
/// cursor advances only over messages that were taken, so stopping this at any point loses nothing.
pub(crate) async fn deliver<P: Permit>(
    subscription: Subscription,
    waiting: &Waiting<P>,
    sink: &impl Sink,
) {
    // Ends when the connection is gone; nobody is left to be told.
    let _ = DeliveryTask { waiting, sink, unsaved: VecDeque::new() }.run(subscription).await;
}

struct DeliveryTask<'a, S, P> {
    waiting: &'a Waiting<P>,
    sink: &'a S,
    /// Answers that wait until the session is saved.
    unsaved: VecDeque<Unanswered<P>>,
}

impl<S: Sink, P: Permit> DeliveryTask<'_, S, P> {
    async fn run(&mut self, mut subscription: Subscription) -> Result<(), Gone> {
        let Self { waiting, sink, .. } = *self;
        while !waiting.is_past(Phase::Draining) {
            self.answer().await?;
            match self.meanwhile(subscription.read(), Phase::Draining).await? {
                None => {}
                Some(Ok(ReadOutcome::Nothing)) => {
                    until_taken(sink, || sink.flush()).await?;
                    if planted::is(Bug::WakeForgotten) {
                        waiting.wake.notified().now_or_never();
                    }
                    waiting.wake.notified().await;
                    continue;
                }
                Some(Ok(ReadOutcome::AfterBreak)) => {
                    self.meanwhile(Box::pin(sink.saved()), Phase::Gone).await?;
                }
                Some(Ok(ReadOutcome::Messages)) => {}
                // The log has already reported it.
                Some(Err(_)) => {
                    self.meanwhile(Box::pin(sleep(STORE_PAUSE)), Phase::Draining).await?;
                    continue;
                }
            }
            let mut slice = 0;
            while subscription.has_next() {
                if waiting.is_past(Phase::Draining) {
                    break;
                }
                if self.has_something_to_answer() {
                    let_go_when_stalled(Box::pin(self.answer()), || subscription.let_go()).await?;
                }
                let hand_over = |next: Next<'_>, rewinds| match next {
                    Next::Gone(upto) => sink.tell_gone(upto, rewinds),
                    Next::Message(entry) => {
                        slice += MESSAGE_BYTES + entry.message.content.as_str().len();
                        sink.deliver(entry, rewinds)
                    }
                };
                match subscription.hand_over(hand_over) {
                    Ok(()) if slice < SLICE_BYTES => {}
                    Ok(()) => {
                        slice = 0;
                        yield_now().await;
                    }
                    Err(NotTaken::Full) => {
                        let_go_when_stalled(sink.room(), || subscription.let_go()).await;
                    }
                    Err(NotTaken::Gone) => return Err(Gone),
                }
            }
        }
        if waiting.is_past(Phase::Gone) {
            return Err(Gone);
        }
        self.answer().await?;
        sink.flushed().await;
        Ok(())
    }

    fn has_something_to_answer(&self) -> bool {
        let Waiting { outbox, ephemeral, .. } = self.waiting;
        !self.unsaved.is_empty() || outbox.has_some() || ephemeral.has_some()
    }

    /// Hands over all waiting answers and ephemeral events; answers about the session follow when the session is
    /// saved. Messages wait meanwhile, so that messages of a room come after the answer to its join.
    async fn answer(&mut self) -> Result<(), Gone> {
        self.hand_over().await?;
        if !self.unsaved.is_empty() {
            Box::pin(self.answer_unsaved()).await?;
        }
        Ok(())
    }

    async fn answer_unsaved(&mut self) -> Result<(), Gone> {
        while !self.unsaved.is_empty() {
            let unsaved = std::mem::take(&mut self.unsaved);
            self.meanwhile(self.sink.saved(), Phase::Gone).await?;
            for unanswered in unsaved {
                self.hand_over_answer(unanswered).await?;
            }
        }
        Ok(())
    }

    /// Hands over waiting ephemeral events, and answers that need not wait for the store.
    async fn hand_over(&mut self) -> Result<(), Gone> {
        let Self { waiting, sink, .. } = *self;
        for unanswered in waiting.outbox.take() {
            if unanswered.1.tells_of_session() && !planted::is(Bug::AnswerBeforeSave) {
                self.unsaved.push_back(unanswered);
                continue;
            }
            self.hand_over_answer(unanswered).await?;
        }
        for event in waiting.ephemeral.take() {
            until_taken(sink, || sink.notify(&event)).await?;
        }
        Ok(())
    }

    async fn hand_over_answer(&self, unanswered: Unanswered<P>) -> Result<(), Gone> {
        let (ack_id, answer, _permit) = unanswered;
        let hand_over = || match &answer {
            Answer::Event(event) => self.sink.notify(event),
            answer => self.sink.answer(ack_id, answer),
        };
        until_taken(self.sink, hand_over).await?;
        if answer.is_long() {
            Box::pin(self.sink.flushed()).await;
        }
        Ok(())
    }

    /// Waits for work that the store may delay, and meanwhile hands over what does not depend on the store. Returns
    /// `None` if the connection reaches `phase` first.
    async fn meanwhile<T>(
        &mut self,
        work: impl Future<Output = T>,
        phase: Phase,
    ) -> Result<Option<T>, Gone> {
        let mut work = pin!(work);
        match (&mut work).now_or_never() {
            Some(done) => Ok(Some(done)),
            // Boxed: otherwise every idle connection would reserve space for all of this.
            None => Box::pin(self.wait_meanwhile(work, phase)).await,
        }
    }

    async fn wait_meanwhile<T>(
        &mut self,
        mut work: Pin<&mut impl Future<Output = T>>,
        phase: Phase,
    ) -> Result<Option<T>, Gone> {
        let Self { waiting, sink, .. } = *self;
        loop {
            let flushed = sink.flush();
            if flushed == Err(NotTaken::Gone) || waiting.is_past(Phase::Gone) {
                return Err(Gone);
            }
            if waiting.is_past(phase) {
                return Ok(None);
            }
            tokio::select! {
                done = &mut work => return Ok(Some(done)),
                () = waiting.wake.notified() => self.hand_over().await?,
                () = sink.room(), if flushed == Err(NotTaken::Full) => {}
            }
        }
    }
}

/// Waits for something, and calls `let_go` when it takes longer than [`STALL`].
async fn let_go_when_stalled<T>(work: impl Future<Output = T>, let_go: impl FnOnce()) -> T {
    let mut work = pin!(work);
    if let Some(done) = (&mut work).now_or_never() {
        return done;
    }
    // Boxed: otherwise every idle connection would reserve space for all of this.
    if let Ok(done) = Box::pin(timeout(STALL, &mut work)).await {
        return done;
    }
    let_go();
    work.await
}

async fn until_taken(sink: &impl Sink, mut attempt: impl FnMut() -> Taken) -> Result<(), Gone> {
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(NotTaken::Full) => sink.room().await,
            Err(NotTaken::Gone) => return Err(Gone),
        }
    }
}

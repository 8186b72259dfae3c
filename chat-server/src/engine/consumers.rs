//! Consumers: what an application does with each message of the log, at least once and in order, with a cursor that is
//! kept in the store.
//!
//! ```text
//!   the log     … 94 95 96 97 98 99
//!                     ▲  └──┬──┘
//!       kept cursor ──┘     └ handed to the consumer; then the cursor is saved after them
//! ```
//!
//! Of all nodes, the one that owns the [`Lease`] runs it.

mod lease;
mod retry;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::{Feed, Message, Offset, RoomId};
use chat_store::{Page, SessionStore};
use futures_util::FutureExt;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use self::lease::{Lease, Lost};
use self::retry::{Failure, Retry};
use crate::engine::log::Log;
use crate::engine::planted::{self, Bug};

/// Does something with each message of the log: fills a search index, sends push notifications, bridges to another chat.
///
/// Start it with [`Chat::consume`](crate::Chat::consume).
///
/// # Contract
///
/// - **At least once, in order.** It gets each message of its [`Consumption`], in the order of the log, and after an error
///   again. After a crash it gets again what it had done since its cursor was saved, which is after each call. So make
///   what it does idempotent: the [offset](Message::offset) tells messages apart.
/// - **One owner.** Of all nodes that consume under a name, one calls it, and another goes on within half a minute when
///   that one is gone. A node that cannot save its cursor for ten seconds stops; one that was paused for
///   longer, and does not know it yet, may call it once more at the same time.
/// - **Everything.** Edits, deletions and reactions are messages, too: see [`Kind`](chat_core::Kind). Messages that were
///   deleted by then are left out, also when a call is repeated; their deletions are not.
/// - **Horizon.** What the chat's [`Retention`](crate::Retention) deletes before it gets there is skipped, and logged.
/// - **Failures.** An error, a panic and a call that takes longer than [its time](Consumption::with_timeout) repeat the
///   call, after a pause of 100 milliseconds that doubles up to 30 seconds, or a [longer one](ConsumerError::retry_after).
///   Nothing is ever skipped: if a message can never be handled, return `Ok`.
/// - **Cancellation.** A call may be dropped at any await point, when the chat stops or another node has taken over.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Handles these messages, at least one, in their order.
    ///
    /// # Errors
    /// When all of them have to be handed over again.
    async fn consume(&self, messages: &[Message]) -> Result<(), ConsumerError>;
}

/// Why a [`Consumer`] could not handle messages.
#[derive(Debug, Error)]
#[error("the messages could not be handled")]
pub struct ConsumerError {
    #[source]
    cause: Box<dyn Error + Send + Sync>,
    /// The shortest pause.
    pause: Duration,
}

impl ConsumerError {
    /// Creates an error with this cause; the log shows it with its own causes.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), pause: Duration::ZERO }
    }

    /// Sets the shortest pause before the next call.
    #[must_use]
    pub fn retry_after(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }
}

/// What a [`Consumer`] gets, and under which name its cursor is kept.
///
/// ```
/// use std::time::Duration;
///
/// use chat_server::Consumption;
///
/// let orders = Consumption::new("search index")
///     .from_the_beginning()
///     .of_rooms(["orders".parse()?])
///     .with_timeout(Duration::from_secs(10));
/// # Ok::<_, chat_core::ParseError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Consumption {
    name: String,
    from_the_beginning: bool,
    rooms: Option<Vec<RoomId>>,
    most: usize,
    most_bytes: usize,
    timeout: Duration,
}

impl Consumption {
    /// Creates a consumption of all messages from now on, at most 100 at a time, with a minute for each call. The name
    /// identifies its cursor in the store: with the name of an earlier consumption, it goes on where that one was.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            from_the_beginning: false,
            rooms: None,
            most: 100,
            most_bytes: usize::MAX,
            timeout: Duration::from_secs(60),
        }
    }

    /// Begins with the first message of the log, unless the store has its cursor already.
    #[must_use]
    pub fn from_the_beginning(self) -> Self {
        Self { from_the_beginning: true, ..self }
    }

    /// Takes the messages of these rooms only.
    #[must_use]
    pub fn of_rooms(self, rooms: impl IntoIterator<Item = RoomId>) -> Self {
        Self { rooms: Some(rooms.into_iter().collect()), ..self }
    }

    /// Sets the maximum number of messages of a call, at least 1.
    #[must_use]
    pub fn with_most_at_once(self, most: usize) -> Self {
        Self { most: most.max(1), ..self }
    }

    /// Sets the maximum size of the contents of a call in bytes, unless one message alone has more.
    #[must_use]
    pub fn with_most_bytes_at_once(self, most_bytes: usize) -> Self {
        Self { most_bytes, ..self }
    }

    /// Sets how long a call may take.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

/// A consumer that runs. Dropping this does not stop it: it runs until the chat stops.
#[derive(Debug, Clone)]
pub struct Consuming {
    stop: CancellationToken,
    position: watch::Receiver<Option<Offset>>,
}

impl Consuming {
    /// Stops it. Another node, or a later start under its name, goes on.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Returns the last offset that it has handled on this node; none if another node has it, or it has not begun.
    pub fn position(&self) -> Option<Offset> {
        *self.position.borrow()
    }

    /// Waits until everything up to an offset is handled on this node. Cancel safe.
    pub async fn reaches(&mut self, offset: Offset) {
        let is_there = |position: &Option<Offset>| position.is_some_and(|at| at >= offset);
        // It has ended: it will not be.
        if self.position.wait_for(is_there).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Creates a consumer, and the future that must be polled for it. It ends when `closing` is cancelled.
pub(crate) fn consumer(
    log: Arc<Log>,
    sessions: Arc<dyn SessionStore>,
    consumption: Consumption,
    consumer: Arc<dyn Consumer>,
    closing: &CancellationToken,
) -> (Consuming, impl Future<Output = ()> + Send + use<>) {
    let stop = closing.child_token();
    let (told, position) = watch::channel(None);
    let run = Run { log, sessions, consumption, consumer, stop: stop.clone(), told };
    (Consuming { stop, position }, run.run())
}

struct Run {
    log: Arc<Log>,
    sessions: Arc<dyn SessionStore>,
    consumption: Consumption,
    consumer: Arc<dyn Consumer>,
    stop: CancellationToken,
    told: watch::Sender<Option<Offset>>,
}

impl Run {
    async fn run(self) {
        let name = &self.consumption.name;
        while !self.stop.is_cancelled() {
            let begin = || async {
                match self.consumption.from_the_beginning {
                    true => Ok(Offset::ZERO),
                    false => self.log.end().await,
                }
            };
            let taking = Lease::take(&self.sessions, name, self.log.epoch(), begin);
            let Some(mut lease) = self.stop.run_until_cancelled(taking).await else { return };
            tracing::debug!(consumer.name = %name, "this node consumes now");
            self.told.send_replace(Some(lease.cursor()));
            match self.stop.run_until_cancelled(self.work(&mut lease)).await {
                Some(Lost) => {
                    tracing::warn!(consumer.name = %name, "another node takes over");
                }
                None => lease.release().await,
            }
            self.told.send_replace(None);
        }
    }

    /// Hands over messages until another node has taken over.
    async fn work(&self, lease: &mut Lease) -> Lost {
        let mut retry = None;
        loop {
            if let Err(lost) = self.work_on(lease, &mut retry).await {
                return lost;
            }
        }
    }

    /// Hands over the next messages once, or those that are to be handed over again as they are now.
    async fn work_on(&self, lease: &mut Lease, retry: &mut Option<Retry>) -> Result<(), Lost> {
        let Consumption { name, rooms, most, .. } = &self.consumption;
        let feeds = rooms.as_ref().map(|rooms| {
            let mut feeds: Vec<_> = rooms.iter().cloned().map(Feed::Room).collect();
            feeds.sort_unstable();
            feeds.dedup();
            feeds
        });
        // Noted before reading: everything committed by then is in the page, or after it.
        let (tail, cursor) = (self.log.tail(), lease.cursor());
        let read = self.log.read_feeds_after(feeds.as_deref(), cursor, *most).await;
        let mut page = match read {
            Ok(page) => page,
            // The log has reported it.
            Err(_) => return lease.renew_while(sleep(Duration::from_secs(1))).await,
        };
        if page.horizon > cursor && cursor > Offset::ZERO {
            let horizon = page.horizon;
            tracing::warn!(consumer.name = %name, "messages after {cursor} up to {horizon} are deleted; some may be missing");
            lease.advance(horizon);
            self.told.send_replace(Some(horizon));
        }
        let cursor = cursor.max(page.horizon);
        limit_bytes(&mut page, self.consumption.most_bytes);
        if let Some(retry) = retry {
            retry.limit(&mut page);
        }
        let last = page.messages.last().map_or(cursor, |message| message.offset);
        let messages: Vec<_> =
            page.messages.into_iter().filter(|message| !message.is_deleted()).collect();
        if !messages.is_empty() {
            let mut failed = None;
            lease.renew_while(async { failed = self.attempt(&messages).await.err() }).await?;
            if let Some(failure) = failed.filter(|_| !planted::is(Bug::FailureSkipped)) {
                let retry = retry.get_or_insert_with(|| Retry::new(last));
                let pause = retry.failed(name, &messages, failure);
                return lease.renew_while(sleep(pause)).await;
            }
        }
        if let Some(retry) = retry.take() {
            retry.succeeded(name);
        }
        let upto = if page.more { last } else { last.max(tail) };
        lease.advance(upto);
        if upto > cursor {
            self.told.send_replace(Some(upto));
        }
        if !messages.is_empty() {
            // If it cannot be saved now, these may come again.
            lease.save().await?;
        }
        if upto == cursor {
            return lease.renew_while(self.log.grows_past(cursor)).await;
        }
        Ok(())
    }

    async fn attempt(&self, messages: &[Message]) -> Result<(), Failure> {
        // The future is dropped afterwards, whatever state it is in.
        let consume = AssertUnwindSafe(self.consumer.consume(messages)).catch_unwind();
        let most = self.consumption.timeout;
        match timeout(most, consume).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(ConsumerError { cause, pause }))) => Err(Failure::of(&*cause, pause)),
            Ok(Err(_)) => Err(Failure::new("it has panicked")),
            Err(_) => Err(Failure::new(format!("it took longer than {most:?}"))),
        }
    }
}

/// Leaves of a page the first messages with so many bytes together, and at least one.
fn limit_bytes(page: &mut Page, most: usize) {
    let mut bytes = 0;
    let is_over = |message: &Message| {
        bytes += message.content.as_str().len();
        bytes > most
    };
    if let Some(fitting) = page.messages.iter().position(is_over) {
        let count = page.messages.len();
        page.messages.truncate(fitting.max(1));
        page.more |= page.messages.len() < count;
    }
}

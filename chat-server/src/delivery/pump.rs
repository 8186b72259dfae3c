use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::subscription::Found;
use super::{Answer, Notice, Notices, Outbox, Subscription};
use crate::log::Arguments;

/// How long to leave a store alone that has failed.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Where deliveries, answers and notices of one connection go.
pub(crate) trait Sink: Send + Sync {
    /// Hands over a message, if there is room.
    fn deliver(&self, event: &'static str, arguments: &Arguments) -> Sent;

    /// Hands over an answer, if there is room.
    fn answer(&self, ack_id: i64, answer: &Answer) -> Sent;

    /// Hands over a notice, if there is room.
    fn notify(&self, notice: &Notice) -> Sent;

    /// Waits until there may be room again.
    fn room(&self) -> impl Future<Output = ()> + Send;

    /// Waits until all that was handed over has left.
    fn flushed(&self) -> impl Future<Output = ()> + Send;

    /// Waits until what the connection follows would outlive the server.
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

/// What waits for a connection beside the messages of the log.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) outbox: Outbox,
    pub(crate) notices: Arc<Notices>,
    /// Notified when there is something to hand over.
    pub(crate) wake: Arc<Notify>,
}

impl Waiting {
    pub(crate) fn new() -> Self {
        let wake = Arc::new(Notify::new());
        let outbox = Outbox::new(Arc::clone(&wake));
        let notices = Arc::new(Notices::new(Arc::clone(&wake)));
        Self { outbox, notices, wake }
    }
}

/// The connection is gone.
struct Gone;

/// Hands answers, notices and messages to a connection until it is gone, or until `draining` and no answer
/// is left.
///
/// Answers overtake messages. The cursor advances only over what was taken, so stopping this at any
/// point loses nothing.
pub(crate) async fn pump(
    mut subscription: Subscription,
    waiting: &Waiting,
    sink: &impl Sink,
    draining: &CancellationToken,
) {
    // Ends when the connection is gone; there is nobody to tell.
    let _ = run(&mut subscription, waiting, sink, draining).await;
}

async fn run(
    subscription: &mut Subscription,
    waiting: &Waiting,
    sink: &impl Sink,
    draining: &CancellationToken,
) -> Result<(), Gone> {
    let Waiting { outbox, notices, wake } = waiting;
    while !draining.is_cancelled() {
        answer(outbox, sink).await?;
        for notice in notices.take() {
            until_taken(sink, || sink.notify(&notice)).await?;
        }
        match subscription.read().await {
            Ok(Found::Nothing) => {
                draining.run_until_cancelled(wake.notified()).await;
                continue;
            }
            Ok(Found::AfterRewind) => sink.saved().await,
            Ok(Found::Messages) => {}
            // The log has told of it.
            Err(_) => {
                draining.run_until_cancelled(tokio::time::sleep(STORE_PAUSE)).await;
                continue;
            }
        }
        while let Some(entry) = subscription.next() {
            if draining.is_cancelled() {
                break;
            }
            answer(outbox, sink).await?;
            // Made here once for all, and outside of the lock of the place.
            let arguments = entry.arguments(subscription.log().epoch());
            let handed_over = subscription.hand_over(|entry| match arguments {
                Some(arguments) => sink.deliver(entry.event(), arguments).taken(),
                None => Ok(()),
            });
            match handed_over {
                Ok(()) => {}
                Err(NotTaken::Full) => sink.room().await,
                Err(NotTaken::Gone) => return Err(Gone),
            }
        }
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

/// Hands over all answers there are.
async fn answer(outbox: &Outbox, sink: &impl Sink) -> Result<(), Gone> {
    for (ack_id, answer, _in_flight) in outbox.take() {
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

use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Answer, Outbox, Subscription};
use crate::log::Arguments;

/// How long to leave a store alone that has failed.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Where deliveries and answers of one connection go.
pub(crate) trait Sink: Send + Sync {
    /// Hands over a message, if there is room.
    fn deliver(&self, arguments: &Arguments) -> Sent;

    /// Hands over an answer, if there is room.
    fn answer(&self, ack_id: i64, answer: &Answer) -> Sent;

    /// Waits until there may be room again.
    fn room(&self) -> impl Future<Output = ()> + Send;

    /// Waits until all that was handed over has left.
    fn flushed(&self) -> impl Future<Output = ()> + Send;
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

/// The connection is gone.
struct Gone;

/// Hands answers and messages to a connection until it is gone, or until `draining` and no answer is left.
///
/// Answers overtake messages. The cursor advances only over what was taken, so stopping this at any
/// point loses nothing.
pub(crate) async fn pump(
    mut subscription: Subscription,
    outbox: &Outbox,
    wake: &Notify,
    sink: &impl Sink,
    draining: &CancellationToken,
) {
    // Ends when the connection is gone; there is nobody to tell.
    let _ = run(&mut subscription, outbox, wake, sink, draining).await;
}

async fn run(
    subscription: &mut Subscription,
    outbox: &Outbox,
    wake: &Notify,
    sink: &impl Sink,
    draining: &CancellationToken,
) -> Result<(), Gone> {
    while !draining.is_cancelled() {
        answer(outbox, sink).await?;
        match subscription.read().await {
            Ok(entries) if entries.is_empty() => {
                draining.run_until_cancelled(wake.notified()).await;
            }
            Ok(entries) => {
                for entry in entries {
                    if draining.is_cancelled() {
                        break;
                    }
                    answer(outbox, sink).await?;
                    if subscription.wants(&entry)
                        && let Some(arguments) = entry.arguments(subscription.log().epoch())
                    {
                        hand_over(sink, || sink.deliver(arguments)).await?;
                    }
                    subscription.advance(entry.offset());
                }
            }
            // The log has told of it.
            Err(_) => {
                draining.run_until_cancelled(tokio::time::sleep(STORE_PAUSE)).await;
            }
        }
    }
    answer(outbox, sink).await?;
    sink.flushed().await;
    Ok(())
}

/// Hands over all answers there are.
async fn answer(outbox: &Outbox, sink: &impl Sink) -> Result<(), Gone> {
    for (ack_id, answer) in outbox.take() {
        hand_over(sink, || sink.answer(ack_id, &answer)).await?;
    }
    Ok(())
}

async fn hand_over(sink: &impl Sink, mut attempt: impl FnMut() -> Sent) -> Result<(), Gone> {
    loop {
        match attempt() {
            Sent::Yes => return Ok(()),
            Sent::Full => sink.room().await,
            Sent::Gone => return Err(Gone),
        }
    }
}

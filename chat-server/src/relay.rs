//! Between the log of this node and the other nodes: what one commits, the others hear of.

use std::sync::Arc;
use std::time::Duration;

use chat_adapter::{Broadcast, BroadcastError, Incoming};
use chat_core::{Epoch, Frame, FrameBody, Message, NodeId, Offset};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::log::{Committed, Log};

/// How many batches may wait to be published. More than that are left out: other nodes find them in the
/// store.
const QUEUE: usize = 256;

/// How long to wait before listening again after the broadcast failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The end of the relay that the log writes to.
pub(crate) fn outgoing() -> (Committed, Receiver<Batch>) {
    let (sender, receiver): (Sender<Batch>, _) = mpsc::channel(QUEUE);
    let committed = move |after, messages: &[Message]| {
        if let Ok(permit) = sender.try_reserve() {
            permit.send(Batch { after, messages: messages.to_vec() });
        }
    };
    (Box::new(committed), receiver)
}

/// Messages that this node has committed after an offset.
pub(crate) struct Batch {
    after: Offset,
    messages: Vec<Message>,
}

/// Publishes what this node commits, until the log is closed.
pub(crate) async fn publish(
    broadcast: Arc<dyn Broadcast>,
    node: NodeId,
    epoch: Epoch,
    mut batches: Receiver<Batch>,
) {
    while let Some(Batch { after, messages }) = batches.recv().await {
        let tail = messages.last().map_or(after, |message| message.offset);
        let body = FrameBody::Appended { epoch: epoch.clone(), after, tail, messages };
        if let Err(error) = broadcast.publish(Arc::new(Frame { node, body })).await {
            tracing::debug!("other nodes were not told of new messages: {error}");
        }
    }
}

/// Gives the log what other nodes publish, until the broadcast is closed.
pub(crate) async fn listen(broadcast: Arc<dyn Broadcast>, node: NodeId, log: Arc<Log>) {
    loop {
        match broadcast.subscribe().await {
            Ok(mut frames) => {
                // What was published before this moment is in the store.
                log.look();
                while let Some(incoming) = frames.next().await {
                    take(incoming, node, &log);
                }
                return;
            }
            Err(BroadcastError::Closed) => return,
            Err(error) => {
                tracing::warn!("other nodes cannot be heard, trying again: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn take(incoming: Incoming, node: NodeId, log: &Log) {
    let frame = match incoming {
        Incoming::Frame(frame) if frame.node == node => return,
        Incoming::Frame(frame) => frame,
        Incoming::Gap => return log.look(),
    };
    // Other kinds are those of a later version of this program.
    let FrameBody::Appended { epoch, after, tail, messages } = &frame.body else { return };
    if epoch != log.epoch() {
        tracing::debug!(frame.node = %frame.node, "a frame about another log was ignored");
        return;
    }
    log.hint(*after, messages.clone());
    if *tail > log.tail() {
        log.look();
    }
}

//! The frames from this node to the other nodes.

use std::sync::Arc;

use chat_adapter::Broadcast;
use chat_core::{AccessScope, Epoch, Frame, FrameBody, NodeId};
use chat_store::SessionKey;
use data_encoding::HEXLOWER;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

use crate::engine::log::Committed;
use crate::engine::measure::Counter;

/// Maximum number of frames that wait to be published. Further ones are dropped: other nodes find their contents in
/// the store.
const QUEUE: usize = 256;

/// The queue of frames for other nodes.
#[derive(Clone)]
pub(crate) struct Outgoing(Sender<FrameBody>, Arc<OutgoingCounters>);

/// What became of the frames for other nodes.
#[derive(Debug, Default)]
pub(crate) struct OutgoingCounters {
    pub(crate) sent: Counter,
    /// Frames for which there was no room in the queue.
    pub(crate) dropped: Counter,
    /// Frames that the broadcast did not take.
    pub(crate) failed: Counter,
}

impl Outgoing {
    /// Creates the queue: the sending end, and the receiving end for [`publish`].
    pub(crate) fn new() -> (Self, Receiver<FrameBody>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender, Arc::default()), receiver)
    }

    pub(crate) fn counters(&self) -> &Arc<OutgoingCounters> {
        &self.1
    }

    /// Returns the number of frames that wait, and how many may.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.0.max_capacity() - self.0.capacity(), self.0.max_capacity())
    }

    /// Queues frames about the messages that this node commits to the log `epoch`; without the messages if the other
    /// nodes would not trust them.
    pub(crate) fn committed(self, epoch: Epoch, believed: bool) -> Committed {
        Box::new(move |after, messages| {
            // Nothing is copied if the queue is full.
            let Ok(permit) = self.0.try_reserve() else { return self.1.dropped.add(1) };
            let tail = messages.last().map_or(after, |message| message.offset);
            let messages = if believed { messages.to_vec() } else { Vec::new() };
            let epoch = epoch.clone();
            permit.send(FrameBody::Appended { epoch, after, tail, messages });
        })
    }

    /// Queues a frame about a session that a client has recovered on this node.
    pub(crate) fn session_taken(&self, key: SessionKey, generation: i64) {
        let session = HEXLOWER.encode(&key.0);
        self.try_send(FrameBody::SessionTaken { session, generation });
    }

    /// Queues a frame about a change of access, which waits for room in the queue.
    pub(crate) async fn access_changed(&self, scope: AccessScope) {
        let _ = self.0.send(FrameBody::AccessChanged { scope }).await;
    }

    /// Queues a frame about presence. Returns whether there was room for it; if not, it is dropped.
    pub(crate) fn presence(&self, body: FrameBody) -> bool {
        self.try_send(body)
    }

    /// Queues a frame about what an operator asks, which waits for room in the queue. Returns false if the chat has stopped.
    pub(crate) async fn operator(&self, body: FrameBody) -> bool {
        self.0.send(body).await.is_ok()
    }

    fn try_send(&self, body: FrameBody) -> bool {
        let is_sent = self.0.try_send(body).is_ok();
        self.1.dropped.add(u64::from(!is_sent));
        is_sent
    }
}

/// Publishes frames from [`Outgoing`] until `closing`, and then the remaining ones.
pub(crate) async fn publish(
    broadcast: Arc<dyn Broadcast>,
    node: NodeId,
    (mut outgoing, counters): (Receiver<FrameBody>, Arc<OutgoingCounters>),
    closing: CancellationToken,
) {
    loop {
        let body = match closing.run_until_cancelled(outgoing.recv()).await {
            Some(body) => body,
            None => {
                outgoing.close();
                outgoing.recv().await
            }
        };
        let Some(body) = body else { return };
        match broadcast.publish(Arc::new(Frame::new(node, body))).await {
            Ok(()) => counters.sent.add(1),
            Err(error) => {
                counters.failed.add(1);
                tracing::debug!("other nodes were not told: {error}");
            }
        }
    }
}

//! The frames from this node to the other nodes.

use std::sync::Arc;

use chat_adapter::Broadcast;
use chat_core::{AccessScope, Epoch, Frame, FrameBody, NodeId};
use chat_store::SessionKey;
use data_encoding::HEXLOWER;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

use crate::engine::log::Committed;

/// Maximum number of frames that wait to be published. Further ones are dropped: other nodes find their contents in
/// the store.
const QUEUE: usize = 256;

/// The queue of frames for other nodes.
#[derive(Clone)]
pub(crate) struct Outgoing(Sender<FrameBody>);

impl Outgoing {
    /// Creates the queue: the sending end, and the receiving end for [`publish`].
    pub(crate) fn new() -> (Self, Receiver<FrameBody>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Queues frames about the messages that this node commits to the log `epoch`; without the messages if the other
    /// nodes would not trust them.
    pub(crate) fn committed(self, epoch: Epoch, believed: bool) -> Committed {
        Box::new(move |after, messages| {
            // Nothing is copied if the queue is full.
            let Ok(permit) = self.0.try_reserve() else { return };
            let tail = messages.last().map_or(after, |message| message.offset);
            let messages = if believed { messages.to_vec() } else { Vec::new() };
            let epoch = epoch.clone();
            permit.send(FrameBody::Appended { epoch, after, tail, messages });
        })
    }

    /// Queues a frame about a session that a client has recovered on this node.
    pub(crate) fn session_taken(&self, key: SessionKey, generation: i64) {
        let session = HEXLOWER.encode(&key.0);
        let _ = self.0.try_send(FrameBody::SessionTaken { session, generation });
    }

    /// Queues a frame about a change of access, which waits for room in the queue.
    pub(crate) async fn access_changed(&self, scope: AccessScope) {
        let _ = self.0.send(FrameBody::AccessChanged { scope }).await;
    }

    /// Queues a frame about presence. Returns whether there was room for it; if not, it is dropped.
    pub(crate) fn presence(&self, body: FrameBody) -> bool {
        self.0.try_send(body).is_ok()
    }
}

/// Publishes frames from [`Outgoing`] until `closing`, and then the remaining ones.
pub(crate) async fn publish(
    broadcast: Arc<dyn Broadcast>,
    node: NodeId,
    mut outgoing: Receiver<FrameBody>,
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
        if let Err(error) = broadcast.publish(Arc::new(Frame::new(node, body))).await {
            tracing::debug!("other nodes were not told: {error}");
        }
    }
}

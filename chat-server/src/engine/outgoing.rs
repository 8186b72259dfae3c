//! What the other nodes hear of this one.

use std::sync::Arc;

use chat_adapter::Broadcast;
use chat_core::{Epoch, Frame, FrameBody, NodeId};
use chat_store::SessionKey;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

use crate::engine::log::Committed;

/// How many frames may wait to be published. More than that are left out: other nodes find in the store
/// what they would have said.
const QUEUE: usize = 256;

/// Where the parts of a node put what other nodes are to hear.
#[derive(Clone)]
pub(crate) struct Outgoing(Sender<FrameBody>);

impl Outgoing {
    /// The end to write to, and the end for [`publish`].
    pub(crate) fn new() -> (Self, Receiver<FrameBody>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Tells of the messages that this node commits to the log that `epoch` names; without what they say when nobody
    /// would believe it.
    pub(crate) fn committed(self, epoch: Epoch, believed: bool) -> Committed {
        Box::new(move |after, messages| {
            // Nothing is copied when there is no place for it.
            let Ok(permit) = self.0.try_reserve() else { return };
            let tail = messages.last().map_or(after, |message| message.offset);
            let messages = if believed { messages.to_vec() } else { Vec::new() };
            let epoch = epoch.clone();
            permit.send(FrameBody::Appended { epoch, after, tail, messages });
        })
    }

    /// Tells of a session that a client has got back on this node.
    pub(crate) fn session_taken(&self, key: SessionKey, generation: i64) {
        let session = key.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = self.0.try_send(FrameBody::SessionTaken { session, generation });
    }

    /// Tells of who is where. Says whether there was place for it: if not, it is not told.
    pub(crate) fn presence(&self, body: FrameBody) -> bool {
        self.0.try_send(body).is_ok()
    }
}

/// Publishes what is put into [`Outgoing`] until `closing`, and then what is left in it.
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
        if let Err(error) = broadcast.publish(Arc::new(Frame { node, body })).await {
            tracing::debug!("other nodes were not told: {error}");
        }
    }
}

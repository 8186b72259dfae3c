//! Between this node and the others: what one commits, the others hear of.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chat_adapter::{Broadcast, BroadcastError, Incoming};
use chat_core::{Epoch, Frame, FrameBody, NodeId};
use chat_store::SessionKey;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

use crate::engine::log::{Committed, Log};
use crate::engine::presence::Roster;

/// How many frames may wait to be published. More than that are left out: other nodes find in the store
/// what they would have said.
const QUEUE: usize = 256;

/// How long to wait before listening again after the broadcast failed.
const PAUSE: Duration = Duration::from_secs(1);

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

/// What this node does with what others say.
pub(crate) struct Listener {
    pub(crate) node: NodeId,
    pub(crate) log: Arc<Log>,
    /// Told of a session that a client has got back on another node, and of its generation. Must not block.
    pub(crate) session_taken: Box<dyn Fn(SessionKey, i64) + Send + Sync>,
    pub(crate) roster: Roster,
}

impl Listener {
    /// Listens until the broadcast is closed.
    pub(crate) async fn listen(self, broadcast: Arc<dyn Broadcast>) {
        loop {
            match broadcast.subscribe().await {
                Ok(mut frames) => {
                    let believed = broadcast.is_authenticated();
                    // What was published before this moment is in the store.
                    self.log.look();
                    while let Some(incoming) = frames.next().await {
                        match incoming {
                            Incoming::Frame(frame) if frame.node == self.node => {}
                            Incoming::Frame(frame) => {
                                self.take(Arc::unwrap_or_clone(frame), believed);
                            }
                            Incoming::Gap => self.log.look(),
                        }
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

    /// Takes note of what a frame says. Its messages are only shown when they are `believed`: otherwise anybody might
    /// have made them up.
    fn take(&self, Frame { node, body }: Frame, believed: bool) {
        match body {
            FrameBody::Appended { epoch, .. } if epoch != *self.log.epoch() => {
                tracing::debug!(frame.node = %node, "a frame about another log was ignored");
            }
            FrameBody::Appended { after, tail, messages, .. } => {
                // Whoever has committed a message knows that the log goes up to it.
                let is_sound = messages.last().is_none_or(|last| last.offset <= tail);
                if believed && is_sound {
                    self.log.hint(after, messages);
                }
                self.log.reaches(tail);
            }
            FrameBody::SessionTaken { session, generation } => {
                if let Some(key) = session_key(&session) {
                    (self.session_taken)(key, generation);
                }
            }
            // The roster's own, and those of a later version of this program.
            body => self.roster.take(node, body),
        }
    }
}

fn session_key(hexadecimal: &str) -> Option<SessionKey> {
    let mut key = [0; 32];
    if hexadecimal.len() != 2 * key.len() || !hexadecimal.is_ascii() {
        return None;
    }
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hexadecimal[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(SessionKey(key))
}

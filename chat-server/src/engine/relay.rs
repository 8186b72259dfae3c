//! Receives the frames of other nodes and applies them.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chat_adapter::{Broadcast, BroadcastError, Incoming};
use chat_core::{AccessScope, Frame, FrameBody, NodeId};
use chat_store::SessionKey;
use data_encoding::HEXLOWER_PERMISSIVE;

use crate::engine::inquiry::Inquiries;
use crate::engine::log::Log;
use crate::engine::presence::Presence;

/// How long to wait before listening again after the broadcast failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Applies the frames of other nodes.
pub(crate) struct Listener {
    pub(crate) node: NodeId,
    pub(crate) log: Arc<Log>,
    /// Called with a session that a client has recovered on another node, and its generation. Must not block.
    pub(crate) session_taken: Box<dyn Fn(SessionKey, i64) + Send + Sync>,
    /// Called when access has changed on another node, or may have without this one being told. Must not block.
    pub(crate) access_changed: Box<dyn Fn(AccessScope) + Send + Sync>,
    pub(crate) presence: Presence,
    pub(crate) inquiries: Inquiries,
}

impl Listener {
    /// Listens until the broadcast is closed.
    pub(crate) async fn listen(self, broadcast: Arc<dyn Broadcast>) {
        loop {
            match broadcast.subscribe().await {
                Ok(mut frames) => {
                    let believed = broadcast.is_authenticated();
                    // Frames published before this moment are in the store.
                    self.log.look();
                    (self.access_changed)(AccessScope::Everything);
                    while let Some(incoming) = frames.next().await {
                        let frames = &self.log.metrics().frames;
                        match incoming {
                            Incoming::Frame(frame) if frame.node == self.node => {}
                            Incoming::Frame(frame) => {
                                frames.received.add(1);
                                self.take(Arc::unwrap_or_clone(frame), believed);
                            }
                            Incoming::Gap => {
                                frames.gaps.add(1);
                                self.log.look();
                                (self.access_changed)(AccessScope::Everything);
                            }
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

    /// Applies a frame. Its messages are shown only if they are `believed`: otherwise anyone might have forged them.
    fn take(&self, Frame { node, body, .. }: Frame, believed: bool) {
        match body {
            FrameBody::Appended { epoch, .. } if epoch != *self.log.epoch() => {
                tracing::debug!(frame.node = %node, "a frame about another log was ignored");
            }
            FrameBody::Appended { after, tail, messages, .. } => {
                if tail <= self.log.tail() {
                    self.log.metrics().frames.late.add(1);
                }
                // The node that has committed a message knows that the log goes up to it.
                let is_sound = messages.last().is_none_or(|last| last.offset <= tail);
                if believed && is_sound {
                    self.log.appended(after, messages);
                }
                self.log.reaches(tail);
            }
            FrameBody::SessionTaken { session, generation } => {
                if let Some(key) = session_key(&session) {
                    (self.session_taken)(key, generation);
                }
            }
            FrameBody::AccessChanged { scope } => (self.access_changed)(scope),
            // The frames about operators and presence, and those of a later version of this program.
            body => {
                if let Some(body) = self.inquiries.take(node, body) {
                    self.presence.take(node, body);
                }
            }
        }
    }
}

fn session_key(hexadecimal: &str) -> Option<SessionKey> {
    let key = HEXLOWER_PERMISSIVE.decode(hexadecimal.as_bytes()).ok()?;
    key.try_into().ok().map(SessionKey)
}

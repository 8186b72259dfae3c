use std::sync::Arc;

use async_trait::async_trait;
use chat_core::Frame;

use crate::BroadcastError;

/// A way for the nodes of a chat to tell each other something.
///
/// # Contract
///
/// It carries hints, not messages: what matters is in the store, where every node can read it. So a
/// broadcast may lose frames, double them or deliver them late; it only has to *say* when it may have
/// lost some. The suite in the module `testkit` (feature `testkit`) checks:
///
/// - **Everybody hears.** A published frame reaches every subscriber of every other node that is not
///   told about a gap. It may also come back to the node that published it, which knows its own frames
///   by [`Frame::node`].
/// - **In order.** Frames of one publisher arrive in the order in which they were published.
/// - **Gaps are announced.** When frames may have been lost, a subscriber gets [`Incoming::Gap`] before
///   any later frame.
/// - **A slow subscriber hurts only itself.** It gets a gap; nobody waits for it, and what is kept for it
///   is bounded.
/// - **Close ends the streams.** After [`close`](Self::close) every subscriber gets `None`.
#[async_trait]
pub trait Broadcast: Send + Sync + 'static {
    /// Sends a frame to the other nodes. It need not have arrived when this returns.
    ///
    /// Cancel safe: a dropped call has sent the frame or it has not.
    ///
    /// # Errors
    /// The frame may not have been sent. Publishers need not try again.
    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError>;

    /// Listens to everything that is published from now on.
    ///
    /// Cancel safe: a dropped call leaves nobody who listens.
    ///
    /// # Errors
    /// Nobody listens; trying again may help when the error is [`BroadcastError::Unavailable`].
    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError>;

    /// Whether other nodes can be heard now. While they cannot, what they say is read from the store,
    /// later than usual; the broadcast connects again by itself.
    fn is_connected(&self) -> bool {
        true
    }

    /// Whether everything that is delivered was certainly published by a node of this chat: because it does not
    /// leave the process or the user's processes, or because it is signed.
    ///
    /// Then what a frame holds is shown to clients as it is. When not, which is the default, a frame only says
    /// that there is something new, and the node reads it from the store: nobody who can send frames can put words
    /// into another's mouth. Return `true` only when you know who can.
    fn is_authenticated(&self) -> bool {
        false
    }

    /// Ends all streams. Closing twice is harmless, and so is doing it again after a call that was dropped.
    async fn close(&self);
}

/// The stream of frames that one subscriber gets.
#[async_trait]
pub trait Subscriber: Send {
    /// The next thing to know; `None` after the broadcast was closed.
    ///
    /// Cancel safe: a dropped call has taken nothing out of the stream.
    async fn next(&mut self) -> Option<Incoming>;
}

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A frame that some node published.
    Frame(Arc<Frame>),
    /// Frames may have been lost: look into the store for what they may have said.
    Gap,
}

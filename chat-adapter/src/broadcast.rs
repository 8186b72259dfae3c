use std::sync::Arc;

use async_trait::async_trait;
use chat_core::Frame;

use crate::BroadcastError;

/// A channel through which the nodes of a chat tell each other about changes.
///
/// # Contract
///
/// It carries notifications, not the messages that matter: those are in the store, where every node can read them. So
/// a broadcast may lose, duplicate or delay frames; it only has to *report* when it may have lost some. The suite in
/// the module `testkit` (feature `testkit`) checks:
///
/// - **Everybody hears.** A published frame reaches every subscriber of every other node, unless the subscriber gets
///   a gap. It may also come back to the node that published it, which recognises its own frames by [`Frame::node`].
/// - **In order.** Frames of one publisher arrive in the order in which they were published.
/// - **Gaps are announced.** If frames may have been lost, a subscriber gets [`Incoming::Gap`] before any later
///   frame.
/// - **A slow subscriber hurts only itself.** It gets a gap; nobody waits for it, and its buffer is bounded.
/// - **Close ends the streams.** After [`close`](Self::close) every subscriber gets `None`.
#[async_trait]
pub trait Broadcast: Send + Sync + 'static {
    /// Sends a frame to the other nodes. It may not have arrived yet when this returns.
    ///
    /// Cancel safe: a dropped call has sent the frame or it has not.
    ///
    /// # Errors
    /// The frame may not have been sent. Publishers need not retry.
    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError>;

    /// Subscribes to everything that is published from now on.
    ///
    /// Cancel safe: a dropped call leaves no subscriber behind.
    ///
    /// # Errors
    /// There is no subscriber; a retry may help if the error is [`BroadcastError::Unavailable`].
    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError>;

    /// Returns whether other nodes can be heard now. If not, this node reads their messages from the store, later
    /// than usual; the broadcast reconnects by itself.
    fn is_connected(&self) -> bool {
        true
    }

    /// Returns whether everything that is delivered was certainly published by a node of this chat: because it does
    /// not leave the process or the user's processes, or because it is signed.
    ///
    /// In that case the contents of a frame are shown to clients as they are. Otherwise, which is the default, a
    /// frame only notifies, and the node reads the contents from the store: nobody who can send frames can put words
    /// into another user's mouth. Return `true` only if you know who can send frames.
    fn is_authenticated(&self) -> bool {
        false
    }

    /// Ends all streams. Closing twice is harmless, as is calling it again after a dropped call.
    async fn close(&self);
}

/// The stream of frames for one subscriber.
#[async_trait]
pub trait Subscriber: Send {
    /// Returns the next item; `None` after the broadcast was closed.
    ///
    /// Cancel safe: a dropped call has taken nothing out of the stream.
    async fn next(&mut self) -> Option<Incoming>;
}

/// An item that a subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A frame that some node published.
    Frame(Arc<Frame>),
    /// Frames may have been lost: read from the store what they may have contained.
    Gap,
}

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chat_core::Frame;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{Broadcast, BroadcastError, Incoming, Subscriber};

/// A broadcast inside one process: for a chat of a single node, and for several nodes in one program,
/// as tests have them.
///
/// Nodes that share it (as an `Arc`) hear each other. A subscriber that is more than
/// [`LocalBroadcast::CAPACITY`] frames behind is told about a gap.
#[derive(Debug)]
pub struct LocalBroadcast {
    /// Gone when closed: the receivers end when the last sender does.
    sender: Mutex<Option<broadcast::Sender<Arc<Frame>>>>,
}

impl LocalBroadcast {
    /// How many frames are kept for a slow subscriber.
    pub const CAPACITY: usize = 1024;

    /// A broadcast that nobody listens to yet.
    pub fn new() -> Self {
        Self { sender: Mutex::new(Some(broadcast::Sender::new(Self::CAPACITY))) }
    }

    fn sender(&self) -> Result<broadcast::Sender<Arc<Frame>>, BroadcastError> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender.clone().ok_or(BroadcastError::Closed)
    }
}

impl Default for LocalBroadcast {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Broadcast for LocalBroadcast {
    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        // It fails when nobody listens, which is no fault.
        let _ = self.sender()?.send(frame);
        Ok(())
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        Ok(Box::new(LocalSubscriber(self.sender()?.subscribe())))
    }

    async fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

struct LocalSubscriber(broadcast::Receiver<Arc<Frame>>);

#[async_trait]
impl Subscriber for LocalSubscriber {
    async fn next(&mut self) -> Option<Incoming> {
        match self.0.recv().await {
            Ok(frame) => Some(Incoming::Frame(frame)),
            Err(RecvError::Lagged(_)) => Some(Incoming::Gap),
            Err(RecvError::Closed) => None,
        }
    }
}

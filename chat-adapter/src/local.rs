use std::sync::Arc;

use async_trait::async_trait;
use chat_core::Frame;

use crate::fanout::Fanout;
use crate::{Broadcast, BroadcastError, Incoming, Subscriber};

/// A broadcast within one process: for a chat with a single node, and for several nodes in one program, as in tests.
///
/// Nodes that share it (as an `Arc`) receive each other's frames. A subscriber that is more than
/// [`LocalBroadcast::CAPACITY`] frames behind gets a gap.
#[derive(Debug)]
pub struct LocalBroadcast(Fanout);

impl LocalBroadcast {
    /// The number of frames kept for a slow subscriber.
    pub const CAPACITY: usize = Fanout::CAPACITY;

    /// Creates a broadcast without subscribers.
    pub fn new() -> Self {
        Self(Fanout::new())
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
        self.0.send(Incoming::Frame(frame))
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        self.0.subscribe()
    }

    fn is_authenticated(&self) -> bool {
        true
    }

    async fn close(&self) {
        self.0.close();
    }
}

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::Frame;

use crate::fanout::Fanout;
use crate::{Broadcast, BroadcastError, Incoming, Subscriber};

/// A broadcast inside one process: for a chat of a single node, and for several nodes in one program,
/// as tests have them.
///
/// Nodes that share it (as an `Arc`) hear each other. A subscriber that is more than
/// [`LocalBroadcast::CAPACITY`] frames behind is told about a gap.
#[derive(Debug)]
pub struct LocalBroadcast(Fanout);

impl LocalBroadcast {
    /// How many frames are kept for a slow subscriber.
    pub const CAPACITY: usize = Fanout::CAPACITY;

    /// A broadcast that nobody listens to yet.
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

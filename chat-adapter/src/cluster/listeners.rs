use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chat_core::Frame;

use super::queue::{Piece, Queue};
use crate::{BroadcastError, Incoming, Subscriber};

/// The subscribers of one node, each with its own queue.
#[derive(Debug, Default)]
pub(super) struct Listeners(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    queues: Vec<Arc<Queue<Arc<Frame>>>>,
    closed: bool,
}

impl Listeners {
    pub(super) fn subscribe(self: &Arc<Self>) -> Result<ClusterSubscriber, BroadcastError> {
        let queue = Arc::new(Queue::new());
        let mut state = self.lock();
        if state.closed {
            return Err(BroadcastError::Closed);
        }
        state.queues.push(Arc::clone(&queue));
        drop(state);
        Ok(ClusterSubscriber { queue, listeners: Arc::clone(self) })
    }

    pub(super) fn tell(&self, frame: &Arc<Frame>, bytes: usize) {
        self.lock().queues.iter().for_each(|queue| queue.push(Arc::clone(frame), bytes));
    }

    pub(super) fn tell_gap(&self) {
        self.lock().queues.iter().for_each(|queue| queue.push_gap());
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.queues.drain(..).for_each(|queue| queue.close());
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct ClusterSubscriber {
    queue: Arc<Queue<Arc<Frame>>>,
    listeners: Arc<Listeners>,
}

#[async_trait]
impl Subscriber for ClusterSubscriber {
    async fn next(&mut self) -> Option<Incoming> {
        Some(match self.queue.next().await? {
            Piece::Frame(frame) => Incoming::Frame(frame),
            Piece::Gap => Incoming::Gap,
        })
    }
}

impl Drop for ClusterSubscriber {
    fn drop(&mut self) {
        self.listeners.lock().queues.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
    }
}

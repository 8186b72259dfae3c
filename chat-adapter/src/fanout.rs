use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{BroadcastError, Incoming, Subscriber};

/// Gives what arrives at this process to each of its subscribers, without ever waiting for one.
#[derive(Debug)]
pub(crate) struct Fanout {
    /// Gone when closed: the receivers end when the last sender does.
    sender: Mutex<Option<broadcast::Sender<Incoming>>>,
}

impl Fanout {
    /// How many frames are kept for a slow subscriber. One that is further behind is told about a gap.
    pub(crate) const CAPACITY: usize = 1024;

    pub(crate) fn new() -> Self {
        Self { sender: Mutex::new(Some(broadcast::Sender::new(Self::CAPACITY))) }
    }

    pub(crate) fn send(&self, incoming: Incoming) -> Result<(), BroadcastError> {
        // It fails when nobody listens, which is no fault.
        let _ = self.sender()?.send(incoming);
        Ok(())
    }

    pub(crate) fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        Ok(Box::new(FanoutSubscriber(self.sender()?.subscribe())))
    }

    pub(crate) fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn sender(&self) -> Result<broadcast::Sender<Incoming>, BroadcastError> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender.clone().ok_or(BroadcastError::Closed)
    }
}

struct FanoutSubscriber(broadcast::Receiver<Incoming>);

#[async_trait]
impl Subscriber for FanoutSubscriber {
    async fn next(&mut self) -> Option<Incoming> {
        match self.0.recv().await {
            Ok(incoming) => Some(incoming),
            Err(RecvError::Lagged(_)) => Some(Incoming::Gap),
            Err(RecvError::Closed) => None,
        }
    }
}

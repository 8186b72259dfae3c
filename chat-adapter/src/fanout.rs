use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{BroadcastError, Incoming, Subscriber};

/// Passes everything that arrives at this process to each of its subscribers, without waiting for any of them: the
/// receiving half of every [`Broadcast`](crate::Broadcast) in this crate, and of your own.
///
/// ```
/// use std::sync::Arc;
/// use chat_adapter::{Fanout, Incoming};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let fanout = Fanout::new();
/// let mut subscriber = fanout.subscribe()?;
/// // A connection was made: nobody knows what was said before.
/// fanout.send(Incoming::Gap)?;
/// assert_eq!(subscriber.next().await, Some(Incoming::Gap));
/// fanout.close();
/// assert_eq!(subscriber.next().await, None);
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Fanout {
    /// None once closed: the receivers end with the last sender.
    sender: Mutex<Option<broadcast::Sender<Incoming>>>,
}

impl Fanout {
    /// The number of frames kept for a slow subscriber. One that is further behind gets a gap.
    pub const CAPACITY: usize = 1024;

    /// Creates a fanout without subscribers.
    pub fn new() -> Self {
        Self { sender: Mutex::new(Some(broadcast::Sender::new(Self::CAPACITY))) }
    }

    /// Sends something to all subscribers. Having none is not an error.
    ///
    /// # Errors
    /// [`BroadcastError::Closed`].
    pub fn send(&self, incoming: Incoming) -> Result<(), BroadcastError> {
        // It fails without subscribers, which is no error.
        let _ = self.sender()?.send(incoming);
        Ok(())
    }

    /// Subscribes to everything that is sent from now on.
    ///
    /// # Errors
    /// [`BroadcastError::Closed`].
    pub fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        Ok(Box::new(FanoutSubscriber(self.sender()?.subscribe())))
    }

    /// Ends the streams of all subscribers once they have taken what was sent before. Closing twice is harmless.
    pub fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn sender(&self) -> Result<broadcast::Sender<Incoming>, BroadcastError> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender.clone().ok_or(BroadcastError::Closed)
    }
}

impl Default for Fanout {
    fn default() -> Self {
        Self::new()
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

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::{Frame, FrameBody};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::connection::{Connection, Shared};
use super::listeners::Listeners;
use super::queue::Queue;
use super::wire::MAX_FRAME_BYTES;
use crate::{Broadcast, BroadcastError, Subscriber};

/// How long a hub may take to receive the last frames of a node that closes.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// The nodes of one host, each a process of its own, that meet at a [`ClusterHub`](crate::ClusterHub).
///
/// When the hub goes away it connects again by itself, trying at least once a second, and subscribers get
/// a gap once it has. Until then publishing fails at once.
#[derive(Debug)]
pub struct ClusterBroadcast {
    shared: Arc<Shared>,
    /// Gone when closed.
    connection: Mutex<Option<JoinHandle<()>>>,
}

impl ClusterBroadcast {
    /// Connects to the hub that listens on this socket.
    ///
    /// # Errors
    /// [`BroadcastError::Unavailable`] when none does.
    pub async fn connect(path: impl AsRef<Path>) -> Result<Self, BroadcastError> {
        let path = path.as_ref();
        let connection = Connection::open(path).await.map_err(|error| {
            let reason = format!("no hub answers on the socket {}: {error}", path.display());
            BroadcastError::Unavailable(reason.into())
        })?;
        let shared = Arc::new(Shared {
            outgoing: Queue::new(),
            connected: AtomicBool::new(true),
            listeners: Arc::new(Listeners::default()),
        });
        let task = tokio::spawn(connection.run(Arc::clone(&shared)));
        Ok(Self { shared, connection: Mutex::new(Some(task)) })
    }

    fn take_connection(&self) -> Option<JoinHandle<()>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl Broadcast for ClusterBroadcast {
    fn is_connected(&self) -> bool {
        self.shared.connected.load(Ordering::Acquire)
    }

    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        if self.shared.listeners.is_closed() {
            return Err(BroadcastError::Closed);
        }
        if !self.is_connected() {
            return Err(BroadcastError::Unavailable("the hub of this host is away".into()));
        }
        match encode(&frame) {
            Some(bytes) => {
                let length = bytes.len();
                self.shared.outgoing.push(bytes, length);
            }
            None => self.shared.outgoing.push_gap(),
        }
        Ok(())
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        Ok(Box::new(self.shared.listeners.subscribe()?))
    }

    async fn close(&self) {
        self.shared.listeners.close();
        self.shared.outgoing.close();
        let Some(mut connection) = self.take_connection() else { return };
        if !self.is_connected() || timeout(CLOSE_PATIENCE, &mut connection).await.is_err() {
            connection.abort();
        }
    }
}

impl Drop for ClusterBroadcast {
    fn drop(&mut self) {
        if let Some(connection) = self.take_connection() {
            connection.abort();
        }
    }
}

/// The frame as bytes that are not too many: without its messages when they are, which the others then
/// read from the store.
fn encode(frame: &Frame) -> Option<Vec<u8>> {
    let bytes = frame.encode();
    if bytes.len() <= MAX_FRAME_BYTES {
        return Some(bytes);
    }
    let FrameBody::Appended { epoch, after, tail, .. } = &frame.body else { return None };
    let (epoch, messages) = (epoch.clone(), Vec::new());
    let body = FrameBody::Appended { epoch, after: *after, tail: *tail, messages };
    Some(Frame { node: frame.node, body }.encode())
}

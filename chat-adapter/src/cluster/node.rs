use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::Frame;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::connection::{Connection, Shared};
use super::queue::Queue;
use crate::broker::{Link, MAX_FRAME, Wire};
use crate::fanout::Fanout;
use crate::{Broadcast, BroadcastError, Subscriber};

/// How long a hub may take to receive the last frames of a node that closes.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// A broadcast between the processes of one host, which connect to a [`ClusterHub`](crate::ClusterHub).
///
/// If the hub goes away or is silent for three seconds, it reconnects by itself, and subscribers get a gap once it
/// has. Until then publishing fails at once. A frame of more than 256 KiB is sent without its messages.
#[derive(Debug)]
pub struct ClusterBroadcast {
    shared: Arc<Shared>,
    /// None once closed.
    connection: Mutex<Option<JoinHandle<()>>>,
}

impl ClusterBroadcast {
    /// Connects to the hub that listens on this socket. Cancel safe: when dropped, it leaves nothing behind.
    ///
    /// # Errors
    /// [`BroadcastError::Unreachable`] if no hub listens.
    pub async fn connect(path: impl AsRef<Path>) -> Result<Self, BroadcastError> {
        let path = path.as_ref();
        let place = format!("the hub at {}", path.display());
        // Only this user can connect to the socket, so nothing is signed.
        let wire = Wire::new(None, &place);
        let connection = match Connection::open(path, &wire).await {
            Ok(connection) => connection,
            Err(error) => {
                return Err(BroadcastError::Unreachable { place, source: error.into() });
            }
        };
        let (outgoing, fanout, link) = (Queue::new(), Fanout::new(), Link::new(place));
        let shared = Arc::new(Shared { outgoing, wire, fanout, link });
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
        self.shared.link.is_up()
    }

    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        if self.shared.outgoing.is_closed() {
            return Err(BroadcastError::Closed);
        }
        if !self.is_connected() {
            return Err(BroadcastError::Unavailable("the connection is lost".into()));
        }
        let bytes = self.shared.wire.encode(&frame, MAX_FRAME);
        let length = bytes.len();
        self.shared.outgoing.push(bytes, length);
        Ok(())
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        self.shared.fanout.subscribe()
    }

    /// Its socket belongs to the user, and only processes of the same user can connect to it.
    fn is_authenticated(&self) -> bool {
        true
    }

    async fn close(&self) {
        self.shared.fanout.close();
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

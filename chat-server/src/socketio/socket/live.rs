use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connection::Connection;
use crate::engine::log::{Reader, ReaderId};

/// The connections with a delivery task, which are notified when the server stops and when access changes.
#[derive(Default)]
pub(crate) struct Live(Mutex<State>);

#[derive(Default)]
struct State {
    draining: bool,
    connections: HashMap<ReaderId, (Arc<Connection>, Arc<Reader>)>,
}

/// Removes a connection from the list when dropped.
pub(crate) struct Entered<'a> {
    live: &'a Live,
    reader: ReaderId,
}

impl Live {
    /// Lists a connection. It drains at once if the others have been told to.
    pub(crate) fn enter(&self, connection: &Arc<Connection>, reader: Arc<Reader>) -> Entered<'_> {
        let mut state = self.lock();
        if state.draining {
            connection.waiting.drain();
        }
        state.connections.insert(connection.reader, (Arc::clone(connection), reader));
        Entered { live: self, reader: connection.reader }
    }

    /// [Drains](crate::engine::delivery::Waiting::drain) all connections, and those that are listed later.
    pub(crate) fn drain(&self) {
        let mut state = self.lock();
        state.draining = true;
        state.connections.values().for_each(|(connection, _)| connection.waiting.drain());
    }

    /// Returns all connections that are listed.
    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        let state = self.lock();
        state.connections.values().map(|(connection, _)| Arc::clone(connection)).collect()
    }

    /// Returns the same with the reader of each.
    pub(crate) fn with_readers(&self) -> Vec<(Arc<Connection>, Arc<Reader>)> {
        self.lock().connections.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        // Dropped outside of the lock.
        let _connection = self.live.lock().connections.remove(&self.reader);
    }
}

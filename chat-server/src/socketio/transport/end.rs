use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::changed::Changed;
use super::farewell::Farewell;

/// The end of a connection, and why it ends.
#[derive(Debug, Default)]
pub(super) struct End {
    has_come: AtomicBool,
    /// As far as it is known.
    farewell: OnceLock<Farewell>,
    changed: Changed,
}

impl End {
    /// Sets the reason that a websocket is told when it ends by itself. The first one counts: returns whether this is
    /// it.
    pub(super) fn note(&self, farewell: Farewell) -> bool {
        self.farewell.set(farewell).is_ok()
    }

    /// Returns the payload of the frame that ends the websocket: the reason, if known, where Engine.IO gives none.
    pub(super) fn last_words(&self, said: &[u8]) -> Vec<u8> {
        match self.farewell.get() {
            Some(farewell) if said.is_empty() => farewell.payload(),
            _ => said.to_vec(),
        }
    }

    pub(super) fn come(&self) {
        self.has_come.store(true, Ordering::Release);
        self.changed.notify();
    }

    pub(super) fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Acquire)
    }

    /// Waits until it has come.
    pub(super) async fn wait(&self) {
        self.changed.until(|| self.has_come()).await;
    }
}

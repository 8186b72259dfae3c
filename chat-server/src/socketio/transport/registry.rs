use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{Farewell, Link};

/// The links of all connections, for finding that of a polling connection at its next request, and for closing all of
/// them.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    links: Mutex<Links>,
}

#[derive(Debug, Default)]
struct Links {
    /// By Engine.IO session id.
    polling: HashMap<String, Weak<Link>>,
    /// Connections that began as a websocket: nobody looks them up by id.
    websocket: Vec<Weak<Link>>,
    /// The number of entries at which those that are gone are removed.
    sweep_at: usize,
}

impl Registry {
    pub(crate) fn add_polling(&self, sid: &str, link: &Arc<Link>) {
        self.with(|links| {
            links.polling.insert(sid.to_owned(), Arc::downgrade(link));
        });
    }

    pub(crate) fn add_websocket(&self, link: &Arc<Link>) {
        self.with(|links| links.websocket.push(Arc::downgrade(link)));
    }

    /// Returns the link of the connection with this Engine.IO session id, if it began with polling.
    pub(crate) fn find(&self, sid: &str) -> Option<Arc<Link>> {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.polling.get(sid).and_then(Weak::upgrade)
    }

    /// Closes all connections.
    pub(crate) fn close_all(&self) {
        self.with(|links| {
            let polling = links.polling.values();
            let all = polling.chain(&links.websocket).filter_map(Weak::upgrade);
            all.for_each(|link| link.close(Farewell::Stopping));
        });
    }

    /// Returns the number of links listed, including those that are gone.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.polling.len() + links.websocket.len()
    }

    /// Changes the lists, and removes links that are gone once the lists have doubled since the last time.
    fn with(&self, change: impl FnOnce(&mut Links)) {
        const SWEEP_MIN: usize = 64;
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut links);
        if links.polling.len() + links.websocket.len() > links.sweep_at {
            links.polling.retain(|_, link| link.strong_count() > 0);
            links.websocket.retain(|link| link.strong_count() > 0);
            let left = links.polling.len() + links.websocket.len();
            links.sweep_at = (2 * left).max(SWEEP_MIN);
        }
    }
}

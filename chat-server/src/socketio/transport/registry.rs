use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{Farewell, Link};

/// The links of all connections, to find that of a polling connection again at its next request, and to
/// close them all.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    links: Mutex<Links>,
}

#[derive(Debug, Default)]
struct Links {
    /// By Engine.IO session id.
    polling: HashMap<String, Weak<Link>>,
    /// Connections that began as a websocket: nobody asks for them by id.
    websocket: Vec<Weak<Link>>,
    /// When so many are listed, those that are gone are dropped from the list.
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

    /// The link of the connection with this Engine.IO session id, if it began with polling.
    pub(crate) fn find(&self, sid: &str) -> Option<Arc<Link>> {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.polling.get(sid).and_then(Weak::upgrade)
    }

    /// Closes every connection there is.
    pub(crate) fn close_all(&self) {
        self.with(|links| {
            let polling = links.polling.values();
            let all = polling.chain(&links.websocket).filter_map(Weak::upgrade);
            all.for_each(|link| link.close(Farewell::Stopping));
        });
    }

    /// How many links are listed, those that are gone included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.polling.len() + links.websocket.len()
    }

    /// Changes the lists, and drops what is gone from them when they have doubled since the last time.
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

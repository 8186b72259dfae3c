use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chat_core::{Offset, RoomId};

/// Rooms, each with the offset after which its messages are for a connection.
pub(crate) type JoinedAfter = HashMap<RoomId, Offset>;

/// The rooms of one connection. Whoever handles its requests changes them, and its subscription reads by
/// them.
#[derive(Debug)]
pub(crate) struct Rooms {
    joined: Mutex<Arc<JoinedAfter>>,
}

impl Rooms {
    pub(crate) fn new(joined: JoinedAfter) -> Self {
        Self { joined: Mutex::new(Arc::new(joined)) }
    }

    /// The rooms as they are now.
    pub(crate) fn now(&self) -> Arc<JoinedAfter> {
        Arc::clone(&self.joined.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the rooms, and returns them as they are then.
    pub(crate) fn change(&self, change: impl FnOnce(&mut JoinedAfter)) -> Arc<JoinedAfter> {
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut joined));
        Arc::clone(&joined)
    }
}

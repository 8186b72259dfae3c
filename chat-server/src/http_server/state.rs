use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::activity::Activity;
use super::admission::{AddressSlot, Refused, Slot};

/// What is known of one connection. It is there for as long as the connection is.
#[derive(Debug)]
pub(super) struct State {
    pub(super) peer: IpAddr,
    pub(super) activity: Activity,
    slot: Slot,
    /// The place of the request that a proxy has passed on, among those of its client. Boxed: most have none.
    request: Mutex<Option<Box<AddressSlot>>>,
}

impl State {
    pub(super) fn new(peer: IpAddr, slot: Slot) -> Self {
        Self { peer, activity: Activity::new(), slot, request: Mutex::default() }
    }

    /// Why the connection is not served, if it is not.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.slot.refused
    }

    /// The headers of a request are there, and it has this place.
    pub(super) fn requested(&self, slot: Option<AddressSlot>) {
        self.activity.requested();
        self.set_request(slot);
    }

    /// The response is made. A websocket keeps its place and goes on.
    pub(super) fn responded(&self) {
        if !self.activity.is_upgraded() {
            self.activity.responded();
            self.set_request(None);
        }
    }

    fn set_request(&self, slot: Option<AddressSlot>) {
        *self.request.lock().unwrap_or_else(PoisonError::into_inner) = slot.map(Box::new);
    }
}

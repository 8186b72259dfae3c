use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::activity::Activity;
use super::admission::{AddressSlot, Refused, Slot};
use crate::socketio::on_loss::OnLoss;

/// The state of one connection, for as long as the connection exists.
#[derive(Debug)]
pub(super) struct State {
    pub(super) peer: IpAddr,
    pub(super) activity: Activity,
    slot: Slot,
    /// The slot of a request that a proxy passed on, counted for its client's address. Boxed because most connections
    /// have none.
    request: Mutex<Option<Box<AddressSlot>>>,
    /// What to do if the last response does not reach the client, until the client's next request.
    unconfirmed: Mutex<Option<OnLoss>>,
}

impl State {
    pub(super) fn new(peer: IpAddr, slot: Slot) -> Self {
        Self {
            peer,
            activity: Activity::new(),
            slot,
            request: Mutex::default(),
            unconfirmed: Mutex::default(),
        }
    }

    /// Returns why the connection is not served; none if it is served.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.slot.refused
    }

    /// Notes that the headers of a request have arrived, and stores its slot.
    pub(super) fn requested(&self, slot: Option<AddressSlot>) {
        self.activity.requested();
        self.set_unconfirmed(None);
        self.set_request(slot);
    }

    /// Notes that the response is ready. A websocket keeps its slot.
    pub(super) fn responded(&self) {
        if !self.activity.is_upgraded() {
            self.activity.responded();
            self.set_request(None);
        }
    }

    /// Sets what to do if the current response does not reach the client.
    pub(super) fn set_unconfirmed(&self, response: Option<OnLoss>) {
        *self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner) = response;
    }

    /// Notes that the connection has failed.
    pub(super) fn failed(&self) {
        let unconfirmed = self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(response) = unconfirmed {
            response.lost();
        }
    }

    fn set_request(&self, slot: Option<AddressSlot>) {
        *self.request.lock().unwrap_or_else(PoisonError::into_inner) = slot.map(Box::new);
    }
}

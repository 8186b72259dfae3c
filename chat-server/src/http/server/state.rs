use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::activity::Activity;
use super::admission::{AddressSlot, Refused, Slot};
use crate::socketio::on_loss::OnLoss;

/// What is known of one connection. It is there for as long as the connection is.
#[derive(Debug)]
pub(super) struct State {
    pub(super) peer: IpAddr,
    pub(super) activity: Activity,
    slot: Slot,
    /// The place of the request that a proxy has passed on, among those of its client. Boxed: most have none.
    request: Mutex<Option<Box<AddressSlot>>>,
    /// What to do when the last response has not reached the client, until its next request.
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

    /// Why the connection is not served, if it is not.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.slot.refused
    }

    /// The headers of a request are there, and it has this place.
    pub(super) fn requested(&self, slot: Option<AddressSlot>) {
        self.activity.requested();
        self.set_unconfirmed(None);
        self.set_request(slot);
    }

    /// The response is made. A websocket keeps its place and goes on.
    pub(super) fn responded(&self) {
        if !self.activity.is_upgraded() {
            self.activity.responded();
            self.set_request(None);
        }
    }

    /// What to do when the response that is made now does not reach the client.
    pub(super) fn set_unconfirmed(&self, response: Option<OnLoss>) {
        *self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner) = response;
    }

    /// The connection has failed.
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

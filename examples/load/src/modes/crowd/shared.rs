use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use tokio::sync::Notify;

use crate::measure::Latencies;

/// What all members of a crowd do together. They run on one thread.
pub(super) struct Shared {
    /// Whether latencies are recorded.
    pub(super) measuring: Cell<bool>,
    /// Whether senders go on.
    pub(super) sending: Cell<bool>,
    pub(super) acked: Cell<u64>,
    pub(super) delivered: Cell<u64>,
    pub(super) disconnected: Cell<u64>,
    pub(super) ack_latency: RefCell<Latencies>,
    pub(super) delivery_latency: RefCell<Latencies>,
    pub(super) air: RefCell<Air>,
    /// Notified when a message has reached everybody.
    pub(super) landed: Notify,
}

/// The messages of a single sender that have not reached everybody yet.
#[derive(Debug)]
pub(super) struct Air {
    receivers: usize,
    /// The first message that is in the air.
    first: u64,
    /// How many receivers each of them has still to reach.
    missing: VecDeque<usize>,
}

impl Shared {
    pub(super) fn new(receivers: usize) -> Self {
        Self {
            measuring: Cell::new(false),
            sending: Cell::new(true),
            acked: Cell::new(0),
            delivered: Cell::new(0),
            disconnected: Cell::new(0),
            ack_latency: RefCell::new(Latencies::new()),
            delivery_latency: RefCell::new(Latencies::new()),
            air: RefCell::new(Air { receivers, first: 0, missing: VecDeque::new() }),
            landed: Notify::new(),
        }
    }
}

impl Air {
    /// How many messages there are.
    pub(super) fn len(&self) -> usize {
        self.missing.len()
    }

    /// Adds the next message.
    pub(super) fn launch(&mut self) {
        self.missing.push_back(self.receivers);
    }

    /// A message has reached a receiver. Says whether one has reached all with it.
    pub(super) fn reached(&mut self, sequence: u64) -> bool {
        let index = sequence.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        let Some(missing) = index.and_then(|index| self.missing.get_mut(index)) else {
            return false;
        };
        *missing = missing.saturating_sub(1);
        let before = self.missing.len();
        while let Some(0) = self.missing.front() {
            self.missing.pop_front();
            self.first += 1;
        }
        self.missing.len() < before
    }

    /// Gives up on all there are.
    pub(super) fn clear(&mut self) {
        self.first += self.missing.len() as u64;
        self.missing.clear();
    }
}

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::Notify;

/// Maximum number of ephemeral events that wait for a connection. Beyond that, the oldest is dropped.
const CAPACITY: usize = 64;

/// An ephemeral event: not kept in the log, delivered at most once, and created once for all its receivers.
#[derive(Debug)]
pub(crate) struct EphemeralEvent {
    pub(crate) name: &'static str,
    /// Its only argument.
    pub(crate) argument: Box<RawValue>,
}

impl EphemeralEvent {
    /// Creates an ephemeral event with this argument, which must not be a string: clients take the last string of an
    /// event for their position in the log. None if it cannot be serialised.
    pub(crate) fn new(name: &'static str, argument: &impl Serialize) -> Option<Arc<Self>> {
        let argument = to_raw_value(argument).ok()?;
        Some(Arc::new(Self { name, argument }))
    }
}

/// The ephemeral events that wait for a connection.
#[derive(Debug)]
pub(crate) struct EphemeralEvents {
    queue: Mutex<VecDeque<Arc<EphemeralEvent>>>,
    /// Whether there are any. Read between any two messages, so without a lock.
    has_some: AtomicBool,
    wake: Arc<Notify>,
}

impl EphemeralEvents {
    /// Creates a queue that notifies `wake` of each event.
    pub(crate) fn new(wake: Arc<Notify>) -> Self {
        Self { queue: Mutex::default(), has_some: AtomicBool::new(false), wake }
    }

    /// Adds an event. Never waits: a connection that does not take its events misses the oldest ones.
    pub(crate) fn push(&self, event: Arc<EphemeralEvent>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= CAPACITY {
            queue.pop_front();
        }
        queue.push_back(event);
        self.has_some.store(true, Ordering::Release);
        if queue.len() == 1 {
            self.wake.notify_one();
        }
    }

    /// Adds an event if there is one.
    pub(crate) fn extend(&self, event: Option<Arc<EphemeralEvent>>) {
        if let Some(event) = event {
            self.push(event);
        }
    }

    /// Returns whether there are any. One that is added at this moment wakes the waiting task.
    pub(crate) fn has_some(&self) -> bool {
        self.has_some.load(Ordering::Acquire)
    }

    /// Takes all events, oldest first.
    pub(crate) fn take(&self) -> VecDeque<Arc<EphemeralEvent>> {
        if !self.has_some() {
            return VecDeque::new();
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_some.store(false, Ordering::Release);
        std::mem::take(&mut queue)
    }
}

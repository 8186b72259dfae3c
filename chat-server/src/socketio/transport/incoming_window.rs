use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use crate::engine::rate::{Bucket, Rate};

/// The number of bytes of unanswered requests at which reading from the client stops.
const MAX_IN_FLIGHT_BYTES: usize = 256 * 1024;

/// What a client has in flight and how often it sends, so when more may be read from it.
#[derive(Debug, Default)]
pub(crate) struct IncomingWindow {
    /// The number of bytes of requests that are not answered yet.
    in_flight: AtomicUsize,
    /// What the client may send now; none without a limit.
    bucket: Option<Bucket>,
    /// What its user may send over all connections.
    user: Mutex<Option<Arc<Bucket>>>,
    /// Frames that a websocket is to read as if the client had sent them.
    inserted: Mutex<Vec<u8>>,
    /// Whether there are some.
    has_inserted: AtomicBool,
    /// Waits to read from the client.
    reader: AtomicWaker,
}

impl IncomingWindow {
    /// Creates the window of a client that may send at this rate.
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Self { bucket: rate.map(Bucket::new), ..Self::default() }
    }

    /// Counts what the user's other connections send too.
    pub(crate) fn share(&self, bucket: Arc<Bucket>) {
        *self.user.lock().unwrap_or_else(PoisonError::into_inner) = Some(bucket);
    }

    /// Returns whether the client has a rate limit.
    pub(super) fn is_rated(&self) -> bool {
        self.bucket.is_some()
    }

    /// Counts packets of the client, and returns until when reading from it must pause, if at all.
    pub(super) fn received(&self, packets: u64) -> Option<Instant> {
        let own = self.bucket.as_ref()?;
        let user = self.user.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = user.as_ref().map_or(Duration::ZERO, |bucket| bucket.overdraw(packets));
        let wait = own.overdraw(packets).max(shared);
        (!wait.is_zero()).then(|| Instant::now() + wait)
    }

    /// Counts bytes of a request.
    pub(super) fn begin(&self, bytes: usize) {
        self.in_flight.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Uncounts bytes of a request, which is answered.
    pub(super) fn end(&self, bytes: usize) {
        let before = self.in_flight.fetch_sub(bytes, Ordering::AcqRel);
        if before >= MAX_IN_FLIGHT_BYTES && before - bytes < MAX_IN_FLIGHT_BYTES {
            self.wake();
        }
    }

    /// Becomes ready when more may be read from the client. One task asks.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        // Registered first: a request answered in between must wake.
        self.reader.register(context.waker());
        let may = self.in_flight.load(Ordering::Acquire) < MAX_IN_FLIGHT_BYTES;
        if may { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Returns whether no request waits for its answer.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) == 0
    }

    /// Wakes the task that reads from the client.
    pub(super) fn wake(&self) {
        self.reader.wake();
    }

    /// Inserts frames between those of the client.
    pub(super) fn insert(&self, insert: impl FnOnce(&mut Vec<u8>)) {
        insert(&mut self.inserted.lock().unwrap_or_else(PoisonError::into_inner));
        self.has_inserted.store(true, Ordering::Release);
        self.wake();
    }

    /// Returns the frames to be inserted now. Returns them once.
    pub(super) fn take_inserted(&self) -> Option<Vec<u8>> {
        let has_inserted = self.has_inserted.load(Ordering::Acquire)
            && self.has_inserted.swap(false, Ordering::AcqRel);
        let mut inserted =
            has_inserted.then(|| self.inserted.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(std::mem::take(&mut *inserted))
    }
}

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use super::changed::Changed;

/// How long a poll waits for packets while the client is moving to a websocket: the client waits for the end of the
/// poll.
const SHORT_POLL: Duration = Duration::from_millis(100);

/// The connection is polled.
const POLLING: u8 = 0;
/// It is polled, and there is a websocket that it may move to.
const PROBING: u8 = 1;
/// As before, and the client knows that the websocket works.
const PROBED: u8 = 2;
/// It is a websocket, and no longer polled.
const WEBSOCKET: u8 = 3;

/// The transport of a connection: how far a polled one has moved to a websocket.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// [`POLLING`] and so on.
    stage: AtomicU8,
    /// The number of polls that are not answered yet.
    waiting_polls: AtomicUsize,
    changed: Changed,
}

impl Stage {
    /// Creates the stage of a connection that begins as a websocket.
    pub(super) fn websocket() -> Self {
        Self { stage: AtomicU8::new(WEBSOCKET), ..Self::default() }
    }

    /// Returns whether requests may poll it; otherwise it is a websocket.
    pub(super) fn is_polled(&self) -> bool {
        self.get() != WEBSOCKET
    }

    /// Returns whether a websocket may now prove that it works: the connection is polled, and there is no other
    /// websocket.
    pub(super) fn begin_probe(&self) -> bool {
        let begun =
            self.stage.compare_exchange(POLLING, PROBING, Ordering::AcqRel, Ordering::Acquire);
        begun.is_ok()
    }

    /// Notes that the client is told that the websocket works. The client then ends its polls.
    pub(super) fn probed(&self) {
        self.enter(PROBED);
    }

    /// Notes that the client has moved to the websocket, or has not and continues as before.
    pub(super) fn end_probe(&self, upgraded: bool) {
        self.enter(if upgraded { WEBSOCKET } else { POLLING });
    }

    /// Waits until a poll has to end without packets, because the client waits for its end or does not need it.
    pub(super) async fn poll_is_over(&self) {
        if self.get() == PROBED {
            let _ = timeout(SHORT_POLL, self.changed.until(|| self.get() == WEBSOCKET)).await;
            return;
        }
        self.changed.until(|| matches!(self.get(), PROBED | WEBSOCKET)).await;
    }

    pub(super) fn poll_begins(&self) {
        self.waiting_polls.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn poll_ends(&self) {
        if self.waiting_polls.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.changed.notify();
        }
    }

    /// Returns whether a poll is waiting for packets.
    pub(super) fn is_polled_now(&self) -> bool {
        self.waiting_polls.load(Ordering::Acquire) > 0
    }

    /// Waits until no poll is waiting. Each one [ends](Self::poll_is_over) soon once the client has moved.
    pub(super) async fn polls_have_ended(&self) {
        self.changed.until(|| !self.is_polled_now()).await;
    }

    fn enter(&self, stage: u8) {
        self.stage.store(stage, Ordering::Release);
        self.changed.notify();
    }

    fn get(&self) -> u8 {
        self.stage.load(Ordering::Acquire)
    }
}

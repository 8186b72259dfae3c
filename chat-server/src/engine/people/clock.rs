use chat_core::Timestamp;
use tokio::time::Instant;

/// The time by which names expire. A clock that is set, or a machine that slept, must not take a name from somebody
/// who is connected: what has expired has by the machine's clock *and* by the time that went by since the start.
pub(super) struct Clock {
    began: Instant,
    at: Timestamp,
    /// The clock of the machine.
    wall: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Clock {
    pub(super) fn new(wall: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { began: Instant::now(), at: wall(), wall: Box::new(wall) }
    }

    /// The time that has come for sure: nothing expires before it.
    pub(super) fn earliest(&self) -> Timestamp {
        (self.wall)().min(self.steady())
    }

    /// The time that may have come, also for other nodes: what is kept from now on is kept from here.
    pub(super) fn latest(&self) -> Timestamp {
        (self.wall)().max(self.steady())
    }

    fn steady(&self) -> Timestamp {
        self.at.plus(self.began.elapsed())
    }
}

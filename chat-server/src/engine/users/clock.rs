use chat_core::Timestamp;
use tokio::time::Instant;

/// The clock for the expiry of nicknames. A clock adjustment or a suspended machine must not take a nickname from a
/// connected user: it expires only once both the machine's clock *and* the time elapsed since the start say so.
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

    /// Returns the earliest possible current time: nothing expires before it.
    pub(super) fn earliest(&self) -> Timestamp {
        (self.wall)().min(self.steady())
    }

    /// Returns the latest possible current time, also on other nodes: new lifetimes start here.
    pub(super) fn latest(&self) -> Timestamp {
        (self.wall)().max(self.steady())
    }

    fn steady(&self) -> Timestamp {
        self.at.plus(self.began.elapsed())
    }
}

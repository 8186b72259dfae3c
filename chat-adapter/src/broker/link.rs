use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Tracks whether the broker can be heard, and logs each change once.
#[derive(Debug)]
pub(crate) struct Link {
    /// The broker as the log names it, without a password.
    place: String,
    up: AtomicBool,
    losses: AtomicU64,
}

impl Link {
    /// Creates the link to a broker that has just answered.
    pub(crate) fn new(place: String) -> Self {
        Self { place, up: AtomicBool::new(true), losses: AtomicU64::new(0) }
    }

    #[cfg(any(feature = "cluster", feature = "postgres", feature = "redis"))]
    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Returns how often the connection was lost. Trust another connection to the same broker only while this number
    /// stays the same.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    pub(crate) fn lost(&self, reason: impl Display) {
        if self.up.swap(false, Ordering::Relaxed) {
            self.losses.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                "{} is away; until it is back, other nodes read new messages from the store: {reason}",
                self.place
            );
        }
    }

    pub(crate) fn found(&self) {
        if !self.up.swap(true, Ordering::Relaxed) {
            tracing::info!("{} is back", self.place);
        }
    }
}

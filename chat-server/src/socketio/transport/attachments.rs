use std::sync::atomic::{AtomicU64, Ordering};

use super::farewell::Farewell;

/// The attachments that the client has announced and not sent yet.
#[derive(Debug)]
pub(super) struct Attachments {
    missing: AtomicU64,
    /// How many a packet may have.
    max: u64,
}

impl Attachments {
    pub(super) fn at_most(max: u64) -> Self {
        Self { missing: AtomicU64::default(), max }
    }

    /// Notes that a packet with this many attachments has come.
    ///
    /// # Errors
    /// When some of the packet before are missing, or when they are too many: socketioxide ends the connection, for this
    /// reason.
    pub(super) fn expect(&self, count: u64) -> Result<(), Farewell> {
        if self.missing.swap(count, Ordering::Relaxed) > 0 {
            return Err(Farewell::NoPacket);
        }
        if count > self.max { Err(Farewell::TooLarge) } else { Ok(()) }
    }

    /// Notes that one has come.
    ///
    /// # Errors
    /// When no packet has announced it: socketioxide ends the connection, for this reason.
    pub(super) fn take(&self) -> Result<(), Farewell> {
        let left = self.missing.load(Ordering::Relaxed).checked_sub(1).ok_or(Farewell::NoPacket)?;
        self.missing.store(left, Ordering::Relaxed);
        Ok(())
    }

    /// Returns whether all have come.
    pub(super) fn are_complete(&self) -> bool {
        self.missing.load(Ordering::Relaxed) == 0
    }
}

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Packets larger than this need room in the budget. The number of connections bounds smaller ones.
pub(super) const LARGE_BYTES: usize = 16 * 1024;

/// One address may use this fraction of the budget.
const SHARE: usize = 4;

/// How long a budget counts as short after it has refused room.
const SHORTAGE: Duration = Duration::from_secs(5);

/// The minimum time between two log lines about it.
const SILENCE: Duration = Duration::from_secs(60);

/// Memory that clients share, with a maximum per address: for large packets that are incomplete, or for data that
/// clients do not read.
#[derive(Debug)]
pub(super) struct Budget {
    /// Its purpose, for the log.
    what: &'static str,
    max: usize,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    bytes: usize,
    by_address: HashMap<IpAddr, OfAddress>,
    /// When room was last refused because all of it was used.
    refused: Option<Instant>,
    /// When a refusal was last logged.
    told: Option<Instant>,
}

#[derive(Debug, Default)]
struct OfAddress {
    bytes: usize,
    /// When room was last refused because the address had used its part.
    refused: Option<Instant>,
}

/// Room for a packet. Given back when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    budget: Arc<Budget>,
    address: Option<IpAddr>,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(what: &'static str, max: usize) -> Self {
        Self { what, max, used: Mutex::default() }
    }

    /// Returns the bytes that are taken, and how many there are.
    pub(super) fn state(&self) -> (usize, usize) {
        (self.used().bytes, self.max)
    }

    /// Returns room for a packet of this many bytes from this address, if available now.
    pub(super) fn take(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        bytes: usize,
    ) -> Option<Reservation> {
        let mut used = self.used();
        let Used { bytes: all, by_address, refused, told } = &mut *used;
        let mut of_address = address.map(|address| by_address.entry(address).or_default());
        let is_used = *all + bytes > self.max;
        let share = self.max / SHARE;
        if is_used || of_address.as_ref().is_some_and(|of| of.bytes + bytes > share) {
            let now = Instant::now();
            match of_address {
                Some(of_address) if !is_used => of_address.refused = Some(now),
                _ => *refused = Some(now),
            }
            if told.is_none_or(|told| now - told >= SILENCE) {
                *told = Some(now);
                let address = address.map(tracing::field::display);
                tracing::warn!(client.address = address, "there is no more room for {}", self.what);
            }
            // Addresses without room are not listed.
            if let Some(address) = address
                && by_address.get(&address).is_some_and(|of_address| of_address.bytes == 0)
            {
                by_address.remove(&address);
            }
            return None;
        }
        *all += bytes;
        if let Some(of_address) = &mut of_address {
            of_address.bytes += bytes;
        }
        Some(Reservation { budget: Arc::clone(self), address, bytes })
    }

    /// Grows a room to at least this many bytes, and returns whether it succeeded; otherwise it stays as it is.
    pub(super) fn grow(
        self: &Arc<Self>,
        room: &mut Option<Reservation>,
        address: Option<IpAddr>,
        bytes: usize,
    ) -> bool {
        let missing = bytes.saturating_sub(room.as_ref().map_or(0, |room| room.bytes));
        if missing == 0 {
            return true;
        }
        let Some(mut more) = self.take(address, missing) else { return false };
        match room {
            Some(room) => room.bytes += std::mem::take(&mut more.bytes),
            None => *room = Some(more),
        }
        true
    }

    /// Returns whether room was recently refused to someone who would have to share it with this address.
    pub(super) fn is_short(&self, address: Option<IpAddr>) -> bool {
        let used = self.used();
        let of_address = address.and_then(|address| used.by_address.get(&address)?.refused);
        let is_lately =
            |refused: Option<Instant>| refused.is_some_and(|at| at.elapsed() < SHORTAGE);
        is_lately(used.refused) || is_lately(of_address)
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut used = self.budget.used();
        used.bytes -= self.bytes;
        let Some(address) = self.address else { return };
        if let Some(of_address) = used.by_address.get_mut(&address) {
            of_address.bytes -= self.bytes;
            if of_address.bytes == 0 {
                used.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_others_and_gives_back_what_it_had() {
        let budget = Arc::new(Budget::new("tests", 400));
        let address = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
        let first = budget.take(address(1), 60).unwrap();
        assert!(budget.take(address(1), 60).is_none());
        let others: Vec<_> = (2..6).filter_map(|last| budget.take(address(last), 100)).collect();
        assert_eq!(others.len(), 3, "and no more than there is in all");
        drop(first);
        assert!(budget.take(address(1), 100).is_some());
        drop(others);
        assert_eq!(budget.used().bytes, 0);
        assert!(budget.used().by_address.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_short_for_a_while_for_whom_somebody_has_to_share_it_with() {
        let budget = Arc::new(Budget::new("tests", 400));
        let address = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
        let short = |last| budget.is_short(address(last));
        let full: Vec<_> = (1..4).map(|last| budget.take(address(last), 100).unwrap()).collect();
        assert!(budget.take(address(1), 1).is_none());
        assert_eq!([1, 2, 9].map(short), [true, false, false], "it is the part of an address");
        tokio::time::advance(SHORTAGE).await;
        assert!(!short(1));
        let _rest = budget.take(address(4), 100).unwrap();
        assert!(budget.take(address(5), 1).is_none());
        assert_eq!([1, 2, 5, 9].map(short), [true; 4], "it is all of it");
        tokio::time::advance(SHORTAGE).await;
        assert_eq!([1, 2, 5, 9].map(short), [false; 4]);
        drop(full);
    }
}

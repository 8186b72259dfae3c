use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A packet that is larger needs room in the budget. Smaller ones are bounded by the number of connections.
pub(super) const LARGE_BYTES: usize = 16 * 1024;

/// One address may use this part of the budget.
const SHARE: usize = 4;

/// The memory for large packets that have not come to their end, of all clients together: as long as a client sends
/// one, it costs what it may have in all.
#[derive(Debug)]
pub(super) struct Budget {
    max: usize,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    bytes: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Room for a packet. Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    budget: Arc<Budget>,
    address: Option<IpAddr>,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(max: usize) -> Self {
        Self { max, used: Mutex::default() }
    }

    /// Room for a packet of so many bytes from this address, if there is some now.
    pub(super) fn take(self: &Arc<Self>, address: Option<IpAddr>, bytes: usize) -> Option<Room> {
        let mut used = self.used();
        let of_address =
            address.map_or(0, |address| used.by_address.get(&address).copied().unwrap_or_default());
        if used.bytes + bytes > self.max || of_address + bytes > self.max / SHARE {
            return None;
        }
        used.bytes += bytes;
        if let Some(address) = address {
            used.by_address.insert(address, of_address + bytes);
        }
        Some(Room { budget: Arc::clone(self), address, bytes })
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut used = self.budget.used();
        used.bytes -= self.bytes;
        let Some(address) = self.address else { return };
        if let Some(of_address) = used.by_address.get_mut(&address) {
            *of_address -= self.bytes;
            if *of_address == 0 {
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
        let budget = Arc::new(Budget::new(400));
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
}

use super::farewell::Farewell;
use super::full::Full;
use crate::engine::measure::Counter;

/// What the transport counts, for the operator.
#[derive(Debug, Default)]
pub(crate) struct TransportCounters {
    refused: [Counter; Full::ALL.len()],
    ended: [Counter; Farewell::ALL.len()],
}

impl TransportCounters {
    /// Counts a client for which there was no room.
    pub(super) fn refused(&self, full: Full) {
        add(&Full::ALL, &self.refused, full);
    }

    /// Counts a connection that ends for this reason.
    pub(super) fn ended(&self, farewell: Farewell) {
        add(&Farewell::ALL, &self.ended, farewell);
    }

    /// Returns how many clients each limit has kept out.
    pub(crate) fn all_refused(&self) -> impl Iterator<Item = (Full, u64)> {
        Full::ALL.into_iter().zip(self.refused.iter().map(Counter::get))
    }

    /// Returns how many connections the server has ended for each reason.
    pub(crate) fn all_ended(&self) -> impl Iterator<Item = (Farewell, u64)> {
        Farewell::ALL.into_iter().zip(self.ended.iter().map(Counter::get))
    }
}

fn add<T: PartialEq>(all: &[T], counters: &[Counter], what: T) {
    if let Some((_, counter)) = all.iter().zip(counters).find(|(one, _)| **one == what) {
        counter.add(1);
    }
}

//! Numbers that a node keeps about itself: written at any time without a lock, read now and then.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use chat_core::RefusalCode;

/// The number of copies of a histogram. Threads with different copies do not wait for each other's cache lines.
const SHARDS: usize = 8;

/// Maximum number of bounds of a histogram.
const MAX_BOUNDS: usize = 19;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A counter for each [`RefusalCode`].
#[derive(Debug)]
pub(crate) struct ByCode(Box<[(RefusalCode, Counter)]>);

impl Default for ByCode {
    fn default() -> Self {
        Self(RefusalCode::all().map(|code| (code, Counter::default())).collect())
    }
}

impl ByCode {
    pub(crate) fn add(&self, code: RefusalCode) {
        if let Some((_, counter)) = self.0.iter().find(|(counted, _)| *counted == code) {
            counter.add(1);
        }
    }

    pub(crate) fn get(&self) -> impl Iterator<Item = (RefusalCode, u64)> {
        self.0.iter().map(|(code, counter)| (*code, counter.get()))
    }
}

/// How often values were observed, by size.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// The largest value of each bucket but the last, which has no bound.
    bounds: &'static [u64],
    shards: Box<[Shard; SHARDS]>,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    counts: [AtomicU64; MAX_BOUNDS + 1],
    sum: AtomicU64,
}

/// The state of a histogram at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// For each bound the number of values that are not larger.
    pub(crate) cumulative: Vec<(u64, u64)>,
    /// The number of all values.
    pub(crate) count: u64,
    pub(crate) sum: u64,
}

impl Histogram {
    /// Creates a histogram with these bounds, in ascending order, at most 19.
    pub(crate) fn new(bounds: &'static [u64]) -> Self {
        debug_assert!(bounds.is_sorted() && bounds.len() <= MAX_BOUNDS, "{bounds:?}");
        Self { bounds, shards: Box::default() }
    }

    pub(crate) fn observe(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value).min(MAX_BOUNDS);
        let shard = SHARD.with(|shard| self.shards.get(*shard));
        let Some(Shard { counts, sum }) = shard else { return };
        if let Some(count) = counts.get(bucket) {
            count.fetch_add(1, Relaxed);
            sum.fetch_add(value, Relaxed);
        }
    }

    /// Observes a time, in microseconds.
    pub(crate) fn observe_time(&self, time: Duration) {
        self.observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn get(&self) -> Observed {
        let at = |bucket: usize| -> u64 {
            let counts = self.shards.iter().filter_map(|shard| shard.counts.get(bucket));
            counts.map(|count| count.load(Relaxed)).sum()
        };
        let mut count = 0;
        let cumulative = self.bounds.iter().enumerate().map(|(bucket, bound)| {
            count += at(bucket);
            (*bound, count)
        });
        let cumulative = cumulative.collect();
        let count = count + at(self.bounds.len());
        // A value that is being observed may be counted and not summed up yet.
        let sums = self.shards.iter().map(|shard| shard.sum.load(Relaxed));
        Observed { cumulative, count, sum: sums.fold(0, u64::wrapping_add) }
    }
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The copy that this thread writes to.
    static SHARD: usize = THREADS.fetch_add(1, Relaxed) % SHARDS;
}

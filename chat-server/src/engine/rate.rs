//! Rate limits: token buckets, and tables of them that stay small.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The size at which a table drops buckets that are hardly used.
const CAPACITY: usize = 10_000;

/// How far a bucket can be overdrawn, in multiples of its capacity.
const MAX_DEBT: u64 = 5;

/// An amount per time. Unused amounts accumulate up to a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    most: u64,
    per: Duration,
    burst: u64,
}

impl Rate {
    /// Creates a rate; none if `most` is zero, which means no limit.
    pub(crate) fn new(most: u64, per: Duration) -> Option<Self> {
        (most > 0).then_some(Self { most, per, burst: most })
    }

    /// Sets the burst: the amount available at once after a quiet time. The average stays the same.
    pub(crate) fn with_burst(self, burst: u64) -> Self {
        Self { burst, ..self }
    }

    /// Returns how long it takes for this amount to refill, in nanoseconds.
    fn nanos(self, amount: u64) -> u64 {
        let nanos = self.per.as_nanos() * u128::from(amount) / u128::from(self.most);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

/// The remaining amount of a [`Rate`] for one user.
///
/// This is the [generic cell rate algorithm](https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm): a token
/// bucket in one number, which refills by itself.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    began: Instant,
    /// When it will be full again, in nanoseconds since it was created.
    full_at: AtomicU64,
}

impl Bucket {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, began: Instant::now(), full_at: AtomicU64::new(0) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Returns the value of `full_at` at which a full burst is used up now.
    fn holds(&self, now: u64) -> u64 {
        now.saturating_add(self.rate.nanos(self.rate.burst))
    }

    /// Returns how long until this amount is available; zero if it is.
    pub(crate) fn wait(&self, amount: u64) -> Duration {
        let now = self.now();
        let full_at = self.full_at.load(Ordering::Relaxed).max(now);
        let full_at = full_at.saturating_add(self.rate.nanos(amount));
        Duration::from_nanos(full_at.saturating_sub(self.holds(now)))
    }

    /// Takes this amount, or returns how long until it is available.
    pub(crate) fn take(&self, amount: u64) -> Result<(), Duration> {
        let now = self.now();
        let holds = self.holds(now);
        let take = |full_at: u64| {
            let full_at = full_at.max(now).saturating_add(self.rate.nanos(amount));
            (full_at <= holds).then_some(full_at)
        };
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(|_| ()).map_err(|_| self.wait(amount))
    }

    /// Takes this amount even if it is not available: the debt has to refill first. Returns how long that takes.
    pub(crate) fn overdraw(&self, amount: u64) -> Duration {
        let now = self.now();
        let most = now.saturating_add(self.rate.nanos(self.rate.burst * (1 + MAX_DEBT)));
        let after =
            |full_at: u64| full_at.max(now).saturating_add(self.rate.nanos(amount)).min(most);
        let before = self
            .full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| Some(after(full_at)));
        let full_at = before.map_or(now, after);
        Duration::from_nanos(full_at.saturating_sub(self.holds(now)))
    }

    /// Gives back an amount.
    pub(crate) fn give_back(&self, amount: u64) {
        let give = |full_at: u64| Some(full_at.saturating_sub(self.rate.nanos(amount)));
        let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, give);
    }

    /// Returns whether everything taken has been refilled.
    pub(crate) fn is_full(&self) -> bool {
        self.full_at.load(Ordering::Relaxed) <= self.now()
    }

    /// Returns in how many nanoseconds it is full: the more, the more it was used.
    fn used(&self) -> u64 {
        self.full_at.load(Ordering::Relaxed).saturating_sub(self.now())
    }
}

/// A table of buckets. A full bucket is equivalent to none and is not kept.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: Rate,
    table: Mutex<Table<K>>,
}

#[derive(Debug)]
struct Table<K> {
    buckets: HashMap<K, Arc<Bucket>>,
    /// The size at which the table is searched for buckets to drop.
    sweep_at: usize,
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        let table = Table { buckets: HashMap::new(), sweep_at: CAPACITY };
        Self { rate, table: Mutex::new(table) }
    }

    /// Returns the bucket of a key, if it may not be full.
    pub(crate) fn used(&self, key: &K) -> Option<Arc<Bucket>> {
        self.lock().buckets.get(key).cloned()
    }

    /// Returns the bucket of a key.
    pub(crate) fn of(&self, key: &K) -> Arc<Bucket> {
        let mut table = self.lock();
        if let Some(bucket) = table.buckets.get(key) {
            return Arc::clone(bucket);
        }
        if table.buckets.len() >= table.sweep_at {
            table.sweep();
        }
        let bucket = Arc::new(Bucket::new(self.rate));
        table.buckets.insert(key.clone(), Arc::clone(&bucket));
        bucket
    }

    fn lock(&self) -> MutexGuard<'_, Table<K>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> Table<K> {
    /// Drops full buckets, and if most are not full, those that were used least: to stay in the table costs an
    /// attacker more than waiting. Buckets in use stay.
    fn sweep(&mut self) {
        let in_hand = |bucket: &Arc<Bucket>| Arc::strong_count(bucket) > 1;
        self.buckets.retain(|_, bucket| in_hand(bucket) || !bucket.is_full());
        if self.buckets.len() > CAPACITY / 2 {
            let mut used: Vec<_> = self.buckets.values().map(|bucket| bucket.used()).collect();
            let middle = used.len() / 2;
            let (_, &mut enough, _) = used.select_nth_unstable(middle);
            self.buckets.retain(|_, bucket| in_hand(bucket) || bucket.used() > enough);
        }
        self.sweep_at = CAPACITY.max(2 * self.buckets.len());
        self.buckets.shrink_to(self.sweep_at);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn buckets(most: u64) -> Buckets<u32> {
        Buckets::new(Rate::new(most, 10 * SECOND).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_taken_comes_back_with_time() {
        let buckets = buckets(10);
        let bucket = buckets.of(&1);
        for _ in 0..10 {
            assert_eq!(bucket.take(1), Ok(()));
        }
        assert_eq!(bucket.take(1), Err(SECOND));
        assert_eq!(bucket.wait(3), 3 * SECOND);
        advance(2 * SECOND).await;
        assert_eq!(bucket.take(3), Err(SECOND));
        assert_eq!((bucket.take(2), bucket.wait(1)), (Ok(()), SECOND));
        bucket.give_back(1);
        assert_eq!(bucket.take(1), Ok(()));
        assert!(!bucket.is_full());
        advance(60 * SECOND).await;
        assert!(bucket.is_full());
        assert_eq!((bucket.take(11), bucket.take(10)), (Err(SECOND), Ok(())));
        assert_eq!(buckets.of(&2).wait(10), Duration::ZERO, "somebody else");
    }

    #[tokio::test(start_paused = true)]
    async fn a_debt_has_to_be_paid_and_has_an_end() {
        let bucket = buckets(10).of(&1);
        for _ in 0..13 {
            bucket.overdraw(1);
        }
        assert_eq!(bucket.wait(1), 4 * SECOND);
        for _ in 0..10_000 {
            bucket.overdraw(1);
        }
        assert_eq!(bucket.wait(1), 51 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_its_rate() {
        let bucket = Bucket::new(Rate::new(200, SECOND).unwrap().with_burst(10));
        bucket.overdraw(10);
        assert_eq!(bucket.wait(0), Duration::ZERO);
        bucket.overdraw(1);
        assert_eq!(bucket.wait(0), SECOND / 200);
        bucket.overdraw(4);
        assert_eq!(bucket.wait(0), SECOND / 40);
        advance(SECOND / 40).await;
        assert_eq!(bucket.wait(0), Duration::ZERO);
        assert_eq!(bucket.take(1), Err(SECOND / 200));
        // Who was quiet has a whole burst again, and not more.
        advance(3600 * SECOND).await;
        assert_eq!((bucket.take(11), bucket.take(10)), (Err(SECOND / 200), Ok(())));
    }

    #[test]
    fn zero_is_no_limit_and_large_ones_do_not_overflow() {
        assert!(Rate::new(0, SECOND).is_none());
        let most = Rate::new(u64::MAX, 86_400 * SECOND).unwrap();
        assert_eq!(most.nanos(u64::MAX), 86_400_000_000_000);
        assert_eq!(Rate::new(1, 86_400 * SECOND).unwrap().nanos(u64::MAX), u64::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_table_stays_small_and_remembers_those_who_used_most() {
        let buckets = buckets(10);
        buckets.of(&0).overdraw(10);
        let in_hand = buckets.of(&1);
        for key in 2..200_000 {
            buckets.of(&key).overdraw(1);
        }
        assert!(buckets.lock().buckets.len() <= CAPACITY);
        assert_eq!(buckets.of(&0).wait(1), SECOND);
        assert!(Arc::ptr_eq(&in_hand, &buckets.of(&1)));
        advance(60 * SECOND).await;
        for key in 200_000..220_000 {
            buckets.of(&key);
        }
        assert!(buckets.used(&0).is_none(), "it was full");
    }
}

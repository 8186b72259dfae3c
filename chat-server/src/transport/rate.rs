use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use chat_store::OwnerKey;
use tokio::time::Instant;

use crate::Limits;

/// How often a client may send something: so many times a second on the average, and so many at once after it
/// was quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// How long it takes until one more may be sent, in nanoseconds.
    interval: u64,
    /// How long it takes until all of a burst may be sent again, in nanoseconds.
    burst: u64,
}

impl Rate {
    pub(crate) fn of(limits: &Limits) -> Option<Self> {
        Self::new(limits.max_events_per_second, limits.event_burst)
    }

    /// None when `per_second` is 0: there is no limit then.
    fn new(per_second: u32, burst: u32) -> Option<Self> {
        let interval = Duration::from_secs(1).as_nanos() as u64 / u64::from(per_second).max(1);
        let rate = Self { interval, burst: interval * u64::from(burst.max(1)) };
        (per_second > 0).then_some(rate)
    }
}

/// What was sent lately: the moment at which it counts no more, in nanoseconds since [`START`].
///
/// This is the [generic cell rate algorithm](https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm): a
/// token bucket in one number, which fills by itself.
#[derive(Debug, Default)]
pub(crate) struct Bucket(AtomicU64);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The time as buckets count it.
fn nanos(now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(*START).as_nanos()).unwrap_or(u64::MAX)
}

impl Bucket {
    /// Counts so many events, and returns until when no more may be read; none when more may be.
    pub(crate) fn take(&self, events: u64, rate: Rate, now: Instant) -> Option<Instant> {
        let start = nanos(now);
        let after = |full: u64| Some(full.max(start).saturating_add(events * rate.interval));
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after);
        let full = before.map_or(start, |full| after(full).unwrap_or(start));
        let wait = (full - start).checked_sub(rate.burst)?;
        (wait > 0).then(|| now + Duration::from_nanos(wait))
    }

    fn is_full(&self, now: Instant) -> bool {
        self.0.load(Ordering::Relaxed) <= nanos(now)
    }
}

/// The buckets of users: all connections of one share theirs.
#[derive(Debug, Default)]
pub(crate) struct UserBuckets(Mutex<Users>);

#[derive(Debug, Default)]
struct Users {
    buckets: HashMap<OwnerKey, Arc<Bucket>>,
    /// When there are so many, those are dropped that are as good as new.
    sweep_at: usize,
}

impl UserBuckets {
    /// The bucket of a user. It stays the same when the user connects again.
    pub(crate) fn of(&self, user: OwnerKey) -> Arc<Bucket> {
        const SWEEP_MIN: usize = 256;
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if users.buckets.len() >= users.sweep_at {
            let now = Instant::now();
            users.buckets.retain(|_, bucket| Arc::strong_count(bucket) > 1 || !bucket.is_full(now));
            users.sweep_at = (2 * users.buckets.len()).max(SWEEP_MIN);
        }
        Arc::clone(users.buckets.entry(user).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_its_rate() {
        let (rate, bucket) = (Rate::new(200, 10).unwrap(), Bucket::default());
        let now = Instant::now();
        assert_eq!(bucket.take(10, rate, now), None);
        assert_eq!(bucket.take(1, rate, now), Some(now + Duration::from_millis(5)));
        assert_eq!(bucket.take(4, rate, now), Some(now + Duration::from_millis(25)));
        tokio::time::advance(Duration::from_millis(25)).await;
        let now = Instant::now();
        assert_eq!(bucket.take(0, rate, now), None);
        assert_eq!(bucket.take(1, rate, now), Some(now + Duration::from_millis(5)));
        // Who was quiet has a whole burst again, and not more.
        tokio::time::advance(Duration::from_secs(3600)).await;
        let now = Instant::now();
        assert_eq!(bucket.take(10, rate, now), None);
        assert!(bucket.take(1, rate, now).is_some());
    }

    #[test]
    fn no_rate_is_no_limit_and_no_burst_is_one_event() {
        assert_eq!(Rate::new(0, 10), None);
        let rate = Rate::new(1, 0).unwrap();
        let bucket = Bucket::default();
        assert_eq!(bucket.take(1, rate, Instant::now()), None);
        assert!(bucket.take(1, rate, Instant::now()).is_some());
    }

    #[test]
    fn a_user_keeps_its_bucket_until_it_is_full_again() {
        let (users, rate) = (UserBuckets::default(), Rate::new(1, 1).unwrap());
        let owner = |number: u16| {
            let [high, low] = number.to_be_bytes();
            OwnerKey([&[high, low][..], &[0; 30]].concat().try_into().unwrap())
        };
        let first = users.of(owner(0));
        users.of(owner(1)).take(1000, rate, Instant::now());
        for number in 2..2000 {
            users.of(owner(number));
        }
        assert!(Arc::ptr_eq(&first, &users.of(owner(0))));
        assert!(users.of(owner(1)).take(0, rate, Instant::now()).is_some());
        assert!(users.0.lock().unwrap().buckets.len() <= 512);
    }
}

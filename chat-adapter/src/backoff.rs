use std::time::Duration;

/// Computes the waits between retries: longer each time, and different for each node, so that they do not all return
/// at once to a broker that has recovered.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(3);

    /// Returns the wait after one more failure.
    pub(crate) fn after_failure(&mut self) -> Duration {
        let wait = Self::at(self.failures);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Returns a wait between half of the maximum and the maximum for this number of earlier failures.
    pub(crate) fn at(failures: u32) -> Duration {
        let longest = Self::FIRST.saturating_mul(2_u32.saturating_pow(failures)).min(Self::LONGEST);
        // Without random numbers all nodes wait equally long, which is no worse than no jitter.
        let random = getrandom::u32().unwrap_or(u32::MAX);
        longest / 2 + (longest / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_few_seconds_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::default();
        for longest in [100, 200, 400, 800, 1600, 3000, 3000, 3000].map(Duration::from_millis) {
            let wait = backoff.after_failure();
            assert!(longest / 2 <= wait && wait <= longest, "{wait:?} of {longest:?}");
        }
        assert!(Backoff::at(u32::MAX) <= Backoff::LONGEST);
        backoff.reset();
        assert!(backoff.after_failure() <= Backoff::FIRST);
    }
}

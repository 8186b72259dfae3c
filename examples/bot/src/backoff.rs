use std::time::Duration;

/// How long to wait before the next attempt to connect.
#[derive(Debug)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(10);

    pub(crate) fn new() -> Self {
        Self { attempts: 0 }
    }

    /// An attempt has succeeded.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Returns a time that doubles with each attempt. A random part of it, up to a half, is left out: the clients of a
    /// server that was restarted do not all come back at once.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = Self::FIRST.saturating_mul(1 << self.attempts.min(10)).min(Self::LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        let random = getrandom::u32().unwrap_or_default();
        wait - wait.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_each_time_up_to_a_limit() {
        let mut backoff = Backoff::new();
        for most in [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
            let wait = backoff.next().as_millis();
            assert!((most / 2..=most).contains(&wait), "{wait} of {most}");
        }
        backoff.reset();
        assert!(backoff.next() <= Backoff::FIRST);
    }
}

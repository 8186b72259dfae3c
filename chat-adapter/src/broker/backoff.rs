use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(3);

/// Returns how long to wait before the next attempt to connect, after this number of failed ones.
///
/// The wait doubles up to 3 seconds, and a random part of up to half of it is left out: so nodes do not all return at
/// once to a broker that has recovered.
pub(crate) fn backoff(failures: u32) -> Duration {
    let longest = FIRST.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST);
    // Without random numbers all nodes wait equally long, which is no worse than no jitter.
    let random = getrandom::u32().unwrap_or(u32::MAX);
    longest / 2 + (longest / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_few_seconds() {
        let longest = [100, 200, 400, 800, 1600, 3000, 3000, 3000].map(Duration::from_millis);
        for (failures, longest) in (0..).zip(longest) {
            let wait = backoff(failures);
            assert!(longest / 2 <= wait && wait <= longest, "{wait:?} of {longest:?}");
        }
        assert!(backoff(u32::MAX) <= LONGEST);
    }
}

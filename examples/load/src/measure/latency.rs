use hdrhistogram::Histogram;
use serde::Serialize;

/// Latencies, collected.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

/// What is told of latencies, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

impl Latencies {
    /// The longest that is told apart, in microseconds: two minutes.
    const LONGEST: u64 = 120_000_000;

    pub(crate) fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the bounds are constants that it accepts")]
        Self(Histogram::new_with_max(Self::LONGEST, 3).expect("valid bounds"))
    }

    pub(crate) fn record(&mut self, micros: u64) {
        self.0.saturating_record(micros);
    }

    /// None when nothing was recorded.
    pub(crate) fn summary(&self) -> Option<Latency> {
        let at = |share| self.0.value_at_quantile(share) as f64 / 1000.0;
        (!self.0.is_empty()).then(|| Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999) })
    }
}

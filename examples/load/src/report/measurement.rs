use std::collections::BTreeMap;

use serde::Serialize;

use crate::counts::Counts;

/// What one run gave.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measurement {
    pub(crate) figures: BTreeMap<Metric, f64>,
    pub(crate) counts: Counts,
}

/// What a figure says, and in which unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// Messages a second.
    AckedPerSecond,
    /// Milliseconds, as all latencies.
    AckP50,
    AckP99,
    AckP999,
    /// A commit of the machine without a server, measured just before.
    CommitP50,
    /// By how much the median of the acks is above it.
    AckOverCommit,
    /// Deliveries a second.
    DeliveredPerSecond,
    DeliveryP50,
    DeliveryP99,
    DeliveryP999,
    /// Microseconds of processor time of the server.
    CpuPerAck,
    /// Microseconds of processor time of the server.
    CpuPerDelivery,
    /// What of it the node has used at which nobody sends.
    SecondCpuPerDelivery,
    SecondCpuPerAck,
    /// Microseconds of processor time of what the nodes share, which is not in the other figures.
    SharedCpuPerAck,
    /// Until everything was there.
    Seconds,
    /// Bytes.
    RssPerConnection,
    /// Bytes.
    PeakRss,
    /// Percent of one processor.
    IdleCpu,
    /// Percent of one processor.
    ServerCpu,
    /// Percent of one processor.
    GeneratorCpu,
}

impl Metric {
    /// What it is called in a table.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::AckedPerSecond => "acked/s",
            Self::AckP50 => "ack p50, ms",
            Self::AckP99 => "ack p99, ms",
            Self::AckP999 => "ack p99.9, ms",
            Self::CommitP50 => "commit of the machine p50, ms",
            Self::AckOverCommit => "ack p50 over that commit, ms",
            Self::DeliveredPerSecond => "delivered/s",
            Self::DeliveryP50 => "delivery p50, ms",
            Self::DeliveryP99 => "delivery p99, ms",
            Self::DeliveryP999 => "delivery p99.9, ms",
            Self::CpuPerAck => "CPU per ack, µs",
            Self::CpuPerDelivery => "CPU per delivery, µs",
            Self::SecondCpuPerDelivery => "of it the second node's, µs",
            Self::SecondCpuPerAck => "CPU of the second node per ack, µs",
            Self::SharedCpuPerAck => "CPU of broker and database per ack, µs",
            Self::Seconds => "time, s",
            Self::RssPerConnection => "RSS per connection, KiB",
            Self::PeakRss => "peak RSS, MiB",
            Self::IdleCpu => "idle CPU, %",
            Self::ServerCpu => "server CPU, %",
            Self::GeneratorCpu => "generator CPU, %",
        }
    }

    /// A figure as a table shows it.
    pub(crate) fn show(self, figure: f64) -> String {
        let figure = match self {
            Self::RssPerConnection => figure / 1024.0,
            Self::PeakRss => figure / 1024.0 / 1024.0,
            _ => figure,
        };
        match figure.abs() {
            100.0.. => thousands(figure.round() as i64),
            10.0.. => format!("{figure:.1}"),
            1.0.. => format!("{figure:.2}"),
            _ => format!("{figure:.3}"),
        }
    }
}

impl Measurement {
    pub(crate) fn new(counts: Counts) -> Self {
        Self { figures: BTreeMap::new(), counts }
    }

    pub(crate) fn set(&mut self, metric: Metric, figure: f64) {
        self.figures.insert(metric, figure);
    }
}

fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut shown = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_with_three_digits_or_more() {
        for (figure, shown) in [
            (0.1234, "0.123"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (1234567.0, "1,234,567"),
            (-157.0, "-157"),
        ] {
            assert_eq!(Metric::AckedPerSecond.show(figure), shown);
        }
        assert_eq!(Metric::PeakRss.show(50.0 * 1024.0 * 1024.0), "50.0");
    }
}

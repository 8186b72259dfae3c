use std::fmt::{Display, Write};

use crate::engine::measure::Observed;

/// The type of [text](Exposition::into_text).
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The number of microseconds in a second.
const MICROSECONDS: f64 = 1e6;

/// Metrics in the [text format of Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/).
///
/// Names, labels and their values are those of this program, so nothing has to be escaped.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

/// What the values of a histogram are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Numbers of something.
    Count,
    /// Times, observed in microseconds and shown in seconds.
    Time,
}

impl Exposition {
    /// Adds a number that only grows.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "counter", help);
        self.line(format_args!("{name} {value}"));
    }

    /// Adds a number that only grows for each value of a label.
    pub(crate) fn counters<L: Display, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) {
        self.labelled(name, "counter", help, label, values);
    }

    /// Adds a number that is as it is now.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.line(format_args!("{name} {value}"));
    }

    /// Adds a number that is as it is now for each value of a label.
    pub(crate) fn gauges<L: Display, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) {
        self.labelled(name, "gauge", help, label, values);
    }

    /// Adds a histogram.
    pub(crate) fn histogram(&mut self, name: &str, help: &str, unit: Unit, observed: &Observed) {
        self.family(name, "histogram", help);
        self.buckets(name, "", unit, observed);
    }

    /// Adds a histogram for each value of a label.
    pub(crate) fn histograms<'a>(
        &mut self,
        name: &str,
        help: &str,
        unit: Unit,
        label: &str,
        histograms: impl IntoIterator<Item = (&'a str, Observed)>,
    ) {
        self.family(name, "histogram", help);
        for (value, observed) in histograms {
            self.buckets(name, &format!("{label}=\"{value}\""), unit, &observed);
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn labelled<L: Display, V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) {
        self.family(name, kind, help);
        for (of, value) in values {
            self.line(format_args!("{name}{{{label}=\"{of}\"}} {value}"));
        }
    }

    fn buckets(&mut self, name: &str, labels: &str, unit: Unit, observed: &Observed) {
        let Observed { cumulative, count, sum } = observed;
        let (separator, of_all) = match labels {
            "" => ("", String::new()),
            labels => (",", format!("{{{labels}}}")),
        };
        for (bound, count) in cumulative {
            let bound = unit.shown(*bound);
            let labels = format_args!("{{{labels}{separator}le=\"{bound}\"}}");
            self.line(format_args!("{name}_bucket{labels} {count}"));
        }
        let labels = format_args!("{{{labels}{separator}le=\"+Inf\"}}");
        self.line(format_args!("{name}_bucket{labels} {count}"));
        self.line(format_args!("{name}_sum{of_all} {}", unit.shown(*sum)));
        self.line(format_args!("{name}_count{of_all} {count}"));
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }
}

impl Unit {
    fn shown(self, value: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "such a number needs 285 years")]
        let value = value as f64;
        match self {
            Self::Count => value,
            Self::Time => value / MICROSECONDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_prometheus_reads() {
        let mut metrics = Exposition::default();
        metrics.counter("chat_a_total", "How many.", 7);
        metrics.gauges("chat_b", "How many now.", "of", [("x", 1), ("y", 2)]);
        let observed =
            Observed { cumulative: vec![(500, 1), (2_000_000, 3)], count: 4, sum: 9_500_000 };
        metrics.histogram("chat_c_seconds", "How long.", Unit::Time, &observed);
        let observed = Observed { cumulative: vec![(1, 0)], count: 1, sum: 2 };
        metrics.histograms("chat_d", "How large.", Unit::Count, "of", [("z", observed)]);
        let expected = r#"# HELP chat_a_total How many.
# TYPE chat_a_total counter
chat_a_total 7
# HELP chat_b How many now.
# TYPE chat_b gauge
chat_b{of="x"} 1
chat_b{of="y"} 2
# HELP chat_c_seconds How long.
# TYPE chat_c_seconds histogram
chat_c_seconds_bucket{le="0.0005"} 1
chat_c_seconds_bucket{le="2"} 3
chat_c_seconds_bucket{le="+Inf"} 4
chat_c_seconds_sum 9.5
chat_c_seconds_count 4
# HELP chat_d How large.
# TYPE chat_d histogram
chat_d_bucket{of="z",le="1"} 0
chat_d_bucket{of="z",le="+Inf"} 1
chat_d_sum{of="z"} 2
chat_d_count{of="z"} 1
"#;
        assert_eq!(metrics.into_text(), expected);
    }
}

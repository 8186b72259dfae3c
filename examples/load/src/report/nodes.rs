use std::collections::BTreeMap;

use serde::Serialize;

use super::markdown::markdown;
use super::results::Summary;
use super::{Measurement, Metric};
use crate::counts::Counts;
use crate::servers::{Adapter, Setup};

/// Who receives what one client sends at the first node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Load {
    /// All at the first node.
    Local,
    /// All at the second one.
    Remote,
    /// One client, at the last node there is.
    Single,
}

/// What was measured with one setup.
#[derive(Debug, Serialize)]
pub(crate) struct SetupResults {
    pub(crate) setup: Setup,
    /// The runs of each load.
    pub(crate) loads: BTreeMap<Load, Vec<Measurement>>,
}

impl Load {
    /// What is measured with a setup.
    pub(crate) fn of(setup: Setup) -> Vec<Self> {
        match setup {
            Setup::One(_) => vec![Self::Local, Self::Single],
            Setup::Two(_) => vec![Self::Local, Self::Remote, Self::Single],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Local => "receivers at the sender's node",
            Self::Remote => "receivers at the other node",
            Self::Single => "one receiver",
        }
    }
}

impl SetupResults {
    pub(crate) fn new(setup: Setup) -> Self {
        Self { setup, loads: BTreeMap::new() }
    }

    /// What went wrong, over all loads and runs.
    pub(crate) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.loads.values().flatten().for_each(|run| sum += run.counts);
        sum
    }

    fn summary(&self, load: Load, metric: Metric) -> Option<Summary> {
        Summary::of(self.loads.get(&load)?, metric)
    }

    /// A figure of each run, in their order.
    fn runs(&self, load: Load, metric: Metric) -> Vec<f64> {
        let runs = self.loads.get(&load).into_iter().flatten();
        runs.filter_map(|run| run.figures.get(&metric).copied()).collect()
    }

    fn median(&self, load: Load, metric: Metric) -> Option<f64> {
        Some(self.summary(load, metric)?.median)
    }
}

const HEAD: [&str; 12] = [
    "adapter, store",
    "CPU per delivery, local, µs",
    "remote, µs",
    "remote / local",
    "of it the second node's, µs",
    "hearing of a message, µs",
    "CPU per message to 1 receiver, µs",
    "over one node, µs",
    "broker and database, µs",
    "local p50 / p99, ms",
    "remote p50 / p99, ms",
    "missing / repeated / out of order",
];

/// What a reader has to know of the figures.
const SIGNED: &str = "\nWhat goes through a broker is signed with a cluster secret, so that the second node need not \
                      read it from the store.\n";

/// One Markdown table: a line for each setup, with medians, and the spread of those figures that
/// are compared.
pub(crate) fn nodes_table(results: &[SetupResults]) -> String {
    let head = HEAD.map(str::to_owned).to_vec();
    let rows = results.iter().map(|result| row(result, alone(results, result)));
    let table = markdown(&[head].into_iter().chain(rows).collect::<Vec<_>>());
    let is_signed = |setup| matches!(setup, Setup::Two(adapter) if adapter != Adapter::Cluster);
    if results.iter().any(|result| is_signed(result.setup)) { table + SIGNED } else { table }
}

/// One node with the same store, when `result` is of two.
fn alone<'a>(results: &'a [SetupResults], result: &SetupResults) -> Option<&'a SetupResults> {
    let one = Setup::One(result.setup.store());
    results.iter().find(|other| other.setup == one && result.setup != one)
}

fn row(result: &SetupResults, alone: Option<&SetupResults>) -> Vec<String> {
    use Load::{Local, Remote, Single};
    use Metric::{CpuPerAck, CpuPerDelivery};
    use Metric::{SecondCpuPerAck, SecondCpuPerDelivery, SharedCpuPerAck};
    let show = |metric: Metric, figure: Option<f64>| {
        figure.map_or_else(String::new, |figure| metric.show(figure))
    };
    let spread = |load, metric: Metric| {
        let Some(summary) = result.summary(load, metric) else { return String::new() };
        format!("{} ±{:.0} %", metric.show(summary.median), summary.spread() * 100.0)
    };
    let latency = |load| {
        let at = |metric: Metric| Some(metric.show(result.median(load, metric)?));
        let both = at(Metric::DeliveryP50).zip(at(Metric::DeliveryP99));
        both.map_or_else(String::new, |(p50, p99)| format!("{p50} / {p99}"))
    };
    let runs = |load, metric| result.runs(load, metric);
    let times =
        compared(runs(Remote, CpuPerDelivery), runs(Local, CpuPerDelivery), |remote, local| {
            remote / local
        });
    let alone = alone.map(|alone| alone.runs(Single, CpuPerAck)).unwrap_or_default();
    let over = compared(runs(Single, CpuPerAck), alone, |two, one| two - one);
    vec![
        result.setup.name().to_owned(),
        spread(Local, CpuPerDelivery),
        spread(Remote, CpuPerDelivery),
        times.map_or_else(String::new, |times| format!("{times:.2}")),
        show(SecondCpuPerDelivery, result.median(Remote, SecondCpuPerDelivery)),
        show(SecondCpuPerAck, result.median(Local, SecondCpuPerAck)),
        spread(Single, CpuPerAck),
        show(CpuPerAck, over),
        show(SharedCpuPerAck, result.median(Single, SharedCpuPerAck)),
        latency(Local),
        latency(Remote),
        result.counts().to_string(),
    ]
}

/// The median of what is said run by run, so that what else went on at the machine hits both alike.
fn compared(one: Vec<f64>, other: Vec<f64>, say: impl Fn(f64, f64) -> f64) -> Option<f64> {
    let said = one.into_iter().zip(other).map(|(one, other)| say(one, other)).collect();
    Some(Summary::over(said)?.median)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::Adapter;

    fn measured(per_delivery: f64, per_message: f64) -> Vec<Measurement> {
        let mut run = Measurement::new(Counts::default());
        run.set(Metric::CpuPerDelivery, per_delivery);
        run.set(Metric::CpuPerAck, per_message);
        vec![run]
    }

    #[test]
    fn two_nodes_are_compared_with_themselves_and_with_one_of_the_same_store() {
        let setup = Setup::Two(Adapter::Nats);
        let mut one = SetupResults::new(Setup::One(setup.store()));
        one.loads.insert(Load::Single, measured(60.0, 120.0));
        let mut two = SetupResults::new(setup);
        two.loads.insert(Load::Local, measured(4.0, 400.0));
        two.loads.insert(Load::Remote, measured(5.0, 500.0));
        two.loads.insert(Load::Single, measured(100.0, 200.0));
        let cells = row(&two, alone(&[one], &two));
        assert_eq!((&*cells[3], &*cells[7], &*cells[11]), ("1.25", "80.0", "0 / 0 / 0"));
    }
}

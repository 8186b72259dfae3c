use std::collections::BTreeMap;

use serde::Serialize;

use super::{Measurement, Metric};
use crate::counts::Counts;
use crate::floors::Floors;
use crate::report::nodes::SetupResults;
use crate::servers::Kind;

/// All measurements of a comparison.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) floors: Option<Floors>,
    /// In the order in which they were measured first.
    pub(crate) scenarios: Vec<ScenarioResults>,
    /// What two nodes do, in the order in which they were measured first.
    pub(crate) nodes: Vec<SetupResults>,
}

/// The measurements of one scenario.
#[derive(Debug, Serialize)]
pub(crate) struct ScenarioResults {
    /// A short name for programs.
    pub(crate) id: String,
    pub(crate) title: String,
    /// For each server its runs.
    pub(crate) runs: BTreeMap<Kind, Vec<Measurement>>,
}

/// What several runs say of one figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Results {
    pub(crate) fn add(&mut self, id: &str, title: &str, kind: Kind, measurement: Measurement) {
        let known = self.scenarios.iter().position(|scenario| scenario.id == id);
        let index = known.unwrap_or_else(|| {
            let (id, title) = (id.to_owned(), title.to_owned());
            self.scenarios.push(ScenarioResults { id, title, runs: BTreeMap::new() });
            self.scenarios.len() - 1
        });
        self.scenarios[index].runs.entry(kind).or_default().push(measurement);
    }

    /// A figure of each run, in their order; nothing when it was not measured in all of them.
    pub(crate) fn runs(&self, id: &str, kind: Kind, metric: Metric) -> Option<Vec<f64>> {
        let scenario = self.scenarios.iter().find(|scenario| scenario.id == id)?;
        let runs = scenario.runs.get(&kind)?.iter();
        runs.map(|run| run.figures.get(&metric).copied()).collect()
    }

    /// What went wrong at one server, over all scenarios and runs.
    pub(crate) fn counts(&self, kind: Kind) -> Counts {
        let mut sum = Counts::default();
        self.scenarios.iter().for_each(|scenario| sum += scenario.counts(kind));
        if kind == Kind::ChatServer {
            self.nodes.iter().for_each(|setup| sum += setup.counts());
        }
        sum
    }
}

impl ScenarioResults {
    pub(crate) fn summary(&self, kind: Kind, metric: Metric) -> Option<Summary> {
        Summary::of(self.runs.get(&kind)?, metric)
    }

    /// What went wrong at one server, over all runs.
    pub(crate) fn counts(&self, kind: Kind) -> Counts {
        let mut sum = Counts::default();
        let runs = self.runs.get(&kind).into_iter().flatten();
        runs.for_each(|run| sum += run.counts);
        sum
    }
}

impl Summary {
    /// What these runs say; nothing when none of them has that figure.
    pub(crate) fn of(runs: &[Measurement], metric: Metric) -> Option<Self> {
        Self::over(runs.iter().filter_map(|run| run.figures.get(&metric).copied()).collect())
    }

    /// What these figures say; nothing when there are none.
    pub(crate) fn over(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_unstable_by(f64::total_cmp);
        let (&least, &most) = (figures.first()?, figures.last()?);
        let (lower, upper) = (figures[(figures.len() - 1) / 2], figures[figures.len() / 2]);
        Some(Self { median: f64::midpoint(lower, upper), least, most })
    }

    /// Half of the distance between the least and the most, as a share of the median.
    pub(crate) fn spread(self) -> f64 {
        if self.median == 0.0 { 0.0 } else { (self.most - self.least) / 2.0 / self.median }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_spread_are_over_all_runs() {
        let mut results = Results::default();
        for figure in [3.0, 1.0, 2.0] {
            let mut run = Measurement::new(Counts { repeated: 1, ..Counts::default() });
            run.set(Metric::Seconds, figure);
            results.add("a", "A", Kind::Plain, run);
        }
        assert_eq!(results.runs("a", Kind::Plain, Metric::Seconds), Some(vec![3.0, 1.0, 2.0]));
        assert_eq!(results.runs("a", Kind::Node, Metric::Seconds), None);
        let summary = results.scenarios[0].summary(Kind::Plain, Metric::Seconds).unwrap();
        assert_eq!((summary.median, summary.spread()), (2.0, 0.5));
        assert_eq!(results.counts(Kind::Plain).repeated, 3);
    }
}

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::markdown::markdown;
use super::{Metric, Results};
use crate::report::results::ScenarioResults;
use crate::servers::Kind;

/// All results as one Markdown table: a column for each server, its medians with their spread, and
/// how many times ours they are.
pub(crate) fn table(results: &Results) -> String {
    let kinds: BTreeSet<Kind> =
        results.scenarios.iter().flat_map(|scenario| scenario.runs.keys().copied()).collect();
    let mut rows = vec![head(&kinds)];
    for scenario in &results.scenarios {
        rows.extend(section(scenario, &kinds));
    }
    markdown(&rows)
}

fn head(kinds: &BTreeSet<Kind>) -> Vec<String> {
    let names = kinds.iter().map(|kind| kind.name().to_owned());
    [String::new(), String::new()].into_iter().chain(names).collect()
}

fn section(scenario: &ScenarioResults, kinds: &BTreeSet<Kind>) -> Vec<Vec<String>> {
    let metrics: BTreeSet<Metric> =
        scenario.runs.values().flatten().flat_map(|run| run.figures.keys().copied()).collect();
    let mut rows: Vec<Vec<String>> = metrics
        .into_iter()
        .map(|metric| {
            let cells = kinds.iter().map(|&kind| cell(scenario, kind, metric));
            [String::new(), metric.label().to_owned()].into_iter().chain(cells).collect()
        })
        .collect();
    let counts = kinds.iter().map(|kind| match scenario.runs.contains_key(kind) {
        true => scenario.counts(*kind).to_string(),
        false => String::new(),
    });
    let label = "missing / repeated / out of order".to_owned();
    rows.push([String::new(), label].into_iter().chain(counts).collect());
    rows[0][0].clone_from(&scenario.title);
    rows
}

fn cell(scenario: &ScenarioResults, kind: Kind, metric: Metric) -> String {
    let Some(summary) = scenario.summary(kind, metric) else { return String::new() };
    let mut cell = metric.show(summary.median);
    if scenario.runs[&kind].len() > 1 {
        // Writing to a String cannot fail.
        let _ = write!(cell, " ±{:.0} %", summary.spread() * 100.0);
    }
    let ours = scenario.summary(Kind::ChatServer, metric).filter(|ours| ours.median > 0.0);
    if let Some(ours) = ours.filter(|_| kind != Kind::ChatServer) {
        let _ = write!(cell, " ({:.2}×)", summary.median / ours.median);
    }
    cell
}

//! What the server is to reach, next to what it does: all in figures of one comparison on one
//! machine.
//!
//! Each run is judged by itself, with the figures of the other servers in the same run. Where the
//! runs do not agree nothing is decided: then it is the machine that was measured.

use std::fmt::Write as _;

use super::{Metric, Results};
use crate::scenarios as id;
use crate::servers::Kind::{self, ChatServer, Node, Plain};

/// By how many times the machine's own commit may change between runs before figures that depend on
/// it say little.
const STEADY: f64 = 1.5;

/// One thing to reach.
struct Target {
    number: u8,
    what: &'static str,
    limit: Limit,
    /// What each run gave, if it was measured.
    runs: Option<Vec<f64>>,
}

#[derive(Clone, Copy)]
enum Limit {
    AtLeast(f64),
    AtMost(f64),
    /// At most this much more than something that it cannot be less than.
    Over(f64),
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Reached,
    NotReached,
    /// The runs differ, or one of them gave what cannot be.
    Undecided,
}

/// The list of targets, a line each, as Markdown, and a warning when the machine was not steady.
pub(crate) fn targets(results: &Results) -> String {
    let mut text: String = list(results).iter().map(Target::line).collect();
    let commits = results.runs(id::ONE, ChatServer, Metric::CommitP50).unwrap_or_default();
    let least = commits.iter().copied().fold(f64::INFINITY, f64::min);
    let most = commits.iter().copied().fold(0.0, f64::max);
    if most > STEADY * least {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\nThe machine's own commit took between {least:.3} and {most:.3} ms: others kept its disk \
             busy.\nWhatever waits for a commit says little then, above all the server that commits \
             each message.\n"
        );
    }
    text
}

impl Target {
    fn line(&self) -> String {
        let Self { number, what, limit, runs } = self;
        let Some(runs) = runs.as_ref().filter(|runs| !runs.is_empty()) else {
            return format!("- [ ] {number}. {what}: not measured\n");
        };
        let (mark, verdict) = match limit.judge(runs) {
            Verdict::Reached => ("x", "reached"),
            Verdict::NotReached => (" ", "not reached"),
            Verdict::Undecided => (" ", "undecided"),
        };
        let (limit, word) = match limit {
            Limit::AtLeast(limit) => (limit, "at least"),
            Limit::AtMost(limit) | Limit::Over(limit) => (limit, "at most"),
        };
        let runs: Vec<String> = runs.iter().map(|run| format!("{run:.2}")).collect();
        format!("- [{mark}] {number}. {what}: {}; {word} {limit:.2}: {verdict}\n", runs.join(", "))
    }
}

impl Limit {
    fn judge(self, runs: &[f64]) -> Verdict {
        let impossible = matches!(self, Self::Over(_)) && runs.iter().any(|&run| run < 0.0);
        let good = |run: &&f64| match self {
            Self::AtLeast(limit) => **run >= limit,
            Self::AtMost(limit) | Self::Over(limit) => **run <= limit,
        };
        match runs.iter().filter(good).count() {
            _ if impossible => Verdict::Undecided,
            0 => Verdict::NotReached,
            all if all == runs.len() => Verdict::Reached,
            _ => Verdict::Undecided,
        }
    }
}

fn list(results: &Results) -> Vec<Target> {
    use Limit::{AtLeast, AtMost, Over};
    use Metric::{AckOverCommit, AckedPerSecond, CpuPerAck, CpuPerDelivery};
    use Metric::{DeliveredPerSecond, DeliveryP99, PeakRss, RssPerConnection, Seconds};
    let ours = |id, metric| results.runs(id, ChatServer, metric);
    // How many times another figure ours is, run by run.
    let of = |ours: Option<Vec<f64>>, other: Option<Vec<f64>>| {
        let pairs = ours?.into_iter().zip(other?);
        Some(pairs.filter(|(_, other)| *other > 0.0).map(|(ours, other)| ours / other).collect())
    };
    let against = |id, metric, kind: Kind| of(ours(id, metric), results.runs(id, kind, metric));
    let node = |id, metric| results.runs(id, Node, metric);
    let target = |number, what, limit, runs| Target { number, what, limit, runs };
    vec![
        target(
            1,
            "ingest 64 × 16, acked/s, of plain socketioxide's",
            AtLeast(0.4),
            against(id::INGEST, AckedPerSecond, Plain),
        ),
        target(
            1,
            "ingest 64 × 16, acked/s, times the Node.js server's",
            AtLeast(60.0),
            against(id::INGEST, AckedPerSecond, Node),
        ),
        target(
            1,
            "ingest 64 × 16, CPU per ack, of plain socketioxide's",
            AtMost(3.0),
            against(id::INGEST, CpuPerAck, Plain),
        ),
        target(
            2,
            "ack p50 with one in flight, ms over a commit of the machine",
            Over(0.15),
            ours(id::ONE, AckOverCommit),
        ),
        target(
            3,
            "CPU per delivery, 1,000 receivers, of plain socketioxide's",
            AtMost(1.1),
            against(id::FANOUT, CpuPerDelivery, Plain),
        ),
        target(
            3,
            "CPU per delivery, 50 × 1 saturated, of plain socketioxide's",
            AtMost(1.25),
            against(id::EVERYBODY, CpuPerDelivery, Plain),
        ),
        target(
            3,
            "CPU per delivery, 100 receivers, 8 in the air, of plain socketioxide's",
            AtMost(1.25),
            against(id::SATURATED, CpuPerDelivery, Plain),
        ),
        target(
            3,
            "delivery p99 at 20 messages/s to 1,000, of plain socketioxide's",
            AtMost(1.1),
            against(id::STEADY, DeliveryP99, Plain),
        ),
        target(
            4,
            "replay to one client, messages/s",
            AtLeast(400_000.0),
            ours(id::REPLAY_ONE, DeliveredPerSecond),
        ),
        target(
            4,
            "replay to 100 clients, messages/s in all",
            AtLeast(400_000.0),
            ours(id::REPLAY_MANY, DeliveredPerSecond),
        ),
        target(
            4,
            "replay to one client, messages/s, times the Node.js server's with a tenth of it",
            AtLeast(5.0),
            of(
                ours(id::REPLAY_ONE, DeliveredPerSecond),
                node(id::REPLAY_TENTH, DeliveredPerSecond),
            ),
        ),
        target(
            4,
            "peak RSS of a replay, of that with a tenth of the history",
            AtMost(1.1),
            of(ours(id::REPLAY_ONE, PeakRss), ours(id::REPLAY_TENTH, PeakRss)),
        ),
        target(
            5,
            "RSS per idle connection, of plain socketioxide's",
            AtMost(1.0),
            against(id::CONNECT, RssPerConnection, Plain),
        ),
        target(
            5,
            "reconnect storm of ten times as many clients, s, of the Node.js server's",
            AtMost(1.0),
            of(ours(id::STORM, Seconds), node(id::STORM_TENTH, Seconds)),
        ),
        target(
            6,
            "acked/s with 100 rooms, of that with one",
            AtLeast(0.9),
            of(ours(id::ROOMS_100_OF_ONE, AckedPerSecond), ours(id::ROOMS_1, AckedPerSecond)),
        ),
        target(
            6,
            "acked/s with 10,000 rooms, of that with 100",
            AtLeast(0.9),
            of(ours(id::ROOMS_10_000, AckedPerSecond), ours(id::ROOMS_100, AckedPerSecond)),
        ),
        target(
            6,
            "acked/s with 10^5 messages stored, of that with 10^3",
            AtLeast(0.9),
            of(ours(id::STORED_5, AckedPerSecond), ours(id::STORED_3, AckedPerSecond)),
        ),
        target(
            6,
            "acked/s with 10^7 messages stored, of that with 10^3",
            AtLeast(0.9),
            of(ours(id::STORED_7, AckedPerSecond), ours(id::STORED_3, AckedPerSecond)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_reached_when_every_run_says_so() {
        assert_eq!(Limit::AtLeast(2.0).judge(&[2.0, 3.0]), Verdict::Reached);
        assert_eq!(Limit::AtLeast(2.0).judge(&[1.0, 1.9]), Verdict::NotReached);
        assert_eq!(Limit::AtMost(2.0).judge(&[1.0, 3.0, 1.0]), Verdict::Undecided);
    }

    #[test]
    fn an_ack_that_is_faster_than_its_commit_decides_nothing() {
        assert_eq!(Limit::Over(0.15).judge(&[0.1, 0.1]), Verdict::Reached);
        assert_eq!(Limit::Over(0.15).judge(&[0.1, -0.9]), Verdict::Undecided);
    }
}

//! What the server is to reach, next to what it does: all in figures of one run on one machine.

use super::{Metric, Results};
use crate::scenarios as id;
use crate::servers::Kind::{ChatServer, Node, Plain};

/// One thing to reach.
struct Target {
    number: u8,
    what: &'static str,
    /// What was measured and what is the limit, if both are known.
    found: Option<(f64, Limit)>,
}

enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

/// The list of targets, a line each, as Markdown.
pub(crate) fn targets(results: &Results) -> String {
    list(results).iter().map(Target::line).collect()
}

impl Target {
    fn line(&self) -> String {
        let Self { number, what, found } = self;
        match found {
            None => format!("- [ ] {number}. {what}: not measured\n"),
            Some((figure, limit)) => {
                let (reached, limit, word) = match limit {
                    Limit::AtLeast(limit) => (figure >= limit, limit, "at least"),
                    Limit::AtMost(limit) => (figure <= limit, limit, "at most"),
                };
                let (mark, verb) = if reached { ("x", "reached") } else { (" ", "not reached") };
                format!("- [{mark}] {number}. {what}: {figure:.2}, {word} {limit:.2}: {verb}\n")
            }
        }
    }
}

fn list(results: &Results) -> Vec<Target> {
    use Limit::{AtLeast, AtMost};
    let median = |id, kind, metric| results.median(id, kind, metric);
    // How many times that of another server our figure is.
    let ratio = |id, metric, other| {
        Some(median(id, ChatServer, metric)? / median(id, other, metric).filter(|&of| of > 0.0)?)
    };
    let target = |number, what, found| Target { number, what, found };
    let replay_rate = |id| median(id, ChatServer, Metric::DeliveredPerSecond);
    let peak = |id| median(id, ChatServer, Metric::PeakRss);
    let mut list = vec![
        target(
            1,
            "ingest 64 × 16, acked/s, of plain socketioxide's",
            ratio(id::INGEST, Metric::AckedPerSecond, Plain).map(|it| (it, AtLeast(0.4))),
        ),
        target(
            1,
            "ingest 64 × 16, acked/s, times the Node.js server's",
            ratio(id::INGEST, Metric::AckedPerSecond, Node).map(|it| (it, AtLeast(60.0))),
        ),
        target(
            1,
            "ingest 64 × 16, CPU per ack, of plain socketioxide's",
            ratio(id::INGEST, Metric::CpuPerAck, Plain).map(|it| (it, AtMost(3.0))),
        ),
        target(
            2,
            "ack p50 with one in flight, ms over a commit of the machine",
            median(id::ONE, ChatServer, Metric::AckOverCommit).map(|it| (it, AtMost(0.15))),
        ),
        target(
            3,
            "CPU per delivery, 1,000 receivers, of plain socketioxide's",
            ratio(id::FANOUT, Metric::CpuPerDelivery, Plain).map(|it| (it, AtMost(1.1))),
        ),
        target(
            3,
            "CPU per delivery, 50 × 1 saturated, of plain socketioxide's",
            ratio(id::EVERYBODY, Metric::CpuPerDelivery, Plain).map(|it| (it, AtMost(1.25))),
        ),
        target(
            3,
            "CPU per delivery, 100 receivers, 8 in the air, of plain socketioxide's",
            ratio(id::SATURATED, Metric::CpuPerDelivery, Plain).map(|it| (it, AtMost(1.25))),
        ),
        target(
            3,
            "delivery p99 at 20 messages/s to 1,000, of plain socketioxide's",
            ratio(id::STEADY, Metric::DeliveryP99, Plain).map(|it| (it, AtMost(1.1))),
        ),
        target(
            4,
            "replay to one client, messages/s",
            replay_rate(id::REPLAY_ONE).map(|it| (it, AtLeast(400_000.0))),
        ),
        target(
            4,
            "replay to 100 clients, messages/s in all",
            replay_rate(id::REPLAY_MANY).map(|it| (it, AtLeast(400_000.0))),
        ),
        target(
            4,
            "replay to one client, messages/s, times the Node.js server's with a tenth of it",
            replay_rate(id::REPLAY_ONE).and_then(|it| {
                let node = median(id::REPLAY_TENTH, Node, Metric::DeliveredPerSecond)?;
                Some((it / node, AtLeast(5.0)))
            }),
        ),
        target(
            4,
            "peak RSS of a replay, of that with a tenth of the history",
            peak(id::REPLAY_ONE).and_then(|it| Some((it / peak(id::REPLAY_TENTH)?, AtMost(1.1)))),
        ),
        target(
            5,
            "RSS per idle connection, of plain socketioxide's",
            ratio(id::CONNECT, Metric::RssPerConnection, Plain).map(|it| (it, AtMost(1.0))),
        ),
        target(
            5,
            "reconnect storm of ten times as many clients, s, of the Node.js server's",
            median(id::STORM, ChatServer, Metric::Seconds).and_then(|it| {
                Some((it / median(id::STORM_TENTH, Node, Metric::Seconds)?, AtMost(1.0)))
            }),
        ),
    ];
    for (what, one, other) in [
        ("acked/s with 100 rooms, of that with one", id::ROOMS_100_OF_ONE, id::ROOMS_1),
        ("acked/s with 10,000 rooms, of that with 100", id::ROOMS_10_000, id::ROOMS_100),
        ("acked/s with 10^5 messages stored, of that with 10^3", id::STORED_5, id::STORED_3),
        ("acked/s with 10^7 messages stored, of that with 10^3", id::STORED_7, id::STORED_3),
    ] {
        let rate = |id| median(id, ChatServer, Metric::AckedPerSecond);
        let found = rate(one).and_then(|one| Some((one / rate(other)?, AtLeast(0.9))));
        list.push(target(6, what, found));
    }
    list
}

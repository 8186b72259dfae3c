//! What a comparison measures, by name and size.

use crate::modes::connect::connect;
use crate::modes::fanout::fanout;
use crate::modes::ingest::ingest;
use crate::modes::reconnect_storm::reconnect_storm;
use crate::modes::replay::replay;
use crate::modes::rooms::rooms;
use crate::modes::{Mode, Pace};
use crate::servers::Kind::{self, ChatServer, Naive, Node, Plain};

pub(crate) const ONE: &str = "ingest-1x1";
pub(crate) const INGEST: &str = "ingest-64x16";
pub(crate) const EVERYBODY: &str = "fanout-50x1";
pub(crate) const SATURATED: &str = "fanout-100x8";
pub(crate) const FANOUT: &str = "fanout-1000";
pub(crate) const STEADY: &str = "fanout-1000-at-20";
pub(crate) const CONNECT: &str = "connect";
pub(crate) const REPLAY_ONE: &str = "replay-1";
pub(crate) const REPLAY_TENTH: &str = "replay-1-tenth";
pub(crate) const REPLAY_MANY: &str = "replay-100";
pub(crate) const STORM: &str = "reconnect-storm";
pub(crate) const STORM_TENTH: &str = "reconnect-storm-tenth";
pub(crate) const ROOMS_1: &str = "rooms-1";
pub(crate) const ROOMS_100_OF_ONE: &str = "rooms-100-of-one";
pub(crate) const ROOMS_100: &str = "rooms-100";
pub(crate) const ROOMS_10_000: &str = "rooms-10000";
pub(crate) const STORED_3: &str = "stored-10^3";
pub(crate) const STORED_5: &str = "stored-10^5";
pub(crate) const STORED_7: &str = "stored-10^7";

/// One thing to measure.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) mode: Mode,
    /// The servers for which it is meant.
    pub(crate) kinds: Vec<Kind>,
}

const ALL: [Kind; 4] = [ChatServer, Plain, Naive, Node];
const STORES: [Kind; 3] = [ChatServer, Naive, Node];
const OURS: [Kind; 1] = [ChatServer];

impl Scenario {
    pub(crate) fn new(id: &str, title: impl Into<String>, mode: Mode, kinds: &[Kind]) -> Self {
        Self { id: id.to_owned(), title: title.into(), mode, kinds: kinds.to_vec() }
    }
}

/// Everything, with all counts of clients and messages times `scale`. `largest` adds the history
/// that takes a minute to write.
pub(crate) fn all(scale: f64, largest: bool) -> Vec<Scenario> {
    let scaled = |count: u64| ((count as f64 * scale) as u64).max(1);
    let clients = |count: u64| scaled(count) as usize;
    let mut all = Vec::new();
    let mut add = |id, title: &str, mode, kinds: &[Kind]| {
        all.push(Scenario::new(id, title, mode, kinds));
    };
    add(ONE, "ingest, 1 sender × 1 in flight", ingest(1, 1, 0), &ALL);
    add("ingest-1x256", "ingest, 1 × 256", ingest(1, 256, 0), &ALL);
    add(INGEST, "ingest, 64 × 16", ingest(64, 16, 0), &ALL);
    let acked = Pace::Acked;
    let saturated = fanout(clients(50), clients(50), 1, acked);
    add(EVERYBODY, "fan-out, 50 senders × 1, everyone receives", saturated, &ALL);
    let saturated = fanout(clients(100), 1, 8, acked);
    add(SATURATED, "fan-out, 1 × 8, 100 receivers", saturated, &ALL);
    let one_by_one = fanout(clients(1000), 1, 2, Pace::Delivered);
    add(FANOUT, "fan-out, 1,000 receivers, 2 messages until they reached all", one_by_one, &ALL);
    let steady = fanout(clients(1000), 1, 1, Pace::Rate(20.0));
    add(STEADY, "fan-out, 1,000 receivers, 20 messages/s", steady, &ALL);
    add(CONNECT, "10,000 idle connections", connect(clients(10_000)), &ALL);
    let (million, tenth) = (scaled(1_000_000), scaled(100_000));
    add(REPLAY_ONE, "replay of 1,000,000 to one client", replay(1, million), &OURS);
    add(REPLAY_TENTH, "replay of 100,000 to one client", replay(1, tenth), &STORES);
    let many = replay(clients(100), scaled(10_000));
    add(REPLAY_MANY, "replay of 10,000 to each of 100", many, &STORES);
    let storm = |clients| reconnect_storm(clients, 100);
    add(STORM, "10,000 clients that each missed 100", storm(clients(10_000)), &OURS);
    add(STORM_TENTH, "1,000 clients that each missed 100", storm(clients(1000)), &STORES);
    add(ROOMS_1, "1 × 100 in flight, 1 room", rooms(1, 100, 1), &OURS);
    add(ROOMS_100_OF_ONE, "1 × 100 in flight, 100 rooms", rooms(1, 100, 100), &OURS);
    add(ROOMS_100, "100 × 1 in flight, 100 rooms", rooms(100, 1, 1), &OURS);
    add(ROOMS_10_000, "100 × 1 in flight, 10,000 rooms", rooms(100, 1, 100), &OURS);
    let stored = |messages| ingest(64, 16, scaled(messages));
    add(STORED_3, "ingest, 64 × 16, 10^3 messages stored", stored(1000), &OURS);
    add(STORED_5, "ingest, 64 × 16, 10^5 messages stored", stored(100_000), &OURS);
    if largest {
        add(STORED_7, "ingest, 64 × 16, 10^7 messages stored", stored(10_000_000), &OURS);
    }
    all
}

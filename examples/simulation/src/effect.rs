//! From when on a change of who may do what is in effect on a node.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Within this time a change is in effect on every node that nothing keeps from it: as the server promises.
const PROMISED: Duration = Duration::from_secs(1);

/// And for each millisecond that a step of a disk takes: the steps of what the server asks meanwhile.
const STEPS: u32 = 100;

/// Which node made which change when, and what kept nodes from learning of those of others.
#[derive(Default)]
pub(crate) struct Effects {
    made: BTreeMap<u64, (usize, Instant)>,
    troubles: BTreeMap<usize, Vec<Trouble>>,
    /// How long a step of a disk takes in this run.
    latency: Duration,
}

struct Trouble {
    from: Instant,
    until: Instant,
}

/// When a node decides about a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion {
    pub(crate) node: usize,
    /// When the client began to connect: what the node knows of it is no older.
    pub(crate) connect_began: Instant,
    /// When the client was connected.
    pub(crate) connected: Instant,
    /// When the node decided, at the earliest.
    pub(crate) at: Instant,
}

impl Effects {
    pub(crate) fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    /// A node has made a change, and says that it is in effect there.
    pub(crate) fn made(&mut self, change: u64, node: usize) {
        self.made.insert(change, (node, Instant::now()));
    }

    /// Something keeps a node from reading what has changed, from a time on and for a while.
    pub(crate) fn trouble(&mut self, node: usize, from: Instant, duration: Duration) {
        let until = Instant::now() + duration;
        self.troubles.entry(node).or_default().push(Trouble { from, until });
    }

    /// Returns whether something has kept a node from its store since a time.
    pub(crate) fn was_in_trouble(&self, node: usize, since: Instant) -> bool {
        let troubles = self.troubles.get(&node).map_or(&[][..], Vec::as_slice);
        troubles.iter().any(|trouble| trouble.until >= since)
    }

    /// Returns whether the node must have known of a change when it decided.
    pub(crate) fn is_known(&self, change: u64, at: Instant, occasion: &Occasion) -> bool {
        let is_own =
            |(node, made): &(usize, Instant)| *node == occasion.node && *made < occasion.at;
        at <= occasion.connect_began
            || self.made.get(&change).is_some_and(is_own)
            || self.known_from(occasion.node, at) < occasion.at
    }

    /// Returns whether a node must have carried out what was done once at a time, as it decided: for a connection that was
    /// there.
    pub(crate) fn is_carried_out(&self, at: Instant, occasion: &Occasion) -> bool {
        let before = at.checked_sub(self.promised()).unwrap_or(at);
        occasion.connected < before
            && at + self.promised() < occasion.at
            && self.known_from(occasion.node, before) <= at
            && self.known_from(occasion.node, at) < occasion.at
    }

    fn promised(&self) -> Duration {
        PROMISED + self.latency * STEPS
    }

    /// Returns when a node knows of a change at the latest: when nothing has kept it from that for as long as it may take.
    fn known_from(&self, node: usize, change: Instant) -> Instant {
        let troubles = self.troubles.get(&node).map_or(&[][..], Vec::as_slice);
        let mut from = change;
        let keeps =
            |from: Instant, it: &&Trouble| it.until > from && it.from <= from + self.promised();
        while let Some(trouble) = troubles.iter().find(|it| keeps(from, it)) {
            from = trouble.until;
        }
        from + self.promised()
    }
}

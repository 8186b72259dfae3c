use std::collections::BTreeMap;
use std::time::Duration;

use chat_core::Attendee;
use tokio::time::Instant;

/// How long to wait between two requests for the list of a node, and for the next part of one.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many changes are kept that come before one that is missing.
const EARLY: usize = 256;

/// How far this node has followed another one.
///
/// What the members of the other node are is kept in the rooms; this says what to do to them.
#[derive(Debug)]
pub(super) struct Peer {
    /// When something came from it.
    pub(super) heard: Instant,
    /// It has stopped, and its members stay until then.
    pub(super) leaves: Option<Instant>,
    /// The version that the rooms show of it.
    known: u64,
    /// The highest version it has spoken of.
    seen: u64,
    /// Changes to later versions than `known`, by the version that they start from.
    early: BTreeMap<u64, Change>,
    list: Option<List>,
    asked: Option<Instant>,
}

/// From one version to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) came: Vec<Attendee>,
    pub(super) left: Vec<Attendee>,
}

/// A list of which parts have come.
#[derive(Debug)]
struct List {
    round: u64,
    version: u64,
    size: u32,
    parts: BTreeMap<u32, Vec<Attendee>>,
    /// When the last part came.
    grown: Instant,
}

/// One thing to do to the rooms, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// All that was known of the node is replaced.
    All(Vec<Attendee>),
    Change(Change),
}

impl Peer {
    /// A node that was not heard before: as far as is known, it has nobody.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            heard: now,
            leaves: None,
            known: 0,
            seen: 0,
            early: BTreeMap::new(),
            list: None,
            asked: None,
        }
    }

    /// The node has made a change, or says with `from` for its version that it has not.
    pub(super) fn change(&mut self, from: u64, change: Change) -> Vec<News> {
        self.seen = self.seen.max(change.version);
        if from >= self.known && change.version > from {
            self.early.insert(from, change);
        }
        let news = self.catch_up(Vec::new());
        if self.early.len() > EARLY {
            // The oldest: they are in the list that will come.
            self.early.pop_first();
        }
        news
    }

    /// A part of its list.
    pub(super) fn part(
        &mut self,
        (round, version): (u64, u64),
        (part, parts): (u32, u32),
        present: &[Attendee],
        now: Instant,
    ) -> Vec<News> {
        self.seen = self.seen.max(version);
        let is_later = self.list.as_ref().is_none_or(|list| round > list.round);
        if version <= self.known || part >= parts {
            return Vec::new();
        }
        if is_later {
            let parts_so_far = BTreeMap::new();
            self.list = Some(List { round, version, size: parts, parts: parts_so_far, grown: now });
        }
        let Some(list) = self.list.as_mut().filter(|list| list.round == round) else {
            return Vec::new();
        };
        list.parts.insert(part, present.to_vec());
        list.grown = now;
        if list.parts.len() < list.size as usize {
            return Vec::new();
        }
        let Some(list) = self.list.take() else { return Vec::new() };
        self.known = list.version;
        self.early = self.early.split_off(&list.version);
        self.catch_up(vec![News::All(list.parts.into_values().flatten().collect())])
    }

    /// Whether to ask the node for its list now.
    pub(super) fn asks(&mut self, now: Instant) -> bool {
        let waits = |since: Option<Instant>| since.is_some_and(|since| now < since + PATIENCE);
        let is_behind = self.known < self.seen && self.leaves.is_none();
        if !is_behind || waits(self.asked) || waits(self.list.as_ref().map(|list| list.grown)) {
            return false;
        }
        self.asked = Some(now);
        true
    }

    fn catch_up(&mut self, mut news: Vec<News>) -> Vec<News> {
        while let Some(change) = self.early.remove(&self.known) {
            self.known = change.version;
            news.push(News::Change(change));
        }
        news
    }
}

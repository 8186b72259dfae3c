use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chat_core::{Nickname, PresenceEntry, PresenceId, RoomId};
use tokio::time::Instant;

/// The time between two requests for a node's list, and the longest time to wait for the next part of one.
const PATIENCE: Duration = Duration::from_secs(1);

/// Maximum number of changes kept that come after a missing one.
const EARLY: usize = 256;

/// Maximum number of users that a node may have, over all rooms. Others ignore more, and a node announces no more.
pub(super) const ENTRIES: usize = 200_000;

/// Maximum number of parts of a list. This many fit all users, however long their nicknames are.
const PARTS: u32 = 32_768;

/// How often a node must report a lower version than the known one before it is believed: one report may be late.
const CONTRADICTIONS: u32 = 2;

/// How often a node's list is requested again if others could forge its frames: forged contents last no longer.
const REFRESH: Duration = Duration::from_secs(30);

/// The state of following another node.
///
/// The other node's users are kept in the rooms; this type returns the changes to apply to them. No number is
/// trusted: whatever was claimed before, a node that keeps announcing itself is followed again within seconds.
#[derive(Debug)]
pub(super) struct Peer {
    /// When a frame last arrived from it.
    pub(super) heard: Instant,
    /// The node has stopped; its users stay until then.
    pub(super) leaves: Option<Instant>,
    /// The version that the rooms show.
    known: u64,
    /// The highest version that it has announced.
    seen: u64,
    /// How often in a row it has reported a version below `known`.
    contradictions: u32,
    /// Changes to versions after `known`, by the version that they start from.
    early: BTreeMap<u64, Change>,
    list: Option<List>,
    /// When the last list was complete.
    listed: Instant,
    asked: Option<Instant>,
}

/// A change from one version to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) came: Vec<PresenceEntry>,
    pub(super) left: Vec<PresenceEntry>,
}

/// Who is in each room of a node, with the nickname.
pub(super) type Present = BTreeMap<(RoomId, PresenceId), Option<Nickname>>;

/// A list of which some parts have arrived.
#[derive(Debug)]
struct List {
    round: u64,
    version: u64,
    size: u32,
    parts: BTreeSet<u32>,
    present: Present,
    /// When the last part arrived.
    grown: Instant,
}

/// One change to apply to the rooms, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Replaces everything known about the node.
    All(Present),
    Change(Change),
}

impl Peer {
    /// Creates the state of a node that was not heard before and is assumed to have no users.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            heard: now,
            leaves: None,
            known: 0,
            seen: 0,
            contradictions: 0,
            early: BTreeMap::new(),
            list: None,
            listed: now,
            asked: None,
        }
    }

    /// Takes a change of the node.
    pub(super) fn change(&mut self, from: u64, change: Change) -> Vec<News> {
        self.seen = self.seen.max(change.version);
        if from >= self.known && change.version > from {
            self.early.insert(from, change);
        }
        let news = self.catch_up(Vec::new());
        if self.early.len() > EARLY {
            // Drops the oldest: the requested list will include them.
            self.early.pop_first();
        }
        news
    }

    /// Takes the version that the node reports.
    pub(super) fn beat(&mut self, version: u64) -> Vec<News> {
        self.seen = version;
        // No change starts from it yet.
        self.early.split_off(&version);
        if version >= self.known {
            self.contradictions = 0;
            return Vec::new();
        }
        self.contradictions += 1;
        if self.contradictions < CONTRADICTIONS {
            return Vec::new();
        }
        // The node has never announced the known version.
        self.forget();
        if version > 0 { Vec::new() } else { vec![News::All(Present::new())] }
    }

    /// Takes a part of its list.
    pub(super) fn part(
        &mut self,
        (round, version): (u64, u64),
        (part, parts): (u32, u32),
        present: &[PresenceEntry],
        now: Instant,
    ) -> Vec<News> {
        self.seen = self.seen.max(version);
        let is_news = version > self.known || version == self.known && self.asked.is_some();
        if !is_news || part >= parts || parts > PARTS {
            return Vec::new();
        }
        let is_later = |list: &List| round > list.round || now >= list.grown + PATIENCE;
        if self.list.as_ref().is_none_or(is_later) {
            let (parts_so_far, present) = (BTreeSet::new(), Present::new());
            let size = parts;
            self.list =
                Some(List { round, version, size, parts: parts_so_far, present, grown: now });
        }
        let fits =
            |list: &&mut List| (list.round, list.version, list.size) == (round, version, parts);
        let Some(list) = self.list.as_mut().filter(fits) else { return Vec::new() };
        list.parts.insert(part);
        let room = ENTRIES.saturating_sub(list.present.len());
        list.present.extend(present.iter().take(room).map(|entry| {
            let PresenceEntry { room, who, nickname } = entry.clone();
            ((room, who), nickname)
        }));
        list.grown = now;
        if list.parts.len() < list.size as usize {
            return Vec::new();
        }
        let Some(list) = self.list.take() else { return Vec::new() };
        (self.known, self.listed, self.asked) = (list.version, now, None);
        self.contradictions = 0;
        self.early = self.early.split_off(&list.version);
        let news = self.catch_up(vec![News::All(list.present)]);
        let later = self.early.values().map(|change| change.version).max();
        self.seen = later.unwrap_or(self.known);
        news
    }

    /// Returns whether to request the node's list now; also of a known node if it is not `certain` that its frames
    /// are genuine.
    pub(super) fn asks(&mut self, certain: bool, now: Instant) -> bool {
        let waits = |since: Option<Instant>| since.is_some_and(|since| now < since + PATIENCE);
        let is_old = !certain && self.seen > 0 && now >= self.listed + REFRESH;
        let is_behind = (self.known < self.seen || is_old) && self.leaves.is_none();
        if !is_behind || waits(self.asked) || waits(self.list.as_ref().map(|list| list.grown)) {
            return false;
        }
        self.asked = Some(now);
        true
    }

    /// Returns the number of users kept here that are not applied yet.
    pub(super) fn held(&self) -> usize {
        let list = self.list.as_ref().map_or(0, |list| list.present.len());
        let early = self.early.values().map(|change| change.came.len() + change.left.len());
        list + early.sum::<usize>()
    }

    /// Forgets how far it was followed: the next list is accepted, whatever its version is.
    pub(super) fn forget(&mut self) {
        (self.known, self.contradictions, self.list) = (0, 0, None);
        self.early.clear();
    }

    fn catch_up(&mut self, mut news: Vec<News>) -> Vec<News> {
        while let Some(change) = self.early.remove(&self.known) {
            self.known = change.version;
            news.push(News::Change(change));
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ghosts(numbers: std::ops::Range<u64>) -> Vec<PresenceEntry> {
        let ghost = |number| PresenceEntry {
            room: RoomId::general(),
            who: PresenceId::anonymous(number),
            nickname: None,
        };
        numbers.map(ghost).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_changes_are_kept_than_can_be_late() {
        let mut peer = Peer::new(Instant::now());
        for from in 1..10 * EARLY as u64 {
            let change = Change { version: 2 * from + 1, came: ghosts(0..1), left: Vec::new() };
            assert_eq!(peer.change(2 * from, change), []);
        }
        assert_eq!(peer.held(), EARLY);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_of_a_list_is_kept_than_a_node_may_have() {
        let now = Instant::now();
        let mut peer = Peer::new(now);
        assert_eq!(peer.part((1, 1), (0, PARTS + 1), &ghosts(0..1), now), []);
        assert_eq!(peer.held(), 0, "a list in so many parts is none of ours");
        let many = ENTRIES as u64;
        for part in 0..2 {
            let half = u64::from(part) * many / 2;
            assert_eq!(
                peer.part((1, 1), (part, PARTS), &ghosts(half..half + many / 2 + 9), now),
                []
            );
        }
        assert_eq!(peer.part((1, 1), (2, PARTS), &ghosts(many + 9..many + 99), now), []);
        assert_eq!(peer.held(), ENTRIES);
    }
}

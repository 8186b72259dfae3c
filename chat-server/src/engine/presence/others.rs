//! The users that other nodes announce. Changes are applied to the rooms in steps, and the lock is released in
//! between: a node may have many users.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};

use chat_core::{NodeId, PresenceId, RoomId};

use super::peer::{Change, ENTRIES, News, Present};

/// Maximum number of users of all other nodes together that this node keeps.
const ALL_ENTRIES: usize = 1_000_000;

/// The number of users per step.
pub(super) const STEP: usize = 1024;

/// The announcements of other nodes.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// The users of each node, sorted by room; they are removed with the node.
    present: HashMap<NodeId, BTreeSet<(RoomId, PresenceId)>>,
    total: usize,
    /// Changes that are not applied yet.
    pub(super) todo: VecDeque<Todo>,
    /// Whether it was logged that there are too many.
    told: bool,
}

#[derive(Debug)]
pub(super) enum Todo {
    Change(NodeId, Change),
    Replace(Replacement),
}

/// A replacement in progress: users who are no longer present are removed, then present ones are added.
#[derive(Debug)]
pub(super) struct Replacement {
    pub(super) node: NodeId,
    pub(super) present: Present,
    /// How far the known users have been checked; all of them if `swept`.
    pub(super) upto: Option<(RoomId, PresenceId)>,
    pub(super) swept: bool,
}

impl Others {
    /// Queues a change after all others.
    pub(super) fn push(&mut self, node: NodeId, news: News) {
        self.todo.push_back(match news {
            News::Change(change) => Todo::Change(node, change),
            News::All(present) => {
                Todo::Replace(Replacement { node, present, upto: None, swept: false })
            }
        });
    }

    /// Returns the users of a node after a given one, in order.
    pub(super) fn page(
        &self,
        node: NodeId,
        after: Option<&(RoomId, PresenceId)>,
    ) -> Vec<(RoomId, PresenceId)> {
        let Some(present) = self.present.get(&node) else { return Vec::new() };
        let from = after.map_or(Unbounded, Excluded);
        present.range((from, Unbounded)).take(STEP).cloned().collect()
    }

    /// Adds a user of a node unless there are too many. Also returns true if the user is there already.
    pub(super) fn add(&mut self, node: NodeId, room: &RoomId, who: PresenceId) -> bool {
        let present = self.present.entry(node).or_default();
        let key = (room.clone(), who);
        if present.contains(&key) {
            return true;
        }
        if present.len() >= ENTRIES || self.total >= ALL_ENTRIES {
            if !self.told {
                self.told = true;
                tracing::warn!(
                    frame.node = %node,
                    "another node has so many users in its rooms that some are not counted"
                );
            }
            return false;
        }
        self.total += 1;
        present.insert(key)
    }

    /// Removes a user of a node, and returns whether the user was there.
    pub(super) fn remove(&mut self, node: NodeId, room: &RoomId, who: PresenceId) -> bool {
        let Some(present) = self.present.get_mut(&node) else { return false };
        let was_there = present.remove(&(room.clone(), who));
        self.total -= usize::from(was_there);
        if present.is_empty() {
            self.present.remove(&node);
        }
        was_there
    }

    #[cfg(test)]
    pub(super) fn total(&self) -> usize {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_nodes_together_have_so_many_users_and_no_more() {
        let (room, who) = (RoomId::general(), PresenceId::anonymous);
        let [one, other] = [1, 2].map(|number| NodeId::from_random([number; 8]));
        let mut others = Others { total: ALL_ENTRIES - 2, ..Others::default() };
        assert!(others.add(one, &room, who(1)) && others.add(other, &room, who(2)));
        assert!(!others.add(one, &room, who(3)) && !others.add(other, &room, who(3)));
        assert!(others.add(one, &room, who(1)), "it is there");
        assert!(others.remove(other, &room, who(2)));
        assert!(others.add(one, &room, who(3)));
        assert_eq!(others.total(), ALL_ENTRIES);
    }
}

//! The members that other nodes announce. What they say is done to the rooms in steps, between which others get the
//! lock: a node may have many members.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};

use chat_core::{MemberId, NodeId, RoomId};

use super::peer::{Change, ENTRIES, News, Present};

/// How many members all other nodes together may have, as far as this one takes note of it.
const ALL_ENTRIES: usize = 1_000_000;

/// How many members are looked at in one step.
pub(super) const STEP: usize = 1024;

/// What other nodes have announced.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// For each node, in the order of the rooms: what goes when the node does.
    members: HashMap<NodeId, BTreeSet<(RoomId, MemberId)>>,
    total: usize,
    /// What is still to be done.
    pub(super) todo: VecDeque<Todo>,
    /// Whether it was said that there are too many.
    told: bool,
}

#[derive(Debug)]
pub(super) enum Todo {
    Change(NodeId, Change),
    Replace(Replacement),
}

/// On its way: whoever is not present any more leaves, then those that are present come.
#[derive(Debug)]
pub(super) struct Replacement {
    pub(super) node: NodeId,
    pub(super) present: Present,
    /// How far those who are known have been looked at; all of them when `swept`.
    pub(super) upto: Option<(RoomId, MemberId)>,
    pub(super) swept: bool,
}

impl Others {
    /// Notes something to do after all that is to be done already.
    pub(super) fn push(&mut self, node: NodeId, news: News) {
        self.todo.push_back(match news {
            News::Change(change) => Todo::Change(node, change),
            News::All(present) => {
                Todo::Replace(Replacement { node, present, upto: None, swept: false })
            }
        });
    }

    /// The next members of a node after one, in their order.
    pub(super) fn page(
        &self,
        node: NodeId,
        after: Option<&(RoomId, MemberId)>,
    ) -> Vec<(RoomId, MemberId)> {
        let Some(members) = self.members.get(&node) else { return Vec::new() };
        let from = after.map_or(Unbounded, Excluded);
        members.range((from, Unbounded)).take(STEP).cloned().collect()
    }

    /// Adds a member of a node, unless there are too many. True also when it is there.
    pub(super) fn add(&mut self, node: NodeId, room: &RoomId, member: MemberId) -> bool {
        let members = self.members.entry(node).or_default();
        let key = (room.clone(), member);
        if members.contains(&key) {
            return true;
        }
        if members.len() >= ENTRIES || self.total >= ALL_ENTRIES {
            if !self.told {
                self.told = true;
                tracing::warn!(
                    frame.node = %node,
                    "another node has so many people in its rooms that some are not counted"
                );
            }
            return false;
        }
        self.total += 1;
        members.insert(key)
    }

    /// Removes a member of a node, and says whether it was there.
    pub(super) fn remove(&mut self, node: NodeId, room: &RoomId, member: MemberId) -> bool {
        let Some(members) = self.members.get_mut(&node) else { return false };
        let was_there = members.remove(&(room.clone(), member));
        self.total -= usize::from(was_there);
        if members.is_empty() {
            self.members.remove(&node);
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
    fn all_nodes_together_have_so_many_members_and_no_more() {
        let (room, member) = (RoomId::general(), MemberId::anonymous);
        let [one, other] = [1, 2].map(|number| NodeId::from_random([number; 8]));
        let mut others = Others { total: ALL_ENTRIES - 2, ..Others::default() };
        assert!(others.add(one, &room, member(1)) && others.add(other, &room, member(2)));
        assert!(!others.add(one, &room, member(3)) && !others.add(other, &room, member(3)));
        assert!(others.add(one, &room, member(1)), "it is there");
        assert!(others.remove(other, &room, member(2)));
        assert!(others.add(one, &room, member(3)));
        assert_eq!(others.total(), ALL_ENTRIES);
    }
}

//! The members that other nodes announce. What they say is done to the rooms in steps, between which others get the
//! lock: a node may have many members.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};

use chat_core::{Attendee, MemberId, NodeId, RoomId};

use super::peer::{Change, ENTRIES, News, Present};
use super::room::Source;
use super::state::State;

/// How many members all other nodes together may have, as far as this one takes note of it.
const ALL_ENTRIES: usize = 1_000_000;

/// How many members are looked at in one step.
const STEP: usize = 1024;

/// What other nodes have announced.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// For each node, in the order of the rooms: what goes when the node does.
    members: HashMap<NodeId, BTreeSet<(RoomId, MemberId)>>,
    total: usize,
    /// What is still to be done.
    todo: VecDeque<Todo>,
    /// Whether it was said that there are too many.
    told: bool,
}

#[derive(Debug)]
enum Todo {
    Change(NodeId, Change),
    Replace(Replacement),
}

/// On its way: whoever is not present any more leaves, then those that are present come.
#[derive(Debug)]
struct Replacement {
    node: NodeId,
    present: Present,
    /// How far those who are known have been looked at; all of them when `swept`.
    upto: Option<(RoomId, MemberId)>,
    swept: bool,
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
    fn page(&self, node: NodeId, after: Option<&(RoomId, MemberId)>) -> Vec<(RoomId, MemberId)> {
        let Some(members) = self.members.get(&node) else { return Vec::new() };
        let from = after.map_or(Unbounded, Excluded);
        members.range((from, Unbounded)).take(STEP).cloned().collect()
    }

    /// Adds a member of a node, unless there are too many. True also when it is there.
    fn add(&mut self, node: NodeId, room: &RoomId, member: MemberId) -> bool {
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
    fn remove(&mut self, node: NodeId, room: &RoomId, member: MemberId) -> bool {
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

impl State {
    /// Does a part of what other nodes' news bring about, and says whether there is more to do.
    pub(super) fn step(&mut self) -> bool {
        match self.others.todo.pop_front() {
            None => return false,
            Some(Todo::Change(node, Change { came, left, .. })) => {
                for gone in left {
                    self.withdraw_of(node, &gone.room, gone.member);
                }
                for attendee in &came {
                    self.add_of(node, attendee);
                }
            }
            Some(Todo::Replace(mut replacement)) => {
                if self.replace_some(&mut replacement) {
                    self.others.todo.push_front(Todo::Replace(replacement));
                }
            }
        }
        !self.others.todo.is_empty()
    }

    /// Says whether there is more of it to do.
    fn replace_some(
        &mut self,
        Replacement { node, present, upto, swept }: &mut Replacement,
    ) -> bool {
        if *swept {
            for _ in 0..STEP {
                let Some(((room, member), nickname)) = present.pop_first() else { return false };
                self.add_of(*node, &Attendee { room, member, nickname });
            }
        } else {
            let page = self.others.page(*node, upto.as_ref());
            *swept = page.len() < STEP;
            for (room, member) in page.iter().filter(|key| !present.contains_key(key)) {
                self.withdraw_of(*node, room, *member);
            }
            *upto = page.into_iter().next_back();
        }
        !*swept || !present.is_empty()
    }

    fn add_of(&mut self, node: NodeId, Attendee { room, member, nickname }: &Attendee) {
        // The name of a room is kept once, however many are in it.
        let room = self.rooms.get_key_value(room).map_or(room, |(known, _)| known).clone();
        if self.others.add(node, &room, *member) {
            self.add(&room, *member, nickname.as_ref(), Source::Node(node));
        }
    }

    fn withdraw_of(&mut self, node: NodeId, room: &RoomId, member: MemberId) {
        if self.others.remove(node, room, member) {
            self.withdraw(room, member, Source::Node(node));
        }
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

use chat_core::{NodeId, PresenceEntry, PresenceId, RoomId};

use super::super::others::{Replacement, STEP, Todo};
use super::super::peer::Change;
use super::super::room::Source;
use super::State;

impl State {
    /// Applies a part of the changes from other nodes, and returns whether there is more to do.
    pub(in crate::engine::presence) fn step(&mut self) -> bool {
        match self.others.todo.pop_front() {
            None => return false,
            Some(Todo::Change(node, Change { came, left, .. })) => {
                for gone in left {
                    self.withdraw_of(node, &gone.room, gone.who);
                }
                for entry in &came {
                    self.add_of(node, entry);
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

    /// Returns whether there is more to do.
    fn replace_some(
        &mut self,
        Replacement { node, present, upto, swept }: &mut Replacement,
    ) -> bool {
        if *swept {
            for _ in 0..STEP {
                let Some(((room, who), nickname)) = present.pop_first() else { return false };
                self.add_of(*node, &PresenceEntry { room, who, nickname });
            }
        } else {
            let page = self.others.page(*node, upto.as_ref());
            *swept = page.len() < STEP;
            for (room, who) in page.iter().filter(|key| !present.contains_key(key)) {
                self.withdraw_of(*node, room, *who);
            }
            *upto = page.into_iter().next_back();
        }
        !*swept || !present.is_empty()
    }

    fn add_of(&mut self, node: NodeId, PresenceEntry { room, who, nickname }: &PresenceEntry) {
        // The name of a room is stored once, however many users it has.
        let room = self.rooms.get_key_value(room).map_or(room, |(known, _)| known).clone();
        if self.others.add(node, &room, *who) {
            self.add(&room, *who, nickname.as_ref(), Source::Node(node));
        }
    }

    fn withdraw_of(&mut self, node: NodeId, room: &RoomId, who: PresenceId) {
        if self.others.remove(node, room, who) {
            self.withdraw(room, who, Source::Node(node));
        }
    }
}

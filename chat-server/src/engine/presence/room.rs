use std::collections::HashMap;
use std::sync::Arc;

use chat_core::event::Users;
use chat_core::{Nickname, NodeId, PresenceEntry, PresenceId, RoomId};
use serde_json::value::{RawValue, to_raw_value};

use super::few::Few;
use super::pace::{Pace, Shown, differ};

/// One connection of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnectionKey {
    /// The hash of the client's id.
    pub(super) client: u64,
    /// Distinguishes the connections of one client.
    pub(super) serial: u32,
}

/// Why a user is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A connection of this node is in the room.
    Connection(ConnectionKey),
    /// Another node reports the user.
    Node(NodeId),
}

/// The users in a room over all nodes. A user is in it as long as there is a source.
#[derive(Debug, Default)]
pub(super) struct Room {
    present: HashMap<PresenceId, PresenceState>,
    /// The cached answer to `users`, as long as nothing has changed.
    list: Option<Arc<RawValue>>,
    /// The limit on updates, once there was one.
    pub(super) pace: Option<Box<Pace>>,
}

#[derive(Debug)]
struct PresenceState {
    nickname: Option<Nickname>,
    sources: Few<Source>,
}

/// The effect of adding or removing a source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Whether the user has just joined on its first node, or left its last one.
    pub(super) anywhere: bool,
    /// Whether the presence on this node, as other nodes see it, has changed.
    pub(super) here: bool,
    /// The state before, if a user who was there has another nickname.
    pub(super) renamed: Shown,
}

impl Room {
    /// Adds a source of a user, under the latest nickname.
    pub(super) fn add(
        &mut self,
        who: PresenceId,
        nickname: Option<&Nickname>,
        source: Source,
    ) -> Changed {
        let is_new = !self.present.contains_key(&who);
        if is_new {
            self.list = None;
        }
        let entry = self.present.entry(who).or_insert_with(|| PresenceState {
            nickname: nickname.cloned(),
            sources: Few::default(),
        });
        let is_here = matches!(source, Source::Connection(_));
        let was_here = entry.is_here();
        let has_another = nickname.is_some() && entry.nickname.as_ref() != nickname;
        let mut renamed = None;
        if has_another {
            let before = Some(std::mem::replace(&mut entry.nickname, nickname.cloned()));
            renamed =
                before.filter(|before| differ(&Some(before.clone()), &Some(nickname.cloned())));
            self.list = None;
        }
        entry.sources.insert(source);
        Changed { anywhere: is_new, here: is_here && (!was_here || has_another), renamed }
    }

    /// Removes a source of a user; with the last one, the user leaves the room.
    pub(super) fn remove(&mut self, who: PresenceId, source: Source) -> Changed {
        let Some(entry) = self.present.get_mut(&who) else { return Changed::default() };
        let was_here = entry.is_here();
        entry.sources.remove(&source);
        let here = was_here && !entry.is_here();
        let anywhere = entry.sources.as_slice().is_empty();
        if anywhere {
            self.present.remove(&who);
            self.list = None;
            // After a crowd has left, memory is released, and iterating over the room is cheap.
            if self.present.capacity() > 64 && self.present.len() * 8 < self.present.capacity() {
                self.present.shrink_to_fit();
            }
        }
        Changed { anywhere, here, renamed: None }
    }

    pub(super) fn len(&self) -> usize {
        self.present.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    pub(super) fn contains(&self, who: PresenceId) -> bool {
        self.present.contains_key(&who)
    }

    /// Returns how a user is in the room; none if the user is not there.
    pub(super) fn shown(&self, who: PresenceId) -> Shown {
        self.present.get(&who).map(|state| state.nickname.clone())
    }

    /// Returns whether another node reports the user.
    pub(super) fn is_elsewhere(&self, who: PresenceId) -> bool {
        let is_node = |source: &Source| matches!(source, Source::Node(_));
        self.present.get(&who).is_some_and(|state| state.sources.as_slice().iter().any(is_node))
    }

    /// Returns the connections of this node in the room, except those of `who`.
    pub(super) fn connections_but(
        &self,
        who: PresenceId,
    ) -> impl Iterator<Item = ConnectionKey> + '_ {
        let others = self.present.iter().filter(move |(other, _)| **other != who);
        others.flat_map(|(_, other)| other.sources.as_slice()).filter_map(|source| match source {
            Source::Connection(key) => Some(*key),
            Source::Node(_) => None,
        })
    }

    /// Returns the JSON of [`Users`]; none if it cannot be serialised.
    pub(super) fn list(&mut self, room: &RoomId) -> Option<Arc<RawValue>> {
        if self.list.is_none() {
            let nicknames = self.nicknames(Users::MAX_NICKNAMES);
            let users = Users::new(room.clone(), self.len(), nicknames);
            self.list = to_raw_value(&users).ok().map(Arc::from);
        }
        self.list.clone()
    }

    /// Returns the nicknames of the users, sorted, at most `most`.
    fn nicknames(&self, most: usize) -> Vec<Nickname> {
        let mut names: Vec<_> =
            self.present.values().filter_map(|state| state.nickname.as_ref()).collect();
        if names.len() > most {
            names.select_nth_unstable(most);
            names.truncate(most);
        }
        names.sort_unstable();
        names.into_iter().cloned().collect()
    }

    /// Returns a user as announced to other nodes, and whether the user is in the room on this node.
    pub(super) fn entry(&self, room: &RoomId, who: PresenceId) -> (PresenceEntry, bool) {
        let entry = self.present.get(&who).filter(|entry| entry.is_here());
        let nickname = entry.and_then(|entry| entry.nickname.clone());
        (PresenceEntry { room: room.clone(), who, nickname }, entry.is_some())
    }

    /// Returns the users who are in the room on this node.
    pub(super) fn here(&self, room: &RoomId) -> impl Iterator<Item = PresenceEntry> {
        let here = self.present.iter().filter(|(_, entry)| entry.is_here());
        here.map(|(&who, entry)| {
            let nickname = entry.nickname.clone();
            PresenceEntry { room: room.clone(), who, nickname }
        })
    }
}

impl PresenceState {
    fn is_here(&self) -> bool {
        self.sources.as_slice().iter().any(|source| matches!(source, Source::Connection(_)))
    }
}

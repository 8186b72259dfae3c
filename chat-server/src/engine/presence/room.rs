use std::collections::HashMap;
use std::sync::Arc;

use chat_core::{Attendee, MemberId, Nickname, NodeId, RoomId, Users};
use serde_json::value::{RawValue, to_raw_value};

use super::few::Few;
use super::pace::Pace;

/// One connection of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnectionKey {
    /// The hash of the client's id.
    pub(super) client: u64,
    /// Distinguishes the connections of one client.
    pub(super) serial: u32,
}

/// Why a member is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A connection of this node is in the room.
    Connection(ConnectionKey),
    /// Another node reports the member.
    Node(NodeId),
}

/// The members of a room over all nodes. A member is in it as long as it has a source.
#[derive(Debug, Default)]
pub(super) struct Room {
    members: HashMap<MemberId, Member>,
    /// The cached answer to `users`, as long as nothing has changed.
    list: Option<Arc<RawValue>>,
    /// The limit on updates, once there was one.
    pub(super) pace: Option<Box<Pace>>,
}

#[derive(Debug)]
struct Member {
    nickname: Option<Nickname>,
    sources: Few<Source>,
}

/// The effect of adding or removing a source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Whether the member has just joined on its first node, or left its last one.
    pub(super) anywhere: bool,
    /// Whether the presence on this node, as other nodes see it, has changed.
    pub(super) here: bool,
}

impl Room {
    /// Adds a source of a member, under the latest nickname.
    pub(super) fn add(
        &mut self,
        member: MemberId,
        nickname: Option<&Nickname>,
        source: Source,
    ) -> Changed {
        let is_new = !self.members.contains_key(&member);
        if is_new {
            self.list = None;
        }
        let entry = self
            .members
            .entry(member)
            .or_insert_with(|| Member { nickname: nickname.cloned(), sources: Few::default() });
        let is_here = matches!(source, Source::Connection(_));
        let was_here = entry.is_here();
        let renamed = nickname.is_some() && entry.nickname.as_ref() != nickname;
        if renamed {
            entry.nickname = nickname.cloned();
            self.list = None;
        }
        entry.sources.insert(source);
        Changed { anywhere: is_new, here: is_here && (!was_here || renamed) }
    }

    /// Removes a source of a member, and with the last one the member.
    pub(super) fn remove(&mut self, member: MemberId, source: Source) -> Changed {
        let Some(entry) = self.members.get_mut(&member) else { return Changed::default() };
        let was_here = entry.is_here();
        entry.sources.remove(&source);
        let here = was_here && !entry.is_here();
        let anywhere = entry.sources.as_slice().is_empty();
        if anywhere {
            self.members.remove(&member);
            self.list = None;
            // After a crowd has left, memory is released, and iterating over the room is cheap.
            if self.members.capacity() > 64 && self.members.len() * 8 < self.members.capacity() {
                self.members.shrink_to_fit();
            }
        }
        Changed { anywhere, here }
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn contains(&self, member: MemberId) -> bool {
        self.members.contains_key(&member)
    }

    pub(super) fn nickname(&self, member: MemberId) -> Option<Nickname> {
        self.members.get(&member)?.nickname.clone()
    }

    /// Returns the connections of this node in the room, except those of `member`.
    pub(super) fn connections_but(
        &self,
        member: MemberId,
    ) -> impl Iterator<Item = ConnectionKey> + '_ {
        let others = self.members.iter().filter(move |(other, _)| **other != member);
        others.flat_map(|(_, other)| other.sources.as_slice()).filter_map(|source| match source {
            Source::Connection(key) => Some(*key),
            Source::Node(_) => None,
        })
    }

    /// Returns the JSON of [`Users`]; none if it cannot be serialised.
    pub(super) fn list(&mut self, room: &RoomId) -> Option<Arc<RawValue>> {
        if self.list.is_none() {
            let nicknames = self.nicknames(Users::MAX_NICKNAMES);
            let users = Users { room: room.clone(), users: self.len(), nicknames };
            self.list = to_raw_value(&users).ok().map(Arc::from);
        }
        self.list.clone()
    }

    /// Returns the nicknames of the users, sorted, at most `most`.
    fn nicknames(&self, most: usize) -> Vec<Nickname> {
        let mut names: Vec<_> =
            self.members.values().filter_map(|member| member.nickname.as_ref()).collect();
        if names.len() > most {
            names.select_nth_unstable(most);
            names.truncate(most);
        }
        names.sort_unstable();
        names.into_iter().cloned().collect()
    }

    /// Returns a member as it is announced to other nodes, and whether it is in the room on this node.
    pub(super) fn attendee(&self, room: &RoomId, member: MemberId) -> (Attendee, bool) {
        let entry = self.members.get(&member).filter(|entry| entry.is_here());
        let nickname = entry.and_then(|entry| entry.nickname.clone());
        (Attendee { room: room.clone(), member, nickname }, entry.is_some())
    }

    /// Returns the members that are in the room on this node.
    pub(super) fn here(&self, room: &RoomId) -> impl Iterator<Item = Attendee> {
        let here = self.members.iter().filter(|(_, entry)| entry.is_here());
        here.map(|(&member, entry)| {
            let nickname = entry.nickname.clone();
            Attendee { room: room.clone(), member, nickname }
        })
    }
}

impl Member {
    fn is_here(&self) -> bool {
        self.sources.as_slice().iter().any(|source| matches!(source, Source::Connection(_)))
    }
}

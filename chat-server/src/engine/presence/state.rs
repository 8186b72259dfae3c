mod announced;
mod own;
mod pacing;
mod privately;
mod reading;
mod typing;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chat_core::{Nickname, NodeId, PresenceId, RoomId, UserId};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::few::Few;
use super::known::Known;
use super::others::Others;
use super::peer::Peer;
use super::report::Report;
use super::room::{ConnectionKey, Room, Source};
use super::typing::{PrivateTypingState, TypingState};
use crate::engine::delivery::{EphemeralEvent, EphemeralEvents};
use crate::engine::rate::Rate;

/// A user and a nickname.
pub(super) type NamedUser = (UserId, Nickname);

/// The presence in all rooms. Everything happens under one lock, including notifications: ephemeral events reach a
/// connection in the order of the changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) node: NodeId,
    /// How long a broken connection counts as present.
    pub(super) grace: Duration,
    /// Rooms with a user on any node.
    pub(super) rooms: HashMap<RoomId, Room>,
    /// The connections of this node, including those that broke a moment ago. Sorted, so that those of one client are
    /// next to each other.
    connections: BTreeMap<ConnectionKey, PresentConnection>,
    /// The connections of the users with a nickname.
    of_users: HashMap<PresenceId, Few<ConnectionKey>>,
    /// The rooms that connections are told nothing of although they are in them: usually there are none.
    pub(super) unseen: BTreeMap<ConnectionKey, Few<RoomId>>,
    /// Broken connections, and until when they count as present. The grace period is the same for all: the first one
    /// here is the first to leave.
    broken: VecDeque<(Instant, ConnectionKey)>,
    next_serial: u32,
    pub(super) typing_states: BTreeMap<(RoomId, PresenceId), TypingState>,
    /// The connections of this node that type private messages, or did a moment ago.
    pub(super) private_typing: BTreeMap<ConnectionKey, PrivateTypingState>,
    /// The users who are in a room, on any node, and in how many.
    present: HashMap<PresenceId, usize>,
    pub(super) peers: HashMap<NodeId, Peer>,
    pub(super) others: Others,
    /// Whether only nodes of this chat can send the frames that arrive.
    pub(super) certain: bool,
    pub(super) report: Report,
    /// The limit on updates to a room.
    pub(super) ephemeral: Option<Rate>,
    /// Rooms with waiting updates.
    pub(super) paced: BTreeSet<RoomId>,
    /// When this was last [woken](Self::tick).
    pub(super) ticked: Option<Instant>,
}

/// There is one for each client, so it is kept small.
#[derive(Debug)]
struct PresentConnection {
    user: Option<Box<NamedUser>>,
    rooms: Few<RoomId>,
    /// The queue of ephemeral events; none once the connection is broken.
    ephemeral: Option<Arc<EphemeralEvents>>,
}

impl PresentConnection {
    fn who(&self, key: ConnectionKey) -> (PresenceId, Option<Nickname>) {
        match &self.user {
            Some(user) => (PresenceId::user(user.0), Some(user.1.clone())),
            None => (PresenceId::anonymous(key.client), None),
        }
    }
}

impl State {
    pub(super) fn new(
        node: NodeId,
        grace: Duration,
        certain: bool,
        ephemeral: Option<Rate>,
    ) -> Self {
        Self {
            node,
            grace,
            rooms: HashMap::new(),
            connections: BTreeMap::new(),
            of_users: HashMap::new(),
            unseen: BTreeMap::new(),
            broken: VecDeque::new(),
            next_serial: 0,
            typing_states: BTreeMap::new(),
            private_typing: BTreeMap::new(),
            present: HashMap::new(),
            peers: HashMap::new(),
            others: Others::default(),
            certain,
            report: Report::default(),
            ephemeral,
            paced: BTreeSet::new(),
            ticked: None,
        }
    }

    /// Adds a connection. It replaces broken ones of the same client.
    pub(super) fn enter(
        &mut self,
        client: u64,
        user: Option<NamedUser>,
        (rooms, unseen): (&[RoomId], &[RoomId]),
        ephemeral: Arc<EphemeralEvents>,
    ) -> ConnectionKey {
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        let key = ConnectionKey { client, serial };
        let user = user.map(Box::new);
        let connection =
            PresentConnection { user, rooms: Few::default(), ephemeral: Some(ephemeral) };
        let (who, _) = connection.who(key);
        let of_client = self.of_client(client).filter(|(_, other)| other.ephemeral.is_none());
        let broken: Vec<_> = of_client.map(|(key, other)| (key, other.who(key).0)).collect();
        self.connections.insert(key, connection);
        self.belongs(key, who);
        for room in unseen {
            self.see(key, room, false);
        }
        // Another identity leaves before the new one joins, so that the client is not counted twice. The same one
        // leaves afterwards, so that it is never absent.
        for &(other, _) in broken.iter().filter(|(_, other)| *other != who) {
            self.remove(other);
        }
        for room in rooms {
            self.join(key, room);
        }
        for &(other, _) in broken.iter().filter(|(_, other)| *other == who) {
            self.remove(other);
        }
        key
    }

    pub(super) fn known(&self) -> Known {
        let Self { rooms, of_users, peers, .. } = self;
        Known { rooms: rooms.len(), users: of_users.len(), nodes: peers.len() }
    }

    /// Returns whether a user is in any room.
    pub(super) fn is_present(&self, who: PresenceId) -> bool {
        self.present.contains_key(&who)
    }

    pub(super) fn join(&mut self, key: ConnectionKey, room: &RoomId) {
        let Some(connection) = self.live(key) else { return };
        if connection.rooms.insert(room.clone()) {
            let (who, nickname) = connection.who(key);
            self.add(room, who, nickname.as_ref(), Source::Connection(key));
        }
    }

    pub(super) fn leave(&mut self, key: ConnectionKey, room: &RoomId) {
        let Some(connection) = self.live(key) else { return };
        if connection.rooms.remove(room) {
            let (who, _) = connection.who(key);
            self.withdraw(room, who, Source::Connection(key));
        }
        self.see(key, room, true);
    }

    /// Sets whether a connection is told of others in a room.
    pub(super) fn see(&mut self, key: ConnectionKey, room: &RoomId, seen: bool) {
        if !seen && self.live(key).is_some() {
            self.unseen.entry(key).or_default().insert(room.clone());
        } else if let Some(unseen) = self.unseen.get_mut(&key) {
            unseen.remove(room);
            if unseen.as_slice().is_empty() {
                self.unseen.remove(&key);
            }
        }
    }

    pub(super) fn rename(&mut self, key: ConnectionKey, user: Option<NamedUser>) {
        let Some(connection) = self.live(key) else { return };
        let (old, _) = connection.who(key);
        connection.user = user.map(Box::new);
        let (new, nickname) = connection.who(key);
        let rooms = connection.rooms.as_slice().to_vec();
        if old != new {
            self.belongs_no_more(key, old);
            self.belongs(key, new);
        }
        for room in rooms {
            if old != new {
                self.withdraw(&room, old, Source::Connection(key));
            }
            self.add(&room, new, nickname.as_ref(), Source::Connection(key));
        }
    }

    /// Ends a connection: at once if its client wants it or has another connection, otherwise after the grace period.
    pub(super) fn end(&mut self, key: ConnectionKey, on_purpose: bool, now: Instant) {
        let has_another = self
            .of_client(key.client)
            .any(|(other, connection)| other != key && connection.ephemeral.is_some());
        let Some(connection) = self.connections.get_mut(&key) else { return };
        if on_purpose || has_another || self.grace.is_zero() {
            self.remove(key);
        } else if connection.ephemeral.take().is_some() {
            self.broken.push_back((now + self.grace, key));
        }
    }

    /// Removes the connections whose grace period is over.
    pub(super) fn expire(&mut self, now: Instant) {
        while self.broken.front().is_some_and(|(until, _)| *until <= now) {
            // It is gone already if its client has returned.
            if let Some((_, key)) = self.broken.pop_front() {
                self.remove(key);
            }
        }
    }

    pub(super) fn count(&self, room: &RoomId) -> usize {
        self.rooms.get(room).map_or(0, Room::len)
    }

    pub(super) fn users(&mut self, room: &RoomId) -> Option<Arc<RawValue>> {
        match self.rooms.get_mut(room) {
            Some(state) => state.list(room),
            None => Room::default().list(room),
        }
    }

    /// Returns the presence of a connection in a room, if it is in the room.
    pub(super) fn presence_id(&self, key: ConnectionKey, room: &RoomId) -> Option<PresenceId> {
        let connection = self.connections.get(&key)?;
        let is_in = connection.ephemeral.is_some() && connection.rooms.contains(room);
        is_in.then(|| connection.who(key).0)
    }

    /// Adds a source of a user in a room, and announces the user if it is the first source.
    pub(super) fn add(
        &mut self,
        room: &RoomId,
        who: PresenceId,
        nickname: Option<&Nickname>,
        source: Source,
    ) {
        let state = self.rooms.entry(room.clone()).or_default();
        let changed = state.add(who, nickname, source);
        if changed.here {
            self.report.changed(room, who);
        }
        if changed.anywhere {
            if who.as_user().is_some() {
                *self.present.entry(who).or_default() += 1;
            }
            self.tell_change(room, who, &None);
        } else if changed.renamed.is_some() {
            self.tell_change(room, who, &changed.renamed);
        }
    }

    /// Removes a source of a user in a room, and announces that the user left if it was the last source.
    pub(super) fn withdraw(&mut self, room: &RoomId, who: PresenceId, source: Source) {
        let Some(state) = self.rooms.get_mut(room) else { return };
        let before = state.shown(who);
        let changed = state.remove(who, source);
        let is_empty = state.is_empty();
        if changed.here {
            self.report.changed(room, who);
        }
        if changed.anywhere {
            if let Entry::Occupied(mut entry) = self.present.entry(who) {
                *entry.get_mut() -= 1;
                if *entry.get() == 0 {
                    entry.remove();
                }
            }
            self.rest(room, who, before.clone().flatten());
            self.tell_change(room, who, &before);
        }
        if is_empty {
            self.rooms.remove(room);
        }
    }

    /// Sends an ephemeral event to the connections in the room that see it, except those of `who`. It is created only if
    /// there are any.
    pub(super) fn tell(
        &self,
        room: &RoomId,
        who: PresenceId,
        event: impl FnOnce() -> Option<Arc<EphemeralEvent>>,
    ) {
        let Some(state) = self.rooms.get(room) else { return };
        let mut others = state
            .connections_but(who)
            .filter(|key| self.sees(*key, room))
            .filter_map(|key| self.connections.get(&key)?.ephemeral.as_ref())
            .peekable();
        if others.peek().is_some()
            && let Some(event) = event()
        {
            others.for_each(|queue| queue.push(Arc::clone(&event)));
        }
    }

    fn sees(&self, key: ConnectionKey, room: &RoomId) -> bool {
        self.unseen.is_empty() || self.unseen.get(&key).is_none_or(|unseen| !unseen.contains(room))
    }

    fn remove(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.remove(&key) else { return };
        self.unseen.remove(&key);
        self.private_typing.remove(&key);
        let (who, _) = connection.who(key);
        self.belongs_no_more(key, who);
        for room in connection.rooms.as_slice() {
            self.withdraw(room, who, Source::Connection(key));
        }
    }

    /// Returns a connection that is not broken.
    fn live(&mut self, key: ConnectionKey) -> Option<&mut PresentConnection> {
        self.connections.get_mut(&key).filter(|connection| connection.ephemeral.is_some())
    }

    fn of_client(&self, client: u64) -> impl Iterator<Item = (ConnectionKey, &PresentConnection)> {
        let key = |serial| ConnectionKey { client, serial };
        self.connections.range(key(0)..=key(u32::MAX)).map(|(key, connection)| (*key, connection))
    }
}

//! From a commit to a client: the memory of two nodes, append notifications, the log follower, the cursor of a
//! connection, and a client that resumes on either node.
//!
//! One client follows a room, and may join a second one from an offset on. The nodes write a given sequence of
//! messages. An append notification, once it is sent, may arrive at any time, any number of times, in any order, or
//! never. The log follower may read at any time when there is something to read.

use stateright::{Model, Property};

use crate::Protocol;

/// The number of rooms.
const ROOMS: usize = 2;

/// The bounds, and what is wrong.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The room of each message. The client begins in room 0.
    pub rooms: &'static [usize],
    /// How many of the two nodes write.
    pub writers: u8,
    /// The number of messages in a batch.
    pub batch: u8,
    /// The number of messages that a node keeps in memory.
    pub memory: usize,
    /// The number of messages per read.
    pub limit: usize,
    /// The number of batches that a node may have committed and not announced yet.
    pub untold: usize,
    /// Whether others may run between any two accesses of the delivery task to what it shares with them; otherwise
    /// not between looking at what the connection follows and reading memory.
    pub fine: bool,
    /// From where the client joins the second room.
    pub join: Join,
    /// Whether the client wants an answer to its join.
    pub join_answered: bool,
    /// How many crashes of a node there may be.
    pub crashes: u8,
    /// How many connections may break.
    pub cuts: u8,
    /// How often a connection may stall, so that what was read for it is dropped.
    pub stalls: u8,
    /// How many reads of the store may fail.
    pub failures: u8,
    /// How many append notifications are forged.
    pub forgeries: u8,
    /// A planted bug.
    pub bug: Option<Bug>,
}

/// From where the client joins the second room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// It does not.
    Never,
    /// From the end of the log on.
    AtTheEnd,
    /// From any offset on.
    Anywhere,
}

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Messages that do not follow the ones in memory are added all the same.
    GapNotSeen,
    /// The contents of a forged append notification are shown to clients.
    HintTrusted,
    /// A node reads what others wrote only when it is told of it.
    NoPoll,
    /// The cursor moves when messages are read, not when they are handed over.
    CursorBeforeHandOver,
    /// Joining a room from an earlier offset does not mark the other rooms as delivered.
    RewindWithoutMarks,
    /// A page that was read before the cursor moved back is handed over.
    PageKeptOverRewind,
    /// A page that was read before a join from an offset after the cursor is handed over.
    PageKeptOverJoin,
    /// A client that goes on from a position before a rewind counts as one that has seen it.
    PositionAfterRewind,
    /// A client that goes on from a position after a rewind counts as one that has not seen it.
    PositionBeforeRewind,
    /// A rewind that happens again when a client resumes is handed over before the session is saved.
    ResumeNotSaved,
    /// Earlier messages are handed over before the session is saved.
    RewindNotSaved,
    /// After a failed read, earlier messages are handed over before the session is saved.
    RewindNotSavedAfterFailure,
    /// A join is answered before the session is saved.
    AnswerNotSaved,
    /// A feed that becomes known counts as completely in memory.
    FeedWithoutFloor,
    /// The end of the log is noted after a read of the store.
    TailAfterRead,
    /// After a read that was cut short, the other feeds count as read.
    GrownForgotten,
    /// A client resumes at the end of the log.
    ResumesAtTheEnd,
}

/// From where on a room is followed: the offset after which, and the number of rewinds before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Since {
    after: u8,
    rewinds: usize,
}

/// A move back of the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Rewind {
    from: u8,
    to: u8,
}

/// `Following`. No room is left or joined twice here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Following {
    rooms: [Option<Since>; ROOMS],
    /// `Past`.
    forgotten: u8,
    rewinds: Vec<Rewind>,
}

/// What a session has saved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Saved {
    generation: u8,
    following: Following,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Node {
    down: bool,
    /// `Recent`: everything in `(floor, tail]` is among the entries.
    tail: u8,
    floor: u8,
    entries: Vec<u8>,
    /// `Newest::complete_after` of each known feed.
    complete_after: [Option<u8>; ROOMS],
    /// Committed batches that were not announced yet: the offset before, and the last one.
    untold: Vec<(u8, u8)>,
    /// What the log follower has read and not added yet.
    followed: Option<(u8, u8)>,
    unsaved: Option<Saved>,
}

/// What is on its way to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Packet {
    /// Its offset, and the rewinds that it tells of.
    Message(u8, u8),
    Joined,
}

/// Where `DeliveryTask::run` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// Before `self.answer()`.
    Top,
    /// In `Subscription::read`, before `look`.
    Look,
    /// In `Log::read_after`, before memory is asked.
    Memory { cursor: u8 },
    /// The same, before the store is asked; the tail was noted.
    Store { cursor: u8, tail: u8 },
    /// For [`Bug::TailAfterRead`]: the store has answered up to here.
    Answered { cursor: u8, end: u8 },
    /// Waits until the session is saved.
    Saving,
    /// Hands over the page.
    HandOver,
    /// Waits for a notification.
    Asleep,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Connection {
    node: u8,
    // `ReadPosition`.
    following: Following,
    cursor: u8,
    rewinds: u8,
    // `Reader` and the `Notify` of the task.
    attached: [bool; ROOMS],
    grown: [bool; ROOMS],
    others_upto: u8,
    wake: bool,
    // `Subscription`.
    page: Vec<u8>,
    seen_rewinds: u8,
    /// The rewinds when `read` last found messages.
    settled_rewinds: u8,
    /// `Outbox`: the answer to the join.
    answer: bool,
    phase: Phase,
    wire: Vec<Packet>,
}

/// A join that the server has handled: the offset after which, and what the client had got before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Joined {
    after: u8,
    from: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Client {
    got: Vec<u8>,
    /// The rewinds that the last message told of.
    rewinds: u8,
    joined: Option<Joined>,
    /// Whether it has the answer to its join.
    told: bool,
    /// Whether it had the answer, and the session has forgotten it.
    betrayed: bool,
    connections: u8,
    joins: u8,
}

/// The whole system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    log: u8,
    nodes: [Node; 2],
    /// Append notifications that were sent: to which node, the offset before, and the last one. Sorted.
    frames: Vec<(u8, u8, u8)>,
    stored: Option<Saved>,
    connection: Option<Connection>,
    client: Client,
    crashes: u8,
    cuts: u8,
    stalls: u8,
    failures: u8,
    forgeries: u8,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A node commits so many messages.
    Commit(u8, u8),
    /// A node announces its oldest commit to itself and to the other node.
    Tell(u8),
    /// An append notification arrives.
    Hear(u8, u8, u8),
    /// The log follower of a node reads from the store.
    Follow(u8),
    /// It adds what it has read.
    Followed(u8),
    /// A node saves the session.
    Save(u8),
    /// The client connects to a node.
    Connect(u8),
    /// The server handles the client's join from this offset on.
    Join(u8),
    /// The delivery task goes on.
    Step,
    /// It takes a notification while it waits for the store.
    Meanwhile,
    /// Something arrives at the client.
    Receive,
    /// A node starts.
    Start(u8),
    /// A node crashes.
    Crash(u8),
    /// The connection breaks.
    Cut,
    /// The connection stalls.
    Stall,
    /// The store fails to read.
    FailRead,
    /// Somebody forges an append notification.
    Forge(u8),
}

impl Delivery {
    /// What tests explore: little memory, and a connection that stalls.
    pub const SMALL_MEMORY: Self = Self {
        rooms: &[0, 1, 0],
        writers: 2,
        batch: 1,
        memory: 1,
        limit: 2,
        untold: 1,
        fine: false,
        join: Join::Never,
        join_answered: true,
        crashes: 0,
        cuts: 0,
        stalls: 1,
        failures: 0,
        forgeries: 1,
        bug: None,
    };

    /// What tests explore: a crash, and a client that goes on at either node.
    pub const SMALL_CRASH: Self =
        Self { rooms: &[0, 0], batch: 2, memory: 8, crashes: 1, stalls: 0, ..Self::SMALL_MEMORY };

    /// What tests explore: a connection that breaks, and a client that goes on at either node.
    pub const SMALL_CUT: Self =
        Self { writers: 1, batch: 2, cuts: 1, stalls: 0, forgeries: 0, ..Self::SMALL_MEMORY };

    /// What tests explore: a second room, and a crash.
    pub const SMALL_JOIN: Self =
        Self { rooms: &[1, 0], writers: 1, batch: 2, join: Join::Anywhere, ..Self::SMALL_CRASH };

    /// What the program explores.
    pub const LARGE: Self = Self {
        memory: 1,
        untold: 2,
        fine: true,
        cuts: 1,
        stalls: 1,
        failures: 1,
        ..Self::SMALL_CRASH
    };

    /// What the program explores with a second room.
    pub const LARGE_JOIN: Self =
        Self { rooms: &[0, 1, 0], memory: 1, fine: true, cuts: 1, failures: 1, ..Self::SMALL_JOIN };

    fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn room(&self, offset: u8) -> usize {
        self.rooms[offset as usize - 1]
    }

    /// Returns the offsets of a room's messages after `after` up to `last`.
    fn messages(&self, room: usize, after: u8, last: u8) -> impl Iterator<Item = u8> {
        (after + 1..=last).filter(move |offset| self.room(*offset) == room)
    }

    fn end(&self) -> u8 {
        self.rooms.len() as u8
    }

    /// `Recent::push`. Returns whether the messages were added.
    fn push(&self, state: &mut State, node: u8, after: u8, upto: u8) {
        let this = &mut state.nodes[node as usize];
        if after > this.tail && !self.is(Bug::GapNotSeen) {
            // The log follower is told; here it reads at any time.
            return;
        }
        let connection = state.connection.as_mut().filter(|connection| connection.node == node);
        let attached = connection.as_ref().map(|connection| connection.attached);
        let known = this.tail;
        let mut grown = [false; ROOMS];
        for offset in after.max(known) + 1..=upto {
            let room = self.rooms.get(offset as usize - 1).copied().unwrap_or(0);
            this.complete_after[room].get_or_insert(this.floor);
            let last = this.entries.iter().rev().find(|one| self.room(**one) == room);
            let is_first = last.is_none_or(|last| *last <= known);
            grown[room] |= is_first && attached.is_some_and(|attached| attached[room]);
            this.entries.push(offset);
            this.tail = offset;
        }
        self.shrink(this, attached);
        if let Some(connection) = connection {
            for (note, new) in connection.grown.iter_mut().zip(grown) {
                *note |= new;
            }
            connection.wake |= grown.contains(&true);
        }
    }

    /// `State::shrink` of `recent.rs`.
    fn shrink(&self, node: &mut Node, attached: Option<[bool; ROOMS]>) {
        while node.entries.len() > self.memory {
            let oldest = node.entries.remove(0);
            let room = self.room(oldest);
            node.floor = oldest;
            node.complete_after[room] = Some(oldest);
            self.forget_if_unused(node, room, attached);
        }
    }

    /// `Feeds::forget_if_unused`.
    fn forget_if_unused(&self, node: &mut Node, room: usize, attached: Option<[bool; ROOMS]>) {
        let is_read = attached.is_some_and(|attached| attached[room]);
        if !is_read && !node.entries.iter().any(|one| self.room(*one) == room) {
            node.complete_after[room] = None;
        }
    }

    /// `Subscription::drop`.
    fn disconnect(&self, state: &mut State) {
        let Some(connection) = state.connection.take() else { return };
        let node = &mut state.nodes[connection.node as usize];
        (0..ROOMS).for_each(|room| self.forget_if_unused(node, room, None));
    }

    /// `Recovery::find` and `resume`, or `begin`, and `ChatSession::resume`: where the client is decides what it lacks.
    fn connect(&self, state: &mut State, node: u8) {
        let this = &mut state.nodes[node as usize];
        let known = match (this.unsaved.clone(), state.stored.clone()) {
            (Some(here), Some(stored)) if stored.generation > here.generation => Some(stored),
            (here, stored) => here.or(stored),
        };
        state.client.connections += 1;
        let position = state.client.got.last().copied().unwrap_or(0);
        let is_new = known.is_none();
        let known = known.map_or_else(Following::first, |known| known.following);
        let seen = state.client.rewinds;
        let (following, cursor) = self.resume(known.clone(), position, seen);
        // A rewind that happens again may not have been saved either.
        let is_saved = following == known && following.rewinds.is_empty();
        let saved = Saved { generation: state.client.connections, following: following.clone() };
        if is_new {
            // A new session is saved before the client is told of it.
            state.stored = Some(saved);
        } else {
            this.unsaved = Some(saved);
        }
        if following.rooms[1].is_none() && state.client.joined.is_some() {
            state.client.betrayed |= state.client.told;
            state.client.joined = None;
        }
        let rewinds = u8::from(!is_saved && !self.is(Bug::ResumeNotSaved));
        state.connection = Some(Connection {
            node,
            following,
            cursor: if self.is(Bug::ResumesAtTheEnd) { this.tail.max(cursor) } else { cursor },
            rewinds,
            attached: [false; ROOMS],
            grown: [false; ROOMS],
            others_upto: 0,
            wake: false,
            page: Vec::new(),
            seen_rewinds: 0,
            settled_rewinds: 0,
            answer: false,
            phase: Phase::Top,
            wire: Vec::new(),
        });
    }

    /// `Following::resume`.
    fn resume(&self, mut following: Following, position: u8, seen: u8) -> (Following, u8) {
        let Some(rewind) = following.rewinds.first().copied() else { return (following, position) };
        let is_after = match self.bug {
            Some(Bug::PositionAfterRewind) => true,
            Some(Bug::PositionBeforeRewind) => position > rewind.from,
            _ if seen > 0 => seen > following.forgotten,
            _ => position > rewind.from,
        };
        following.rewinds.clear();
        if is_after {
            following.forgotten += 1;
            for since in following.rooms.iter_mut().flatten() {
                match since.rewinds {
                    0 => since.after = rewind.from.max(since.after),
                    _ => since.rewinds = 0,
                }
            }
            return (following, position);
        }
        let unseen = following.rooms.iter_mut().flatten().filter(|since| since.rewinds > 0);
        let to = unseen.map(|since| since.after).min().filter(|to| *to < position);
        if let Some(to) = to {
            following.rewinds.push(Rewind { from: position, to });
        } else {
            following.rooms.iter_mut().flatten().for_each(|since| since.rewinds = 0);
        }
        (following, to.unwrap_or(position))
    }

    /// `JoinEvent`, `Connection::join` and `ReadPosition::join`.
    fn join(&self, state: &mut State, after: u8) {
        let Some(connection) = &mut state.connection else { return };
        let Connection { following, cursor, .. } = connection;
        let is_back = after < *cursor;
        if is_back && !self.is(Bug::RewindWithoutMarks) {
            following.rewinds.push(Rewind { from: *cursor, to: after });
        }
        following.rooms[1] = Some(Since { after, rewinds: following.rewinds.len() });
        *cursor = after.min(*cursor);
        let keeps = if is_back { Bug::PageKeptOverRewind } else { Bug::PageKeptOverJoin };
        if !self.is(keeps) {
            connection.rewinds += 1;
        }
        connection.answer = self.join_answered;
        connection.wake = true;
        let (generation, following) = (state.client.connections, connection.following.clone());
        state.nodes[connection.node as usize].unsaved = Some(Saved { generation, following });
        state.client.joined = Some(Joined { after, from: state.client.got.len() });
        state.client.joins += 1;
    }

    /// `DeliveryTask::run` up to the next point at which it matters what others have done.
    fn step(&self, state: &mut State) {
        let phase = |state: &State| state.connection.as_ref().map(|connection| connection.phase);
        let before = phase(state);
        self.step_once(state);
        let may_join = self.join != Join::Never && state.client.joins == 0;
        match (before, phase(state)) {
            // What others add in between is seen, or seen and notified.
            (Some(Phase::Asleep), Some(Phase::Top)) => self.step(state),
            (Some(Phase::Top), Some(Phase::Look)) if !may_join => self.step(state),
            (Some(Phase::Look), Some(Phase::Memory { .. })) if !self.fine => self.step(state),
            _ => {}
        }
    }

    fn step_once(&self, state: &mut State) {
        let Some(connection) = &mut state.connection else { return };
        let node = &mut state.nodes[connection.node as usize];
        let is_saved = node.unsaved.is_none();
        match connection.phase {
            // `answer`: an answer that tells of the session waits until it is saved, and messages wait too.
            Phase::Top => {
                if connection.answer {
                    if !is_saved && !self.is(Bug::AnswerNotSaved) {
                        return;
                    }
                    connection.answer = false;
                    connection.wire.push(Packet::Joined);
                }
                connection.phase = Phase::Look;
            }
            // `Subscription::look`: `ReadPosition::now`, `Recent::attach`, `Reader::follows`.
            Phase::Look => {
                for room in 0..ROOMS {
                    if connection.following.rooms[room].is_some() && !connection.attached[room] {
                        let floor = if self.is(Bug::FeedWithoutFloor) { 0 } else { node.floor };
                        node.complete_after[room].get_or_insert(floor);
                        (connection.attached[room], connection.grown[room]) = (true, true);
                    }
                }
                connection.seen_rewinds = connection.rewinds;
                let cursor = connection.cursor;
                // `Reader::has_nothing_after`.
                let nothing = !connection.grown.contains(&true) && connection.others_upto <= cursor;
                connection.phase = if nothing { Phase::Asleep } else { Phase::Memory { cursor } };
            }
            Phase::Memory { cursor } => match self.read_memory(node, connection, cursor) {
                Some((page, upto)) => self.found(connection, page, cursor, upto),
                None => connection.phase = Phase::Store { cursor, tail: node.tail },
            },
            // `MessageStore::read_after`.
            Phase::Store { cursor, tail } => {
                let end = state.log;
                if self.is(Bug::TailAfterRead) {
                    connection.phase = Phase::Answered { cursor, end };
                } else {
                    self.read_store(connection, cursor, end, tail);
                }
            }
            Phase::Answered { cursor, end } => {
                let tail = node.tail;
                self.read_store(connection, cursor, end, tail);
            }
            Phase::Saving if is_saved => connection.phase = Phase::HandOver,
            Phase::Saving => {}
            Phase::HandOver => self.hand_over(connection, is_saved),
            Phase::Asleep if connection.wake => {
                connection.wake = false;
                connection.phase = Phase::Top;
            }
            Phase::Asleep => {}
        }
    }

    /// `Recent::read_after` and `Reader::look`.
    fn read_memory(
        &self,
        node: &Node,
        connection: &mut Connection,
        cursor: u8,
    ) -> Option<(Vec<u8>, u8)> {
        let feeds =
            if cursor < connection.others_upto { connection.attached } else { connection.grown };
        let mut page = Vec::new();
        for room in (0..ROOMS).filter(|room| feeds[*room]) {
            if cursor < node.complete_after[room].unwrap_or(node.floor) {
                return None;
            }
            let entries = node.entries.iter().filter(|one| **one > cursor);
            page.extend(entries.filter(|one| self.room(**one) == room).take(self.limit));
        }
        page.sort_unstable();
        let all = page.len() < self.limit;
        page.truncate(self.limit);
        let last = page.last().copied().unwrap_or(cursor);
        if all || self.is(Bug::GrownForgotten) {
            connection.others_upto = last;
            connection.grown = [false; ROOMS];
        }
        Some((page, if all { cursor.max(node.tail) } else { last }))
    }

    /// The end of `Log::read_after`.
    fn read_store(&self, connection: &mut Connection, cursor: u8, end: u8, tail: u8) {
        let attached = connection.attached;
        let is_wanted = |offset: &u8| attached[self.room(*offset)];
        let mut page: Vec<_> = (cursor + 1..=end).filter(is_wanted).collect();
        let more = page.len() > self.limit;
        page.truncate(self.limit);
        let last = page.last().copied().unwrap_or(cursor);
        self.found(connection, page, cursor, if more { last } else { last.max(tail) });
    }

    /// The end of `Subscription::read`.
    fn found(&self, connection: &mut Connection, page: Vec<u8>, cursor: u8, upto: u8) {
        if !page.is_empty() {
            let is_rewound = connection.seen_rewinds != connection.settled_rewinds;
            connection.settled_rewinds = connection.seen_rewinds;
            if self.is(Bug::CursorBeforeHandOver) {
                connection.cursor = upto;
            }
            connection.page = page;
            let saves = is_rewound && !self.is(Bug::RewindNotSaved);
            connection.phase = if saves { Phase::Saving } else { Phase::HandOver };
        } else if upto <= cursor {
            connection.phase = Phase::Asleep;
        } else {
            // `ReadPosition::skip_to`.
            if connection.seen_rewinds == connection.rewinds {
                connection.cursor = upto.max(connection.cursor);
            }
            connection.phase = Phase::Look;
        }
    }

    /// `Subscription::hand_over` and `ReadPosition::advance`.
    fn hand_over(&self, connection: &mut Connection, is_saved: bool) {
        let Some(&offset) = connection.page.first() else { return };
        if connection.answer {
            if is_saved || self.is(Bug::AnswerNotSaved) {
                connection.answer = false;
                connection.wire.push(Packet::Joined);
            }
            return;
        }
        if connection.seen_rewinds != connection.rewinds {
            connection.page.clear();
            connection.phase = Phase::Top;
            return;
        }
        connection.page.remove(0);
        if connection.page.is_empty() {
            connection.phase = Phase::Top;
        }
        let room = self.rooms.get(offset as usize - 1).copied().unwrap_or(0);
        if connection.following.includes(room, offset) {
            let rewinds = connection.following.rewinds_at(offset);
            connection.wire.push(Packet::Message(offset, rewinds));
        }
        connection.cursor = offset.max(connection.cursor);
    }

    fn node_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (id, node) in (0..).zip(&state.nodes) {
            if node.down {
                actions.push(Action::Start(id));
                continue;
            }
            if id < self.writers && node.untold.len() < self.untold {
                let most = self.batch.min(self.end() - state.log.min(self.end()));
                actions.extend((1..=most).map(|count| Action::Commit(id, count)));
            }
            if !node.untold.is_empty() {
                actions.push(Action::Tell(id));
            }
            if node.followed.is_some() {
                actions.push(Action::Followed(id));
            } else if state.log > node.tail && !self.is(Bug::NoPoll) {
                actions.push(Action::Follow(id));
            }
            if node.unsaved.is_some() {
                actions.push(Action::Save(id));
            }
            if state.crashes > 0 {
                actions.push(Action::Crash(id));
            }
            if state.forgeries > 0 {
                actions.push(Action::Forge(id));
            }
        }
        let frames = state.frames.iter().filter(|(node, ..)| !state.nodes[*node as usize].down);
        actions.extend(frames.map(|(node, after, upto)| Action::Hear(*node, *after, *upto)));
    }

    /// Returns the offsets from which the client may join the second room now.
    fn joins(&self, state: &State, connection: &Connection) -> Vec<u8> {
        let tail = state.nodes[connection.node as usize].tail;
        match self.join {
            _ if connection.following.rooms[1].is_some() || state.client.joins > 0 => Vec::new(),
            Join::Never => Vec::new(),
            Join::AtTheEnd => vec![tail],
            Join::Anywhere => (0..=tail).collect(),
        }
    }
}

impl Following {
    fn first() -> Self {
        let rooms = [Some(Since { after: 0, rewinds: 0 }), None];
        Self { rooms, forgotten: 0, rewinds: Vec::new() }
    }

    fn rewinds_at(&self, offset: u8) -> u8 {
        let is_again = self.rewinds.iter().any(|rewind| offset <= rewind.from);
        if is_again { self.forgotten + self.rewinds.len() as u8 } else { 0 }
    }

    fn includes(&self, room: usize, offset: u8) -> bool {
        self.rooms[room].is_some_and(|since| {
            let later = self.rewinds[since.rewinds..].iter().map(|rewind| rewind.from);
            offset > later.fold(since.after, u8::max)
        })
    }
}

impl Protocol for Delivery {
    fn is_fault(action: &Action) -> bool {
        // That a client joins, and that an append notification arrives, need not happen either.
        matches!(
            action,
            Action::Crash(_)
                | Action::Cut
                | Action::Stall
                | Action::FailRead
                | Action::Forge(_)
                | Action::Join(_)
                | Action::Hear(..)
        )
    }

    fn apply(&self, state: &mut State, action: &Action) {
        match *action {
            // `MessageStore::append`, called by `Committer::run`.
            Action::Commit(node, count) => {
                let after = state.log;
                state.log += count;
                state.nodes[node as usize].untold.push((after, state.log));
            }
            // `Committer::tell` and `Outgoing::committed`.
            Action::Tell(node) => {
                let (after, upto) = state.nodes[node as usize].untold.remove(0);
                let frame = (1 - node, after, upto);
                if let Err(place) = state.frames.binary_search(&frame) {
                    state.frames.insert(place, frame);
                }
                self.push(state, node, after, upto);
            }
            // `Listener::take` and `Log::appended`.
            Action::Hear(node, after, upto) => self.push(state, node, after, upto),
            // `LogFollower::catch_up`.
            Action::Follow(node) => {
                let this = &mut state.nodes[node as usize];
                let upto = state.log.min(this.tail + self.limit as u8);
                this.followed = Some((this.tail, upto));
            }
            Action::Followed(node) => {
                let followed = state.nodes[node as usize].followed.take();
                followed.into_iter().for_each(|(after, upto)| self.push(state, node, after, upto));
            }
            // `Writer::save` of recovery, and the fence of `SessionStore::save_sessions`.
            Action::Save(node) => {
                let unsaved = state.nodes[node as usize].unsaved.take();
                let stored = state.stored.take();
                let generation = stored.as_ref().map_or(0, |stored| stored.generation);
                state.stored = unsaved.filter(|it| it.generation >= generation).or(stored);
            }
            Action::Connect(node) => self.connect(state, node),
            Action::Join(after) => self.join(state, after),
            Action::Step => {
                self.step(state);
                // A client names its own offset when it resumes. So what does not arrive is like what was not sent,
                // except when the cursor has moved back since.
                if self.join != Join::Anywhere {
                    receive(state);
                }
            }
            // `DeliveryTask::wait_meanwhile`.
            Action::Meanwhile => {
                if let Some(connection) = &mut state.connection {
                    connection.wake = false;
                }
            }
            Action::Receive => receive(state),
            // `follower::recent`.
            Action::Start(node) => {
                let log = state.log;
                let floor = log - log.min(self.memory as u8);
                let this = &mut state.nodes[node as usize];
                *this = Node { floor, tail: floor, ..Node::default() };
                self.push(state, node, floor, log);
            }
            Action::Crash(node) => {
                state.crashes -= 1;
                if state.connection.as_ref().is_some_and(|connection| connection.node == node) {
                    state.connection = None;
                }
                state.nodes[node as usize] = Node { down: true, ..Node::default() };
            }
            Action::Cut => {
                state.cuts -= 1;
                self.disconnect(state);
            }
            // `let_go_when_stalled` and `Subscription::let_go`.
            Action::Stall => {
                state.stalls -= 1;
                if let Some(connection) = &mut state.connection {
                    connection.page.clear();
                    connection.phase = Phase::Top;
                }
            }
            // `STORE_PAUSE` in `DeliveryTask::run`.
            Action::FailRead => {
                state.failures -= 1;
                if let Some(connection) = &mut state.connection {
                    if self.is(Bug::RewindNotSavedAfterFailure) {
                        connection.settled_rewinds = connection.seen_rewinds;
                    }
                    connection.phase = Phase::Top;
                }
            }
            Action::Forge(node) => {
                state.forgeries -= 1;
                // Where contents could be forged, only that there is something to read is believed.
                if self.is(Bug::HintTrusted) {
                    let tail = state.nodes[node as usize].tail;
                    let forged = tail.max(state.log) + 1;
                    if forged <= self.end() {
                        self.push(state, node, tail, forged);
                    }
                }
            }
        }
    }
}

impl Model for Delivery {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State {
            log: 0,
            nodes: Default::default(),
            frames: Vec::new(),
            stored: None,
            connection: None,
            client: Client::default(),
            crashes: self.crashes,
            cuts: self.cuts,
            stalls: self.stalls,
            failures: self.failures,
            forgeries: self.forgeries,
        };
        // The nodes are alike, and a client that connects later is one that resumes before it has got anything.
        self.connect(&mut state, 0);
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.node_actions(state, actions);
        let Some(connection) = &state.connection else {
            let up = (0..2).filter(|node| !state.nodes[*node as usize].down);
            actions.extend(up.map(Action::Connect));
            return;
        };
        actions.push(Action::Step);
        let waits = matches!(connection.phase, Phase::Store { .. } | Phase::Saving);
        if waits && connection.wake {
            actions.push(Action::Meanwhile);
        }
        if !connection.wire.is_empty() {
            actions.push(Action::Receive);
        }
        actions.extend(self.joins(state, connection).into_iter().map(Action::Join));
        if state.cuts > 0 {
            actions.push(Action::Cut);
        }
        if state.stalls > 0 && connection.phase == Phase::HandOver {
            actions.push(Action::Stall);
        }
        if state.failures > 0 && matches!(connection.phase, Phase::Store { .. }) {
            actions.push(Action::FailRead);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.applied(state, &action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("G3: a client gets only what is in the log", |_, state: &State| {
                state.client.got.iter().all(|offset| *offset <= state.log)
            }),
            Property::always(
                "G4: a client gets the messages of its room in order, each once, without a gap",
                |model: &Self, state: &State| {
                    let got = state.client.got.iter().copied();
                    let got = got.filter(|offset| model.room(*offset) == 0);
                    is_prefix(got, model.messages(0, 0, model.end()))
                },
            ),
            Property::always(
                "G4: from its offset on, the same of a room that it joins",
                |model: &Self, state: &State| {
                    let Some(Joined { after, from }) = state.client.joined else { return true };
                    let got = state.client.got[from..].iter().copied();
                    let got = got.filter(|offset| model.room(*offset) == 1);
                    is_prefix(got, model.messages(1, after, model.end()))
                },
            ),
            Property::always("G6: an answered join is kept", |_, state: &State| {
                !state.client.betrayed
            }),
            Property::always("in the end everything arrives", |model: &Self, state: &State| {
                let Client { got, joined, .. } = &state.client;
                let first = model.messages(0, 0, model.end()).count();
                // Without an answer the client joins again.
                let joined = joined.filter(|_| state.client.told || !model.join_answered);
                let second = joined.map_or(0, |joined| {
                    let before = got[..joined.from].iter();
                    before.filter(|offset| model.room(**offset) == 1).count()
                        + model.messages(1, joined.after, model.end()).count()
                });
                got.len() >= first + second || !model.is_at_rest(state)
            }),
            Property::sometimes(
                "a client has everything, from both nodes",
                |model, state: &State| {
                    let wants = if model.crashes + model.cuts > 0 { 2 } else { 1 };
                    state.client.connections >= wants
                        && state.client.got.len() >= model.messages(0, 0, model.end()).count()
                },
            ),
            Property::sometimes("a message is read from the store", |model, state: &State| {
                let is_read =
                    |connection: &Connection| matches!(connection.phase, Phase::Store { .. });
                model.memory > 4 || state.connection.as_ref().is_some_and(is_read)
            }),
            Property::sometimes("the cursor moves back", |model, state: &State| {
                let is_back = |got: &Vec<u8>| !got.is_sorted();
                matches!(model.join, Join::Never | Join::AtTheEnd) || is_back(&state.client.got)
            }),
        ]
    }
}

/// The client takes the next packet.
fn receive(state: &mut State) {
    let Some(connection) = state.connection.as_mut().filter(|it| !it.wire.is_empty()) else {
        return;
    };
    match connection.wire.remove(0) {
        Packet::Message(offset, rewinds) => {
            state.client.got.push(offset);
            state.client.rewinds = rewinds;
        }
        Packet::Joined => state.client.told = true,
    }
}

fn is_prefix(got: impl Iterator<Item = u8>, all: impl Iterator<Item = u8>) -> bool {
    let (got, all): (Vec<_>, Vec<_>) = (got.collect(), all.collect());
    all.starts_with(&got)
}

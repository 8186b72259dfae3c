//! Who owns a session: two nodes, one client that connects again and again, generations, saves and their fence.
//!
//! The client has a session on the first node. It opens another connection when it takes the last one for broken; the
//! nodes learn of that later, and handle what is left of the earlier ones at any time. Each connection is opened at a
//! tick of its node's clock. An announcement, once it is sent, may arrive at any time, any number of times, or never.

use stateright::{Model, Property};

use crate::Protocol;

/// Generations per tick of the clock, `PER_MILLISECOND`.
const PER_TICK: u16 = 10;

/// The bounds, and what is wrong.
#[derive(Debug, Clone)]
pub struct Ownership {
    /// How often the client gives up a connection and opens another one.
    pub opens: u8,
    /// How often it changes its session's state.
    pub updates: u8,
    /// How many crashes of a node there may be.
    pub crashes: u8,
    /// How many saves may fail; the store may have saved all the same, or do so later.
    pub failures: u8,
    /// How many lookups of a session may fail.
    pub lookups: u8,
    /// Whether two connections may be opened at the same tick.
    pub same_tick: bool,
    /// How many ticks the clock of the second node is ahead.
    pub skew: u16,
    /// A planted bug.
    pub bug: Option<Bug>,
}

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The store keeps whatever was saved last.
    FenceIgnored,
    /// The store compares generations only, so that a late save replaces a newer one of the same owner.
    RevisionIgnored,
    /// A session belongs to the connection that was handled last, not to the one that was opened last.
    LastHandledWins,
    /// A client is told of its session before that is saved.
    SessionSavedAfterAnswer,
    /// A change is answered before it is saved.
    ChangeAnsweredBeforeSave,
    /// A node that knows a session does not ask the store about it.
    StoreNotAsked,
    /// A save that failed is not tried again.
    FailedSaveForgotten,
}

/// `SessionRecord`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Record {
    generation: u16,
    revision: u8,
    state: u8,
}

/// `Active`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Active {
    generation: u16,
    connection: usize,
    state: u8,
}

/// `Sessions` and the round of `Writer::save`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Node {
    down: bool,
    active: Option<Active>,
    changed: Option<Record>,
    saving: Option<Record>,
    /// Whether the store has a newer record than the one being saved, once it has answered.
    outdated: Option<bool>,
    revision: u8,
    taken: Option<u16>,
    doubted: bool,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    Opened,
    /// The store was asked.
    Looked(Option<Record>),
    /// The session was found: its generation and state.
    Found(u16, u8),
    Owner(u16),
    /// It has a new session.
    Without,
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Connection {
    node: u8,
    tick: u16,
    stage: Stage,
    /// A change that is to be answered when it is saved.
    unanswered: Option<u8>,
}

/// The whole system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    now: u16,
    stored: Option<Record>,
    /// The highest generation that was ever saved.
    highest: u16,
    /// Saves that failed for the node and that the store may still do.
    late: Vec<Record>,
    nodes: [Node; 2],
    /// Announcements that were sent: to which node, and the generation. Sorted.
    frames: Vec<(u8, u16)>,
    connections: Vec<Connection>,
    /// The number of changes.
    changes: u8,
    /// The newest change that the client has an answer to.
    answered: u8,
    /// Whether the client's newest connection was disconnected because of an earlier one.
    evicted: bool,
    /// Whether it got a session without a change that had been answered.
    forgotten: bool,
    opens: u8,
    crashes: u8,
    failures: u8,
    lookups: u8,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The client gives up its connection and opens one to a node; true if the clock has gone on.
    Open(u8, bool),
    /// The client opens one to a node because its connection was closed.
    Reopen(u8),
    /// A node notices that a connection is gone.
    Notice(usize),
    /// A node asks the store for the session that a connection claims.
    Look(usize),
    /// The same, and the store fails.
    FailLook(usize),
    /// It decides whether the session can be resumed.
    Find(usize),
    /// It gives the session to the connection.
    Resume(usize),
    /// A connection changes the state of its session.
    Change(usize),
    /// A node takes its change to save it.
    Save(u8),
    /// The store saves it, or knows better.
    Commit(u8),
    /// The node learns of that.
    Saved(u8),
    /// The save fails; true if the store may still do it.
    Fail(u8, bool),
    /// The store does a save that has failed for the node.
    CommitLate,
    /// An announcement arrives.
    Hear(u8, u16),
    /// A node checks an announcement in the store.
    Settle(u8),
    /// A node renews its session.
    Renew(u8),
    /// A node crashes.
    Crash(u8),
    /// A node starts.
    Start(u8),
}

impl Ownership {
    /// What a test explores.
    pub const SMALL: Self = Self {
        opens: 2,
        updates: 1,
        crashes: 0,
        failures: 0,
        lookups: 0,
        same_tick: false,
        skew: 0,
        bug: None,
    };

    /// What another test explores.
    pub const SMALL_FAULTS: Self =
        Self { opens: 1, updates: 2, crashes: 1, failures: 1, ..Self::SMALL };

    /// What the program explores.
    pub const LARGE: Self =
        Self { opens: 2, updates: 1, crashes: 1, failures: 1, lookups: 1, ..Self::SMALL };

    fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// The first number of a connection's generations. The tie of a node is its own.
    fn moment(connection: &Connection) -> u16 {
        connection.tick * PER_TICK + u16::from(connection.node == 0)
    }

    fn open(&self, state: &mut State, node: u8, goes_on: bool) {
        state.now += u16::from(goes_on);
        let tick = state.now + if node == 1 { self.skew } else { 0 };
        state.connections.push(Connection { node, tick, stage: Stage::Opened, unanswered: None });
    }

    /// `SessionStore::save_sessions`. Returns whether there is a newer record.
    fn commit(&self, state: &mut State, record: Record) -> bool {
        let version = |record: Record| match self.bug {
            Some(Bug::FenceIgnored) => (0, 0),
            Some(Bug::RevisionIgnored) => (record.generation, 0),
            _ => (record.generation, record.revision),
        };
        if state.stored.is_some_and(|kept| version(kept) > version(record)) {
            return true;
        }
        state.stored = Some(record);
        state.highest = state.highest.max(record.generation);
        false
    }

    /// `Recovery::find`.
    fn find(&self, state: &mut State, id: usize) {
        let connection = &state.connections[id];
        let Stage::Looked(stored) = connection.stage else { return };
        let node = &state.nodes[connection.node as usize];
        let known = |record: Record| (record.generation, record.state);
        let active = node.active.map(|active| (active.generation, active.state));
        let here = active.or(node.changed.or(node.saving).map(known));
        let stored = stored.map(known).filter(|_| here.is_none() || !self.is(Bug::StoreNotAsked));
        let not_after = |(generation, _): &(u16, u8)| {
            generation / PER_TICK <= connection.tick || self.is(Bug::LastHandledWins)
        };
        let found = match (here, stored) {
            (Some(here), Some(stored)) if stored.0 > here.0 => Some(stored).filter(not_after),
            (Some(here), _) => Some(here),
            (None, stored) => stored.filter(not_after),
        };
        let stage =
            found.map_or(Stage::Without, |(generation, saved)| Stage::Found(generation, saved));
        state.connections[id].stage = stage;
    }

    /// `Recovery::resume` and `Registry::own`.
    fn resume(&self, state: &mut State, id: usize) {
        let connection = state.connections[id];
        let Stage::Found(found, saved) = connection.stage else { return };
        let owner = state.nodes[connection.node as usize].active;
        let is_late = owner.is_some_and(|owner| owner.connection > id);
        let earlier = owner.map_or(0, |owner| owner.generation).max(found);
        let moment = Self::moment(&connection);
        let generation = match self.bug {
            Some(Bug::LastHandledWins) => earlier + 1,
            _ => moment.max(earlier + 1),
        };
        let node = &mut state.nodes[connection.node as usize];
        let pending = node.changed.or(node.saving);
        let is_outdated = pending.is_some_and(|pending| pending.generation > generation);
        if (is_late || is_outdated) && !self.is(Bug::LastHandledWins) {
            state.connections[id].stage = Stage::Gone;
            return;
        }
        node.revision += 1;
        node.changed = Some(Record { generation, revision: node.revision, state: saved });
        node.active = Some(Active { generation, connection: id, state: saved });
        node.taken = Some(generation);
        state.connections[id].stage = Stage::Owner(generation);
        if let Some(owner) = owner {
            evict(state, owner.connection);
        }
        if id + 1 == state.connections.len() {
            state.forgotten |= saved < state.answered;
        }
    }

    /// `Sessions::give_up`.
    fn give_up(state: &mut State, node: u8, generation: u16) {
        let this = &mut state.nodes[node as usize];
        this.changed = this.changed.filter(|changed| changed.generation >= generation);
        let lost = this.active.take_if(|active| active.generation < generation);
        if let Some(lost) = lost {
            evict(state, lost.connection);
        }
    }

    /// The end of `Writer::save`.
    fn saved(&self, state: &mut State, node: u8) {
        let this = &mut state.nodes[node as usize];
        let (saved, outdated) = (this.saving.take(), this.outdated.take());
        let Some((saved, outdated)) = saved.zip(outdated) else { return };
        if outdated {
            Self::give_up(state, node, saved.generation + 1);
        }
        let this = &mut state.nodes[node as usize];
        if this.changed.is_none()
            && let Some(taken) = this.taken.take()
            && this.active.is_some_and(|active| active.generation == taken)
            && let Err(place) = state.frames.binary_search(&(1 - node, taken))
        {
            state.frames.insert(place, (1 - node, taken));
        }
        // What waits in `Writer::saved` for this round is answered if its connection is still there.
        let active = state.nodes[node as usize].active;
        let owner = active.filter(|active| active.generation == saved.generation);
        if let Some(owner) = owner {
            let unanswered = &mut state.connections[owner.connection].unanswered;
            if let Some(change) = unanswered.take_if(|change| *change <= saved.state)
                && owner.connection + 1 == state.connections.len()
            {
                state.answered = state.answered.max(change);
            }
        }
    }

    fn node_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (id, node) in (0..).zip(&state.nodes) {
            if node.down {
                actions.push(Action::Start(id));
                continue;
            }
            match (node.saving, node.outdated) {
                (None, _) if node.changed.is_some() => actions.push(Action::Save(id)),
                (None, _) => {}
                (Some(_), Some(_)) => actions.push(Action::Saved(id)),
                (Some(_), None) => {
                    actions.push(Action::Commit(id));
                    if state.failures > 0 {
                        actions.extend([false, true].map(|late| Action::Fail(id, late)));
                    }
                }
            }
            if node.doubted {
                actions.push(Action::Settle(id));
            }
            // A renewal that would learn nothing is left out.
            let is_behind = |active: Active| {
                state.stored.is_some_and(|stored| stored.generation > active.generation)
            };
            let is_due = node.active.is_some_and(is_behind) && node.changed.is_none();
            if is_due && node.saving.is_none() {
                actions.push(Action::Renew(id));
            }
            if state.crashes > 0 {
                actions.push(Action::Crash(id));
            }
        }
        for (node, generation) in &state.frames {
            if !state.nodes[*node as usize].down {
                actions.push(Action::Hear(*node, *generation));
            }
        }
        if !state.late.is_empty() {
            actions.push(Action::CommitLate);
        }
    }

    /// Returns whether the client has its session on its newest connection, and nobody else has.
    fn is_settled(state: &State) -> bool {
        let owners: Vec<_> = state.nodes.iter().filter_map(|node| node.active).collect();
        match (&owners[..], state.connections.last()) {
            ([owner], Some(last)) => {
                owner.connection + 1 == state.connections.len()
                    && last.stage == Stage::Owner(owner.generation)
                    && state.stored.is_some_and(|stored| {
                        (stored.generation, stored.state) == (owner.generation, owner.state)
                    })
            }
            _ => false,
        }
    }
}

/// A client whose newest connection this is does not reconnect: two clients with one secret would go on for ever.
fn evict(state: &mut State, connection: usize) {
    state.connections[connection].stage = Stage::Gone;
    state.evicted |= connection + 1 == state.connections.len();
}

impl Protocol for Ownership {
    fn is_fault(action: &Action) -> bool {
        // Neither need announcements arrive, nor the state change.
        matches!(
            action,
            Action::Open(..)
                | Action::FailLook(_)
                | Action::Change(_)
                | Action::Fail(..)
                | Action::Hear(..)
                | Action::Crash(_)
        )
    }

    fn apply(&self, state: &mut State, action: &Action) {
        match *action {
            Action::Open(node, goes_on) => {
                state.opens -= 1;
                self.open(state, node, goes_on);
            }
            Action::Reopen(node) => self.open(state, node, true),
            // `Session::disconnected` and `Registry::release`.
            Action::Notice(id) => {
                let Connection { node, stage, .. } = state.connections[id];
                state.connections[id].stage = Stage::Gone;
                let this = &mut state.nodes[node as usize];
                let Stage::Owner(generation) = stage else { return };
                if let Some(active) = this.active.take_if(|active| active.generation == generation)
                {
                    this.revision += 1;
                    let (revision, state) = (this.revision, active.state);
                    this.changed = Some(Record { generation, revision, state });
                }
            }
            Action::Look(id) => state.connections[id].stage = Stage::Looked(state.stored),
            Action::FailLook(id) => {
                state.lookups -= 1;
                state.connections[id].stage = Stage::Looked(None);
            }
            Action::Find(id) => self.find(state, id),
            Action::Resume(id) => self.resume(state, id),
            // `Session::save` and `Registry::update`.
            Action::Change(id) => {
                let Connection { node, stage, .. } = state.connections[id];
                let this = &mut state.nodes[node as usize];
                let Some(active) = &mut this.active else { return };
                if stage != Stage::Owner(active.generation) {
                    return;
                }
                state.changes += 1;
                active.state = state.changes;
                this.revision += 1;
                let (generation, revision) = (active.generation, this.revision);
                this.changed = Some(Record { generation, revision, state: state.changes });
                if !self.is(Bug::ChangeAnsweredBeforeSave) {
                    state.connections[id].unanswered = Some(state.changes);
                } else if id + 1 == state.connections.len() {
                    state.answered = state.changes;
                }
            }
            // `Registry::take_changes`.
            Action::Save(node) => {
                let this = &mut state.nodes[node as usize];
                this.saving = this.changed.take();
            }
            Action::Commit(node) => {
                let Some(record) = state.nodes[node as usize].saving else { return };
                let outdated = self.commit(state, record);
                state.nodes[node as usize].outdated = Some(outdated);
            }
            Action::Saved(node) => self.saved(state, node),
            // `Registry::not_saved`.
            Action::Fail(node, late) => {
                state.failures -= 1;
                let this = &mut state.nodes[node as usize];
                let Some(record) = this.saving.take() else { return };
                if late {
                    state.late.push(record);
                }
                if !self.is(Bug::FailedSaveForgotten) {
                    this.changed.get_or_insert(record);
                }
            }
            Action::CommitLate => {
                let record = state.late.remove(0);
                self.commit(state, record);
            }
            // `Recovery::taken_elsewhere` and `Registry::doubt`.
            Action::Hear(node, generation) => {
                let this = &mut state.nodes[node as usize];
                let is_ours = this.active.is_some_and(|active| active.generation < generation);
                this.doubted |= is_ours;
            }
            // `Writer::settle` and `Registry::yield_to_other_node`.
            Action::Settle(node) => {
                state.nodes[node as usize].doubted = false;
                if let Some(stored) = state.stored {
                    Self::give_up(state, node, stored.generation);
                }
            }
            // `Registry::renew`.
            Action::Renew(node) => {
                let this = &mut state.nodes[node as usize];
                let Some(Active { generation, state, .. }) = this.active else { return };
                this.revision += 1;
                this.changed = Some(Record { generation, revision: this.revision, state });
            }
            Action::Crash(node) => {
                state.crashes -= 1;
                state.nodes[node as usize] = Node { down: true, ..Node::default() };
                let here = state.connections.iter_mut().filter(|one| one.node == node);
                here.for_each(|one| one.stage = Stage::Gone);
            }
            Action::Start(node) => state.nodes[node as usize].down = false,
        }
    }
}

impl Model for Ownership {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let first = Connection { node: 0, tick: 0, stage: Stage::Opened, unanswered: None };
        let generation = Self::moment(&first);
        let record = Record { generation, revision: 1, state: 0 };
        let active = Active { generation, connection: 0, state: 0 };
        let mut nodes = <[Node; 2]>::default();
        (nodes[0].active, nodes[0].revision) = (Some(active), 1);
        let mut stored = Some(record);
        // `Recovery::begin` waits for the save before the client learns of its session.
        if self.is(Bug::SessionSavedAfterAnswer) {
            nodes[0].changed = stored.take();
        }
        vec![State {
            now: 0,
            stored,
            highest: 0,
            late: Vec::new(),
            nodes,
            frames: Vec::new(),
            connections: vec![Connection { stage: Stage::Owner(generation), ..first }],
            changes: 0,
            answered: 0,
            evicted: false,
            forgotten: false,
            opens: self.opens,
            crashes: self.crashes,
            failures: self.failures,
            lookups: self.lookups,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.node_actions(state, actions);
        for (id, connection) in state.connections.iter().enumerate() {
            let is_newest = id + 1 == state.connections.len();
            match connection.stage {
                Stage::Opened => {
                    actions.push(Action::Look(id));
                    actions.extend((state.lookups > 0).then_some(Action::FailLook(id)));
                }
                Stage::Looked(_) => actions.push(Action::Find(id)),
                Stage::Found(..) => actions.push(Action::Resume(id)),
                Stage::Owner(_) if state.changes < self.updates => actions.push(Action::Change(id)),
                Stage::Owner(_) | Stage::Without | Stage::Gone => {}
            }
            if !is_newest && connection.stage != Stage::Gone {
                actions.push(Action::Notice(id));
            }
        }
        let up = |node: &u8| !state.nodes[*node as usize].down;
        if state.opens > 0 && !state.evicted {
            for node in (0..2).filter(up) {
                actions.push(Action::Open(node, true));
                actions.extend(self.same_tick.then_some(Action::Open(node, false)));
            }
        }
        let last = state.connections.last();
        let is_closed = last.is_some_and(|last| last.stage == Stage::Gone) && !state.evicted;
        // More would be an endless attempt, which shows as a client without its session in the end.
        let most = (self.opens + self.crashes + 2) as usize;
        if is_closed && state.connections.len() < most {
            actions.extend((0..2).filter(up).map(Action::Reopen));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.applied(state, &action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "G6: once an owner has saved, no earlier one does",
                |_, state: &State| {
                    state.stored.is_none_or(|stored| stored.generation >= state.highest)
                },
            ),
            Property::always("G6: no two owners have the same generation", |_, state: &State| {
                let [one, other] = &state.nodes;
                let pair = one.active.zip(other.active);
                pair.is_none_or(|(one, other)| one.generation != other.generation)
            }),
            Property::always("G6: an answered change is not forgotten", |_, state: &State| {
                !state.forgotten
            }),
            Property::always("G6: the newest connection is not evicted", |_, state: &State| {
                !state.evicted
            }),
            Property::always("G6: a session is found again", |model: &Self, state: &State| {
                let is_refused = state.connections.iter().enumerate().any(|(id, connection)| {
                    connection.stage == Stage::Without && id + 1 == state.connections.len()
                });
                // A clock that is behind by more than the client is away, and a store that fails, cost the session.
                !is_refused || model.skew > 0 || model.lookups > 0
            }),
            Property::always(
                "in the end the newest connection alone has it",
                |model: &Self, state| {
                    let is_refused = |last: &Connection| last.stage == Stage::Without;
                    Self::is_settled(state)
                        || state.connections.last().is_some_and(is_refused)
                        || !model.is_at_rest(state)
                },
            ),
            Property::sometimes("both nodes take themselves for the owner", |_, state: &State| {
                state.nodes.iter().all(|node| node.active.is_some())
            }),
            Property::sometimes("a save is outdated", |_, state: &State| {
                state.nodes.iter().any(|node| node.outdated == Some(true))
            }),
        ]
    }
}

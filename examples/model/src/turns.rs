//! The request queue of a connection: requests that may have to wait keep their order.
//!
//! `RequestQueue` has a fair mutex, in whose queue a request stands from the moment when it arrives.

use stateright::{Model, Property};

use crate::Protocol;

/// The bounds, and what is wrong.
#[derive(Debug, Clone)]
pub struct Turns {
    /// The number of requests, each of which may have to wait or not.
    pub requests: u8,
    /// A planted bug.
    pub bug: Option<Bug>,
}

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A request stands in the queue only when its task runs for the first time.
    NotPolledAtOnce,
    /// A turn that ends is anybody's, also of a request that arrives at this moment.
    TurnForAnybody,
    /// A turn is not given back.
    TurnKept,
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    /// Its task has not run yet, and does not stand in the queue.
    Spawned,
    Waits,
    /// It has its turn, and has not begun.
    Turn,
    /// It has begun, and waits for the store.
    Runs,
    Done,
}

/// The whole system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    locked: bool,
    /// The requests in the queue of the mutex.
    queue: Vec<u8>,
    requests: Vec<Stage>,
    /// The requests in the order in which they had their effect.
    effects: Vec<u8>,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A request arrives that need not wait: `now_or_later`.
    Now,
    /// A request arrives that may have to wait: `later`.
    Later,
    /// The task of a request goes on.
    Step(u8),
}

impl Turns {
    /// What a test explores.
    pub const SMALL: Self = Self { requests: 4, bug: None };

    /// What the program explores.
    pub const LARGE: Self = Self { requests: 8, bug: None };

    fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// The first poll of `lock_owned`.
    fn lock(state: &mut State, id: u8) {
        let stage = if state.locked {
            state.queue.push(id);
            Stage::Waits
        } else {
            state.locked = true;
            Stage::Turn
        };
        state.requests[id as usize] = stage;
    }

    /// The drop of the guard: tokio gives the mutex to the first one that waits.
    fn unlock(&self, state: &mut State) {
        if self.is(Bug::TurnKept) {
            return;
        }
        state.locked = false;
        if !state.queue.is_empty() && !self.is(Bug::TurnForAnybody) {
            let next = state.queue.remove(0);
            state.locked = true;
            state.requests[next as usize] = Stage::Turn;
        }
    }
}

impl Protocol for Turns {
    fn is_fault(_: &Action) -> bool {
        false
    }

    fn apply(&self, state: &mut State, action: &Action) {
        let new = state.requests.len() as u8;
        match *action {
            Action::Now if !state.locked => {
                state.requests.push(Stage::Done);
                state.effects.push(new);
            }
            Action::Now | Action::Later => {
                state.requests.push(Stage::Spawned);
                if !self.is(Bug::NotPolledAtOnce) {
                    Self::lock(state, new);
                }
            }
            Action::Step(id) => match state.requests[id as usize] {
                Stage::Spawned => Self::lock(state, id),
                Stage::Waits if self.is(Bug::TurnForAnybody) && !state.locked => {
                    state.queue.retain(|other| *other != id);
                    state.locked = true;
                    state.requests[id as usize] = Stage::Turn;
                }
                Stage::Waits | Stage::Done => {}
                Stage::Turn => state.requests[id as usize] = Stage::Runs,
                Stage::Runs => {
                    state.requests[id as usize] = Stage::Done;
                    state.effects.push(id);
                    self.unlock(state);
                }
            },
        }
    }
}

impl Model for Turns {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { locked: false, queue: Vec::new(), requests: Vec::new(), effects: Vec::new() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.requests.len() < self.requests as usize {
            actions.extend([Action::Now, Action::Later]);
        }
        actions.extend((0..state.requests.len() as u8).map(Action::Step));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.applied(state, &action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("G3: requests have their effects in order", |_, state: &State| {
                state.effects.iter().copied().eq(0..state.effects.len() as u8)
            }),
            Property::always("in the end all requests are done", |model: &Self, state: &State| {
                state.effects.len() == model.requests as usize || !model.is_at_rest(state)
            }),
            Property::sometimes("requests wait in line", |_, state: &State| state.queue.len() > 1),
        ]
    }
}

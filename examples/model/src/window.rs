//! The bytes of a client's requests in flight: reading from the client stops at a limit, and goes on below it.
//!
//! `Link::poll_may_read` registers and then checks; the drop of `InFlight` subtracts and then wakes. Here a step is one
//! access to something shared.

use stateright::{Model, Property};

use crate::Protocol;

/// The limit, in units of bytes.
const LIMIT: u8 = 3;

/// The bounds, and what is wrong.
#[derive(Debug, Clone)]
pub struct Window {
    /// The units of each request, in the order in which the client sends them, and those of its answer.
    pub requests: &'static [(u8, u8)],
    /// A planted bug.
    pub bug: Option<Bug>,
}

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Checks first, and registers then.
    CheckBeforeRegister,
    /// Wakes first, and subtracts then.
    WakeBeforeSubtract,
    /// Wakes only if exactly the limit was in flight.
    WakeAtTheLimitOnly,
    /// Reads one more when exactly the limit is in flight.
    OneMore,
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    Waits,
    /// Its answer counts too.
    Answered,
    /// It was subtracted, and wakes the reader next; or the other way round with a bug.
    Between,
    Done,
}

/// What the task that reads does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Reader {
    Register,
    Check,
    /// For [`Bug::CheckBeforeRegister`]: it has seen that it may not read.
    Full,
    Asleep,
}

/// The whole system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    in_flight: u8,
    registered: bool,
    woken: bool,
    reader: Reader,
    requests: Vec<Stage>,
    /// Whether a request was read at the limit.
    overrun: bool,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The task that reads goes on.
    Read,
    /// A request goes on.
    Step(usize),
}

impl Window {
    /// What a test explores.
    pub const SMALL: Self = Self { requests: &[(2, 0), (2, 3), (1, 1), (3, 0)], bug: None };

    /// What the program explores.
    pub const LARGE: Self = Self {
        requests: &[(2, 0), (2, 3), (1, 1), (3, 0), (1, 4), (2, 2), (3, 1), (1, 0)],
        bug: None,
    };

    fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn wake(state: &mut State) {
        state.woken |= std::mem::take(&mut state.registered);
    }

    fn read(&self, state: &mut State) {
        state.reader = match state.reader {
            Reader::Register if self.is(Bug::CheckBeforeRegister) => Reader::Check,
            Reader::Register => {
                state.registered = true;
                Reader::Check
            }
            Reader::Check if state.in_flight < LIMIT + u8::from(self.is(Bug::OneMore)) => {
                state.overrun |= state.in_flight >= LIMIT;
                // `Link::request`: reads the next one.
                if let Some(&(units, _)) = self.requests.get(state.requests.len()) {
                    state.in_flight += units;
                    state.requests.push(Stage::Waits);
                }
                Reader::Register
            }
            Reader::Check if self.is(Bug::CheckBeforeRegister) => Reader::Full,
            Reader::Full => {
                state.registered = true;
                Reader::Asleep
            }
            Reader::Check => Reader::Asleep,
            Reader::Asleep if state.woken => {
                state.woken = false;
                Reader::Register
            }
            Reader::Asleep => Reader::Asleep,
        };
    }

    fn step(&self, state: &mut State, id: usize) {
        let (units, answer) = self.requests[id];
        let all = units + answer;
        match state.requests[id] {
            // `Permit::grow`.
            Stage::Waits => {
                state.in_flight += answer;
                state.requests[id] = Stage::Answered;
            }
            Stage::Answered => {
                let before = state.in_flight;
                let after = before - all;
                let crosses = match self.bug {
                    Some(Bug::WakeAtTheLimitOnly) => before == LIMIT,
                    _ => before >= LIMIT && after < LIMIT,
                };
                if self.is(Bug::WakeBeforeSubtract) {
                    Self::wake(state);
                    state.requests[id] = Stage::Between;
                } else {
                    state.in_flight = after;
                    state.requests[id] = if crosses { Stage::Between } else { Stage::Done };
                }
            }
            Stage::Between => {
                if self.is(Bug::WakeBeforeSubtract) {
                    state.in_flight -= all;
                } else {
                    Self::wake(state);
                }
                state.requests[id] = Stage::Done;
            }
            Stage::Done => {}
        }
    }
}

impl Protocol for Window {
    fn is_fault(_: &Action) -> bool {
        false
    }

    fn apply(&self, state: &mut State, action: &Action) {
        match *action {
            Action::Read => self.read(state),
            Action::Step(id) => self.step(state, id),
        }
    }
}

impl Model for Window {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            in_flight: 0,
            registered: false,
            woken: false,
            reader: Reader::Register,
            requests: Vec::new(),
            overrun: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // When all were read, it waits for the client.
        if state.requests.len() < self.requests.len() {
            actions.push(Action::Read);
        }
        actions.extend((0..state.requests.len()).map(Action::Step));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.applied(state, &action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("G8: no request is read at the limit", |_, state: &State| {
                !state.overrun
            }),
            Property::always(
                "in the end all requests are read and done",
                |model: &Self, state: &State| {
                    let all = state.requests.len() == model.requests.len();
                    all && state.requests.iter().all(|stage| *stage == Stage::Done)
                        || !model.is_at_rest(state)
                },
            ),
            Property::sometimes("reading stops", |_, state: &State| state.reader == Reader::Asleep),
        ]
    }
}

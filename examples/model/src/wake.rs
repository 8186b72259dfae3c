//! The delivery task and what wakes it: answers, messages, a join, and the server's shutdown.
//!
//! All of them notify one `Notify`, which keeps one notification. Here a step is one access to something shared, so
//! that every order of these accesses occurs.

use stateright::{Model, Property};

use crate::Protocol;

/// The bounds, and what is wrong.
#[derive(Debug, Clone)]
pub struct Wake {
    /// The number of answers.
    pub answers: u8,
    /// The number of messages.
    pub messages: u8,
    /// How often memory may not reach back far enough, so that the store is asked.
    pub store_reads: u8,
    /// Whether the connection joins another room, which wakes it too.
    pub joins: bool,
    /// Whether the server shuts down in the end.
    pub drains: bool,
    /// A planted bug.
    pub bug: Option<Bug>,
}

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A reader is woken before its feed is marked.
    WakeBeforeMark,
    /// A notification is kept only for a task that waits already.
    NotificationNotKept,
    /// That there are answers is unset after they were taken, not under the same lock.
    FlagUnsetLate,
    /// After a read of the store without result, the task waits without looking again.
    NoLookAfterStore,
    /// Whether there is anything is looked at before the feeds are marked as seen, not under the same lock.
    MarkUnsetLate,
}

/// What the writer of the log does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Writer {
    Idle,
    /// The message is there and its feed marked, and the reader not woken.
    Marked,
    /// For [`Bug::WakeBeforeMark`].
    Woken,
}

/// What the delivery task does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Task {
    /// `while !waiting.is_past(Phase::Draining)`.
    Top,
    /// `Outbox::take`, if there is something.
    Answer,
    /// For [`Bug::FlagUnsetLate`].
    UnsetFlag,
    /// `Subscription::look` and `Reader::has_nothing_after`.
    Look,
    /// `Recent::read_after`.
    Read,
    /// For [`Bug::MarkUnsetLate`].
    UnsetMark,
    /// `MessageStore::read_after`, which sees the messages up to here.
    Store {
        end: u8,
    },
    Asleep,
    /// Drained: hands over the last answers, and ends.
    Last,
    Ended,
}

/// The whole system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Answers that were added, and handed over.
    answers: (u8, u8),
    flag: bool,
    /// Messages that were added, and handed over.
    messages: (u8, u8),
    mark: bool,
    writer: Writer,
    /// Whether the join is in the read position, and has woken the task.
    joined: (bool, bool),
    /// Whether the task has seen it.
    follows: bool,
    draining: (bool, bool),
    store_reads: u8,
    notified: bool,
    task: Task,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// An answer is added: `Outbox::push`.
    Answer,
    /// The writer of the log goes on: `Recent::push`.
    Write,
    /// A request joins a room: `ReadPosition::join`, then `notify_one`.
    Join,
    /// The server shuts down: `Waiting::drain`.
    Drain,
    /// The delivery task goes on.
    Step,
    /// Memory does not reach back far enough: the task asks the store.
    AskStore,
    /// The task is notified while it waits for the store: `wait_meanwhile`.
    Meanwhile,
}

impl Wake {
    /// What a test explores.
    pub const SMALL: Self =
        Self { answers: 2, messages: 2, store_reads: 2, joins: true, drains: true, bug: None };

    /// What the program explores.
    pub const LARGE: Self = Self { answers: 4, messages: 4, ..Self::SMALL };

    fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// `Notify::notify_one`.
    fn notify(&self, state: &mut State) {
        state.notified |= state.task == Task::Asleep || !self.is(Bug::NotificationNotKept);
    }

    fn take_answers(state: &mut State) {
        state.answers.1 = state.answers.0;
    }

    fn step(&self, state: &mut State) {
        state.task = match state.task {
            Task::Top if state.draining.0 => Task::Last,
            Task::Top => Task::Answer,
            Task::Answer if state.flag => {
                Self::take_answers(state);
                if self.is(Bug::FlagUnsetLate) {
                    Task::UnsetFlag
                } else {
                    state.flag = false;
                    Task::Look
                }
            }
            Task::UnsetFlag => {
                state.flag = false;
                Task::Look
            }
            Task::Answer => Task::Look,
            Task::Look => {
                let is_new = state.joined.0 && !state.follows;
                state.follows |= is_new;
                // A feed that is attached counts as grown.
                state.mark |= is_new;
                if state.mark { Task::Read } else { Task::Asleep }
            }
            Task::Read => {
                state.messages.1 = state.messages.0;
                if self.is(Bug::MarkUnsetLate) {
                    Task::UnsetMark
                } else {
                    state.mark = false;
                    Task::Top
                }
            }
            Task::UnsetMark => {
                state.mark = false;
                Task::Top
            }
            Task::Store { end } => {
                let has_some = end > state.messages.1;
                state.messages.1 = end;
                match (has_some, self.is(Bug::NoLookAfterStore)) {
                    (true, _) => Task::Top,
                    (false, false) => Task::Look,
                    (false, true) => Task::Asleep,
                }
            }
            Task::Asleep if state.notified => {
                state.notified = false;
                Task::Top
            }
            Task::Last => {
                Self::take_answers(state);
                Task::Ended
            }
            Task::Asleep | Task::Ended => state.task,
        };
    }
}

impl Protocol for Wake {
    fn is_fault(action: &Action) -> bool {
        matches!(action, Action::AskStore)
    }

    fn apply(&self, state: &mut State, action: &Action) {
        match action {
            Action::Answer => {
                state.answers.0 += 1;
                state.flag = true;
                // Only the first one notifies.
                if state.answers.0 - state.answers.1 == 1 {
                    self.notify(state);
                }
            }
            Action::Write => match state.writer {
                Writer::Idle if self.is(Bug::WakeBeforeMark) => {
                    state.messages.0 += 1;
                    self.notify(state);
                    state.writer = Writer::Woken;
                }
                Writer::Idle => {
                    state.messages.0 += 1;
                    state.mark = true;
                    state.writer = Writer::Marked;
                }
                Writer::Woken => {
                    state.mark = true;
                    state.writer = Writer::Idle;
                }
                Writer::Marked => {
                    self.notify(state);
                    state.writer = Writer::Idle;
                }
            },
            Action::Join => {
                if state.joined.0 {
                    state.joined.1 = true;
                    self.notify(state);
                }
                state.joined.0 = true;
            }
            Action::Drain => {
                if state.draining.0 {
                    state.draining.1 = true;
                    self.notify(state);
                }
                state.draining.0 = true;
            }
            Action::Step => self.step(state),
            Action::AskStore => {
                state.store_reads -= 1;
                state.task = Task::Store { end: state.messages.0 };
            }
            Action::Meanwhile => {
                state.notified = false;
                Self::take_answers(state);
                state.flag = false;
            }
        }
    }
}

impl Model for Wake {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            answers: (0, 0),
            flag: false,
            messages: (0, 0),
            mark: true,
            writer: Writer::Idle,
            joined: (!self.joins, !self.joins),
            follows: !self.joins,
            draining: (false, false),
            store_reads: self.store_reads,
            notified: false,
            task: Task::Top,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Step);
        let may = |condition: bool, action| condition.then_some(action);
        actions.extend(may(state.answers.0 < self.answers, Action::Answer));
        let writes = state.messages.0 < self.messages || state.writer != Writer::Idle;
        actions.extend(may(writes, Action::Write));
        actions.extend(may(!state.joined.1, Action::Join));
        // What is added after the server has begun to shut down is not promised.
        let all = state.answers.0 == self.answers
            && state.messages.0 == self.messages
            && state.writer == Writer::Idle
            && state.joined.1;
        actions.extend(may(self.drains && all && !state.draining.1, Action::Drain));
        let asks = state.task == Task::Read && state.store_reads > 0;
        actions.extend(may(asks, Action::AskStore));
        let waits = matches!(state.task, Task::Store { .. });
        actions.extend(may(waits && state.notified, Action::Meanwhile));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.applied(state, &action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "in the end all answers are handed over",
                |model: &Self, state: &State| {
                    state.answers == (model.answers, model.answers) || !model.is_at_rest(state)
                },
            ),
            Property::always(
                "in the end all messages are handed over",
                |model: &Self, state: &State| {
                    // Draining hands over answers only.
                    state.messages == (model.messages, model.messages)
                        || state.draining.0
                        || state.task != Task::Asleep
                        || state.notified
                        || state.writer != Writer::Idle
                        || state.messages.0 < model.messages
                },
            ),
            Property::always(
                "in the end a drained task has ended",
                |model: &Self, state: &State| {
                    !state.draining.1 || state.task == Task::Ended || !model.is_at_rest(state)
                },
            ),
            Property::sometimes(
                "a notification comes while the task is busy",
                |_, state: &State| state.notified && state.task != Task::Asleep,
            ),
        ]
    }
}

//! Writing to the log: retries by key, batches, failures of the store, and crashes between commit and ack.
//!
//! Two nodes write to one store. Clients send their messages in order on a connection, each under a key. They send
//! again what is not answered, on the same connection or the next one, on either node. The last message of the first
//! client has the key of its first one, and must be refused.
//!
//! An ack is modelled as it arrives: one that is lost on its way is like a connection that broke before it was sent.

use stateright::{Model, Property};

use crate::Protocol;

/// The bounds, and what is wrong.
#[derive(Debug, Clone)]
pub struct Append {
    /// The number of clients.
    pub clients: u8,
    /// The number of messages of each client.
    pub messages: u8,
    /// The number of messages in a batch.
    pub batch: usize,
    /// How many crashes of a node there may be.
    pub crashes: u8,
    /// How many calls of the store may fail.
    pub failures: u8,
    /// How many connections may break.
    pub cuts: u8,
    /// How often a client sends again although the answer is only slow.
    pub hasty: u8,
    /// A planted bug.
    pub bug: Option<Bug>,
}

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A message is acked when its batch is begun.
    AckBeforeCommit,
    /// A crash takes back the last commit.
    CommitNotSynced,
    /// The store does not look for keys.
    KeysForgotten,
    /// Each node knows only the keys that it stored itself.
    KeysPerNode,
    /// A key belongs to whoever uses it first.
    KeysOfAnybody,
    /// A message whose key has another message is acked with the offset of that one.
    ConflictAcked,
    /// A failed append uses up offsets.
    FailureUsesOffsets,
    /// Offsets are given when a batch begins, not when it is committed.
    OffsetsBeforeLock,
    /// The newest message of the queue is taken first.
    NewestFirst,
    /// A batch is answered only when the next one begins.
    LastBatchNotTold,
    /// A client does not send again what the server did not answer.
    NoRetry,
}

/// One request of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Submission {
    client: u8,
    message: u8,
    connection: u8,
    /// Counts what was sent on the connection.
    number: u8,
}

/// A message in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Row {
    offset: u8,
    submission: Submission,
    node: u8,
}

/// The answer to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    Stored(u8),
    Conflict,
}

/// The messages of one commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Batch {
    messages: Vec<Submission>,
    /// The offset of the first one, for [`Bug::OffsetsBeforeLock`].
    first: Option<u8>,
}

/// A batch and the store's answer; none if the store failed.
type Settled = (Vec<Submission>, Option<Vec<Answer>>);

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Node {
    down: bool,
    queue: Vec<Submission>,
    appending: Option<Batch>,
    settled: Option<Settled>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Client {
    at: Option<u8>,
    /// Counts its connections.
    connection: u8,
    /// How many requests it has sent on this connection.
    sent: u8,
    /// The next message to send for the first time on this connection.
    next: u8,
    answers: Vec<Option<Answer>>,
}

/// The whole system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    log: Vec<Row>,
    /// The last offset that was given, which only a bug makes differ from the last one in the log.
    given: u8,
    nodes: [Node; 2],
    clients: Vec<Client>,
    crashes: u8,
    failures: u8,
    cuts: u8,
    hasty: u8,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A client connects to a node.
    Connect(u8, u8),
    /// A client sends its next message.
    Send(u8),
    /// A client sends a message again, for which nothing will come.
    Retry(u8, u8),
    /// A client sends a message again, although an answer will come.
    Hurry(u8, u8),
    /// A node takes the next batch and calls the store.
    Begin(u8),
    /// The store commits a batch.
    Commit(u8),
    /// The store fails; the batch is stored or not.
    Fail(u8, bool),
    /// A node answers a batch.
    Tell(u8),
    /// A node crashes.
    Crash(u8),
    /// A node starts.
    Start(u8),
    /// A connection breaks.
    Cut(u8),
}

impl Append {
    /// What a test explores.
    pub const SMALL: Self = Self {
        clients: 2,
        messages: 2,
        batch: 2,
        crashes: 1,
        failures: 0,
        cuts: 0,
        hasty: 0,
        bug: None,
    };

    /// What another test explores.
    pub const SMALL_FAILURES: Self = Self { crashes: 0, failures: 1, ..Self::SMALL };

    /// What the program explores.
    pub const LARGE: Self = Self { failures: 1, hasty: 1, ..Self::SMALL };

    /// Returns the key of a message.
    fn key(&self, client: u8, message: u8) -> u8 {
        let is_conflict = client == 0 && message > 0 && message + 1 == self.messages;
        if is_conflict { 0 } else { message }
    }

    fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// `Plan::of` and `Plan::outcome` of chat-store, in the transaction of `MessageStore::append`.
    fn append(&self, state: &mut State, node: u8, batch: &Batch) -> Vec<Answer> {
        let mut first = batch.first;
        let mut answers = Vec::new();
        for submission in &batch.messages {
            let key = self.key(submission.client, submission.message);
            let holder = state.log.iter().find(|row| {
                let stored = row.submission;
                key == self.key(stored.client, stored.message)
                    && (stored.client == submission.client || self.is(Bug::KeysOfAnybody))
                    && (row.node == node || !self.is(Bug::KeysPerNode))
                    && !self.is(Bug::KeysForgotten)
            });
            if let Some(Row { offset, submission: stored, .. }) = holder {
                let same = stored.message == submission.message;
                let acked = same || self.is(Bug::ConflictAcked);
                answers.push(if acked { Answer::Stored(*offset) } else { Answer::Conflict });
                continue;
            }
            let offset = match &mut first {
                Some(next) => {
                    *next += 1;
                    *next - 1
                }
                None => {
                    state.given += 1;
                    state.given
                }
            };
            state.log.push(Row { offset, submission: *submission, node });
            answers.push(Answer::Stored(offset));
        }
        answers
    }

    /// Returns whether a node will still answer or drop a message that was sent on this connection.
    fn is_pending(state: &State, client: u8, message: u8) -> bool {
        let Client { at: Some(node), connection, .. } = state.clients[client as usize] else {
            return false;
        };
        let Node { queue, appending, settled, .. } = &state.nodes[node as usize];
        let appending = appending.iter().flat_map(|batch| &batch.messages);
        let settled = settled.iter().flat_map(|(messages, _)| messages);
        let is_it = |one: &Submission| {
            (one.client, one.message, one.connection) == (client, message, connection)
        };
        queue.iter().chain(appending).chain(settled).any(is_it)
    }
}

/// `ChatMessageEvent`, `Log::submit` and `Queue::push`: the order of the calls is the order of the queue.
fn submit(state: &mut State, client: u8, message: u8) {
    let sending = &mut state.clients[client as usize];
    let Some(node) = sending.at else { return };
    let (connection, number) = (sending.connection, sending.sent);
    sending.sent += 1;
    let submission = Submission { client, message, connection, number };
    state.nodes[node as usize].queue.push(submission);
}

fn answer_to(clients: &mut [Client], submission: Submission, answer: Answer) {
    let client = &mut clients[submission.client as usize];
    if client.at.is_some() && client.connection == submission.connection {
        client.answers[submission.message as usize].get_or_insert(answer);
    }
}

impl Protocol for Append {
    fn is_fault(action: &Action) -> bool {
        matches!(action, Action::Fail(..) | Action::Crash(_) | Action::Cut(_) | Action::Hurry(..))
    }

    fn apply(&self, state: &mut State, action: &Action) {
        match *action {
            // The stock client reconnects by itself, and sends its buffer again in order.
            Action::Connect(client, node) => {
                let client = &mut state.clients[client as usize];
                let next = client.answers.iter().position(Option::is_none).unwrap_or(0) as u8;
                client.at = Some(node);
                (client.connection, client.sent, client.next) = (client.connection + 1, 0, next);
            }
            Action::Send(client) => {
                let sending = &mut state.clients[client as usize];
                let message = sending.next;
                let later = sending.answers.iter().skip(message as usize + 1);
                let skipped = later.take_while(|answer| answer.is_some()).count() as u8;
                sending.next = message + 1 + skipped;
                submit(state, client, message);
            }
            Action::Retry(client, message) => submit(state, client, message),
            Action::Hurry(client, message) => {
                state.hasty -= 1;
                submit(state, client, message);
            }
            // `Waiting::take`, and the call of `MessageStore::append` in `Committer::run`.
            Action::Begin(node) => {
                let this = &mut state.nodes[node as usize];
                let count = this.queue.len().min(self.batch);
                if self.is(Bug::NewestFirst) {
                    this.queue.reverse();
                }
                let messages: Vec<_> = this.queue.drain(..count).collect();
                if self.is(Bug::NewestFirst) {
                    this.queue.reverse();
                }
                let mut first = None;
                if self.is(Bug::OffsetsBeforeLock) {
                    first = Some(state.given + 1);
                    state.given += messages.len() as u8;
                }
                if self.is(Bug::AckBeforeCommit) {
                    let guess = (state.given + 1..).map(Answer::Stored);
                    let settled = messages.iter().copied().zip(guess);
                    settled.for_each(|(message, answer)| {
                        answer_to(&mut state.clients, message, answer)
                    });
                }
                state.nodes[node as usize].appending = Some(Batch { messages, first });
            }
            // The commit of the store's transaction. The future of `append` is ready.
            Action::Commit(node) => {
                let Some(batch) = state.nodes[node as usize].appending.take() else { return };
                let answers = self.append(state, node, &batch);
                state.nodes[node as usize].settled = Some((batch.messages, Some(answers)));
            }
            // `StoreError`: nothing is stored; or all of it, when the connection to a database broke during a commit.
            Action::Fail(node, stored) => {
                state.failures -= 1;
                let Some(batch) = state.nodes[node as usize].appending.take() else { return };
                if stored {
                    self.append(state, node, &batch);
                } else if self.is(Bug::FailureUsesOffsets) {
                    state.given += batch.messages.len() as u8;
                }
                state.nodes[node as usize].settled = Some((batch.messages, None));
            }
            // `Committer::tell` and `Request::finish`: a failure is not answered.
            Action::Tell(node) => {
                let Some((messages, answers)) = state.nodes[node as usize].settled.take() else {
                    return;
                };
                for (message, answer) in messages.into_iter().zip(answers.into_iter().flatten()) {
                    answer_to(&mut state.clients, message, answer);
                }
            }
            Action::Crash(node) => {
                state.crashes -= 1;
                state.nodes[node as usize] = Node { down: true, ..Node::default() };
                let clients = state.clients.iter_mut().filter(|client| client.at == Some(node));
                clients.for_each(|client| client.at = None);
                if self.is(Bug::CommitNotSynced) {
                    state.log.pop();
                    state.given = state.log.len() as u8;
                }
            }
            Action::Start(node) => state.nodes[node as usize].down = false,
            Action::Cut(client) => {
                state.cuts -= 1;
                state.clients[client as usize].at = None;
            }
        }
    }
}

impl Model for Append {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let client = Client {
            at: None,
            connection: 0,
            sent: 0,
            next: 0,
            answers: vec![None; self.messages as usize],
        };
        vec![State {
            log: Vec::new(),
            given: 0,
            nodes: Default::default(),
            clients: vec![client; self.clients as usize],
            crashes: self.crashes,
            failures: self.failures,
            cuts: self.cuts,
            hasty: self.hasty,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (id, client) in (0..).zip(&state.clients) {
            let open = |message: &u8| client.answers[*message as usize].is_none();
            if client.at.is_none() {
                if (0..self.messages).any(|message| open(&message)) {
                    let up = (0..2).filter(|node| !state.nodes[*node as usize].down);
                    actions.extend(up.map(|node| Action::Connect(id, node)));
                }
                continue;
            }
            if client.next < self.messages {
                actions.push(Action::Send(id));
            }
            for message in (0..client.next).filter(open) {
                if Self::is_pending(state, id, message) {
                    actions.extend((state.hasty > 0).then_some(Action::Hurry(id, message)));
                } else if !self.is(Bug::NoRetry) {
                    actions.push(Action::Retry(id, message));
                }
            }
            actions.extend((state.cuts > 0).then_some(Action::Cut(id)));
        }
        for (id, node) in (0..).zip(&state.nodes) {
            if node.down {
                actions.push(Action::Start(id));
                continue;
            }
            // `Committer::run`: the next call of the store may come before the last batch is answered, and ends after.
            if node.appending.is_none() && !node.queue.is_empty() {
                actions.push(Action::Begin(id));
            }
            if node.settled.is_some()
                && !(self.is(Bug::LastBatchNotTold) && node.appending.is_none())
            {
                actions.push(Action::Tell(id));
            }
            if node.appending.is_some() && node.settled.is_none() {
                actions.push(Action::Commit(id));
                if state.failures > 0 {
                    actions.extend([false, true].map(|stored| Action::Fail(id, stored)));
                }
            }
            actions.extend((state.crashes > 0).then_some(Action::Crash(id)));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.applied(state, &action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("G1: an ack names the message in the log", |_, state: &State| {
                answers(state).all(|(client, message, answer)| match answer {
                    Answer::Stored(offset) => state.log.iter().any(|row| {
                        let stored = row.submission;
                        (row.offset, stored.client, stored.message) == (offset, client, message)
                    }),
                    Answer::Conflict => true,
                })
            }),
            Property::always("G2: a key is stored once", |model: &Self, state: &State| {
                let keys = state.log.iter().map(|row| row.submission);
                let mut keys: Vec<_> =
                    keys.map(|one| (one.client, model.key(one.client, one.message))).collect();
                keys.sort_unstable();
                keys.is_sorted_by(|one, next| one < next)
            }),
            Property::always(
                "G2: only another message's key is refused",
                |model: &Self, state: &State| {
                    answers(state).filter(|(.., answer)| *answer == Answer::Conflict).all(
                        |(client, message, _)| {
                            state.log.iter().any(|row| {
                                let stored = row.submission;
                                stored.client == client
                                    && stored.message != message
                                    && model.key(client, stored.message)
                                        == model.key(client, message)
                            })
                        },
                    )
                },
            ),
            Property::always("G3: offsets are dense and visible in order", |_, state: &State| {
                let mut offsets: Vec<_> = state.log.iter().map(|row| row.offset).collect();
                offsets.sort_unstable();
                offsets.into_iter().eq(1..=state.log.len() as u8)
            }),
            Property::always(
                "G3: a connection's messages are in the order it sent them",
                |_, state: &State| {
                    let ordered = |one: &Row, other: &Row| {
                        let (first, second) = (one.submission, other.submission);
                        (first.client, first.connection) != (second.client, second.connection)
                            || (one.offset < other.offset) == (first.number < second.number)
                    };
                    state.log.iter().all(|one| {
                        let others = state.log.iter().filter(|other| *other != one);
                        others.into_iter().all(|other| ordered(one, other))
                    })
                },
            ),
            Property::always("in the end everything is answered", |model: &Self, state: &State| {
                let is_open = |client: &Client| client.answers.contains(&None);
                !state.clients.iter().any(is_open) || !model.is_at_rest(state)
            }),
            Property::sometimes("a retry is answered with the first offset", |_, state: &State| {
                state.nodes.iter().filter_map(|node| node.settled.as_ref()).any(
                    |(messages, answers)| {
                        let answers = answers.iter().flatten();
                        messages.iter().zip(answers).any(|(sent, answer)| {
                            let Answer::Stored(offset) = *answer else { return false };
                            state
                                .log
                                .iter()
                                .any(|row| row.offset == offset && row.submission != *sent)
                        })
                    },
                )
            }),
            Property::sometimes("a conflict is refused", |_, state: &State| {
                answers(state).any(|(.., answer)| answer == Answer::Conflict)
            }),
            Property::sometimes("both nodes write", |_, state: &State| {
                [0, 1].iter().all(|node| state.log.iter().any(|row| row.node == *node))
            }),
        ]
    }
}

fn answers(state: &State) -> impl Iterator<Item = (u8, u8, Answer)> {
    (0..).zip(&state.clients).flat_map(|(id, client)| {
        let answers = (0..).zip(&client.answers);
        answers.filter_map(move |(message, answer)| answer.map(|answer| (id, message, answer)))
    })
}

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chat_core::event::{Joined, Left, Named, TokenTaken, TypingHeard};
use chat_core::{Ack, Refusal, RoomId};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::ephemeral::EphemeralEvent;

/// The answer to a client's request.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Ack(Ack),
    Joined(Joined),
    Left(Left),
    Named(Named),
    TokenTaken(TokenTaken),
    Typing(TypingHeard),
    /// Its JSON, which may be long: a page of history, or the users of a room. Many answers may share it.
    #[serde(serialize_with = "made")]
    Made(Arc<RawValue>),
    /// Messages of rooms, as [`Made`](Self::Made): to be handed over only if the client may read the rooms by then.
    Page(RoomPage),
    Refusal(Refusal),
    /// No answer, but an event that says what the connection follows now: it comes after the answers before it.
    #[serde(skip)]
    Event(Arc<EphemeralEvent>),
}

/// A page of messages of these rooms.
#[derive(Debug, Clone)]
pub(crate) struct RoomPage {
    pub(crate) json: Arc<RawValue>,
    pub(crate) rooms: Vec<RoomId>,
}

impl Serialize for RoomPage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        made(&self.json, serializer)
    }
}

fn made<S: Serializer>(json: &Arc<RawValue>, serializer: S) -> Result<S::Ok, S::Error> {
    json.serialize(serializer)
}

impl Answer {
    /// Returns its size in bytes, beyond what the [permit](Permit) of each request counts.
    fn bytes(&self) -> usize {
        match self {
            Self::Made(json) | Self::Page(RoomPage { json, .. }) => json.get().len(),
            _ => 0,
        }
    }

    /// Returns whether it is so long that it counts until it has been sent, rather than until it was handed over: a
    /// few of them exceed what a connection may hold.
    pub(crate) fn is_long(&self) -> bool {
        const LONG: usize = 16 * 1024;
        self.bytes() >= LONG
    }

    /// Returns whether it says what the connection follows now, or who its user is. The client relies on that once it
    /// has the answer, even after a crash.
    pub(crate) fn tells_of_session(&self) -> bool {
        matches!(
            self,
            Self::Joined(_) | Self::Left(_) | Self::Named(_) | Self::TokenTaken(_) | Self::Event(_)
        )
    }
}

/// When to retry a request whose answer did not fit.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Counts a request until its answer is handed over, and is dropped then.
pub(crate) trait Permit: Send {
    /// Counts this many more bytes now that the answer exists. Returns whether there is room for it, if it is long.
    fn grow(&mut self, bytes: usize, is_long: bool) -> bool;
}

/// An answer that is not handed over yet: the ack id, the answer, and the permit of the request, if it is an answer to one.
pub(super) type Unanswered<P> = (i64, Answer, Option<P>);

/// The answers that wait for a client because its buffer is full.
///
/// The [`Permit`] of each counts its length until it is handed over or sent. So the server stops reading from a
/// client that does not take its answers.
#[derive(Debug)]
pub(crate) struct Outbox<P> {
    answers: Mutex<VecDeque<Unanswered<P>>>,
    /// Whether there are any. Read between any two messages, so without a lock.
    has_some: AtomicBool,
    wake: Arc<Notify>,
}

impl<P: Permit> Outbox<P> {
    /// Creates an outbox that notifies `wake` of each answer.
    pub(crate) fn new(wake: Arc<Notify>) -> Self {
        Self { answers: Mutex::default(), has_some: AtomicBool::new(false), wake }
    }

    /// Adds the answer to the request with this ack id.
    pub(crate) fn push(&self, ack_id: i64, answer: Answer, mut permit: P) {
        let mut answer = answer;
        if !permit.grow(answer.bytes(), answer.is_long()) {
            let message = "too many long answers wait to be read; ask again later";
            answer = Answer::Refusal(Refusal::slow_down(message, RETRY_AFTER));
        }
        self.add((ack_id, answer, Some(permit)));
    }

    /// Adds an event that says what the connection follows now, after the answers that say so. The client has it once
    /// that is saved.
    pub(crate) fn tell(&self, event: Arc<EphemeralEvent>) {
        self.add((0, Answer::Event(event), None));
    }

    /// Like [`tell`](Self::tell), for an event of which the last one counts: one with this name that still waits is dropped.
    pub(crate) fn tell_last(&self, event: Arc<EphemeralEvent>) {
        let is_same = |other: &Answer| matches!(other, Answer::Event(it) if it.name == event.name);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|(_, answer, _)| !is_same(answer));
        drop(answers);
        self.tell(event);
    }

    fn add(&self, unanswered: Unanswered<P>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push_back(unanswered);
        self.has_some.store(true, Ordering::Release);
        if answers.len() == 1 {
            self.wake.notify_one();
        }
    }

    /// Returns whether there are any. One that is added at this moment wakes the waiting task.
    pub(crate) fn has_some(&self) -> bool {
        self.has_some.load(Ordering::Acquire)
    }

    /// Takes all answers, oldest first.
    pub(crate) fn take(&self) -> VecDeque<Unanswered<P>> {
        if !self.has_some() {
            return VecDeque::new();
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_some.store(false, Ordering::Release);
        std::mem::take(&mut answers)
    }
}

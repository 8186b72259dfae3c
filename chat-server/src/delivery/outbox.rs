use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use chat_core::{Ack, History, Joined, Left, Named, Refusal, TypingHeard, Users};
use serde::Serialize;
use tokio::sync::Notify;

use crate::transport::InFlight;

/// What a client is told about its request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Ack(Ack),
    Joined(Joined),
    Left(Left),
    Named(Named),
    Users(Users),
    Typing(TypingHeard),
    History(History),
    Refusal(Refusal),
}

impl Answer {
    /// Whether it says what the connection follows now, or who is behind it. With the answer the client relies on
    /// that, also after a crash.
    pub(crate) fn tells_of_session(&self) -> bool {
        matches!(self, Self::Joined(_) | Self::Left(_) | Self::Named(_))
    }
}

/// An answer that was not handed over yet: its ack id, itself, and what counts the request until then.
pub(super) type Unanswered = (i64, Answer, InFlight);

/// Answers on their way to a client. They wait here when its buffer is full.
///
/// It holds at most as many as the connection has requests in flight.
#[derive(Debug)]
pub(crate) struct Outbox {
    answers: Mutex<VecDeque<Unanswered>>,
    wake: Arc<Notify>,
}

impl Outbox {
    /// An outbox that notifies `wake` of each answer.
    pub(crate) fn new(wake: Arc<Notify>) -> Self {
        Self { answers: Mutex::default(), wake }
    }

    /// Adds the answer to the request with this ack id.
    pub(crate) fn push(&self, ack_id: i64, answer: Answer, in_flight: InFlight) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push_back((ack_id, answer, in_flight));
        if answers.len() == 1 {
            self.wake.notify_one();
        }
    }

    /// Takes all answers out, oldest first.
    pub(crate) fn take(&self) -> VecDeque<Unanswered> {
        std::mem::take(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

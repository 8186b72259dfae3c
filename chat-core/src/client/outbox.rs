use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::packet::only_item;
use super::request::Request;
use crate::event::{Joined, Left};
use crate::{Ack, Answer, ClientOffset, ParseError, Refusal};

/// Names a request of a session: the first is 0, and each further one the next number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// The answer to a request, which comes once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// The request.
    pub ticket: Ticket,
    /// What became of it. A refusal here is final: the session has sent again what can be sent again.
    pub result: Result<Done, Refusal>,
}

/// What a server has done for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Done {
    /// It has committed a message, an event, or a change of a message.
    Stored(Ack),
    /// The client is in the room.
    Joined(Joined),
    /// The client is not in the room any more.
    Left(Left),
}

/// The requests without an answer, in the order in which they were made.
#[derive(Debug)]
pub(super) struct Outbox {
    run: String,
    next: u64,
    window: usize,
    unanswered: VecDeque<Sent>,
    in_flight: usize,
    /// Nothing is sent before, because the server wants it so.
    hold: Option<Instant>,
}

#[derive(Debug)]
struct Sent {
    ticket: u64,
    request: Request,
    /// The event as JSON.
    json: String,
    /// When it was sent on this connection; none if it has to be sent.
    at: Option<Instant>,
}

impl Outbox {
    /// Creates an empty one with at most `window` requests in flight. `run` begins all keys.
    ///
    /// # Errors
    /// When `run` cannot begin a key.
    pub(super) fn new(run: &str, window: usize) -> Result<Self, ParseError> {
        // The longest key that there will be.
        key(run, u64::MAX)?;
        let (run, unanswered) = (run.to_owned(), VecDeque::new());
        Ok(Self { run, next: 0, window, unanswered, in_flight: 0, hold: None })
    }

    pub(super) fn set_window(&mut self, window: usize) {
        self.window = window.max(1);
    }

    pub(super) fn push(&mut self, mut request: Request) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        #[expect(clippy::expect_used, reason = "`new` has tried a longer one")]
        request.set_key(|| key(&self.run, ticket).expect("a shorter key than that of `new`"));
        #[expect(
            clippy::expect_used,
            reason = "there are only texts, numbers and checked JSON in it"
        )]
        let json = request.to_json().expect("a request that can be written");
        self.unanswered.push_back(Sent { ticket, request, json, at: None });
        Ticket(ticket)
    }

    /// Returns the next frame to write, if there is one to write now.
    pub(super) fn write(&mut self, now: Instant) -> Option<String> {
        if self.hold.is_some_and(|until| now < until) {
            return None;
        }
        self.hold = None;
        if self.in_flight >= self.window {
            return None;
        }
        let sent = self.unanswered.iter_mut().find(|sent| sent.at.is_none())?;
        sent.at = Some(now);
        self.in_flight += 1;
        Some(format!("42{}{}", sent.ticket, sent.json))
    }

    /// Takes an answer. None if the request is answered already, goes out again, or the answer is none.
    pub(super) fn answer(
        &mut self,
        ticket: u64,
        arguments: &str,
        now: Instant,
    ) -> Option<(Answered, Request)> {
        let index = self.unanswered.binary_search_by_key(&ticket, |sent| sent.ticket).ok()?;
        let sent = &mut self.unanswered[index];
        let result = sent.request.result(only_item(arguments)?.get())?;
        if sent.at.is_some() {
            self.in_flight -= 1;
        }
        if let Err(Refusal { retry_after: Some(wait), .. }) = result {
            sent.at = None;
            let until = now.checked_add(wait).unwrap_or(now + LONGEST_HOLD);
            self.hold = Some(self.hold.map_or(until, |hold| hold.max(until)));
            return None;
        }
        let request = self.unanswered.remove(index)?.request;
        Some((Answered { ticket: Ticket(ticket), result }, request))
    }

    /// Sends everything without an answer again, in order: the connection is another one, or an answer is overdue.
    pub(super) fn rewind(&mut self) {
        for sent in &mut self.unanswered {
            sent.at = None;
        }
        self.in_flight = 0;
    }

    /// Sends again what has no answer after `patience`, and what follows it.
    pub(super) fn expire(&mut self, now: Instant, patience: Duration) {
        if self.oldest().is_some_and(|at| now >= at + patience) {
            self.rewind();
        }
    }

    /// When there is something to do that no frame brings about.
    pub(super) fn deadline(&self, patience: Duration) -> Option<Instant> {
        let overdue = self.oldest().map(|at| at + patience);
        [overdue, self.hold].into_iter().flatten().min()
    }

    pub(super) fn len(&self) -> usize {
        self.unanswered.len()
    }

    fn oldest(&self) -> Option<Instant> {
        // Those in flight are among the first, with no more than another window that was refused for now.
        self.unanswered.iter().take(2 * self.window).filter_map(|sent| sent.at).min()
    }
}

/// The most that a request waits when the server names a time that no clock has.
const LONGEST_HOLD: Duration = Duration::from_secs(24 * 60 * 60);

impl Request {
    fn result(&self, json: &str) -> Option<Result<Done, Refusal>> {
        fn read<T: serde::de::DeserializeOwned>(json: &str) -> Option<Result<T, Refusal>> {
            serde_json::from_str(json).ok().map(Answer::into_result)
        }

        match self {
            Self::Join(_) => read(json).map(|result| result.map(Done::Joined)),
            Self::Leave(_) => read(json).map(|result| result.map(Done::Left)),
            _ => read(json).map(|result| result.map(Done::Stored)),
        }
    }
}

fn key(run: &str, count: u64) -> Result<ClientOffset, ParseError> {
    if run.is_empty() {
        return Err(ParseError::Empty { what: "the name of a run" });
    }
    format!("{run}-{count}").parse()
}

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::error::SessionError;
use super::inbox::Inbox;
use super::outbox::{Answered, Done, Outbox, Ticket};
use super::packet::{PONG, Packet, only_item};
use super::received::Received;
use super::request::Request;
use crate::event::{Handshake, JOIN, Joined};
use crate::{Answer, Offset, ParseError, Refusal, RoomId};

/// A client of the chat, over as many connections as it takes.
#[derive(Debug)]
pub struct Session {
    handshake: Handshake,
    /// The secret with which the server finds the session again.
    pid: Option<String>,
    inbox: Inbox,
    outbox: Outbox,
    connection: Connection,
    /// When the server must have sent something; none without a connection.
    silent_at: Option<Instant>,
    /// The longest time between two frames of the server.
    silence: Duration,
    to_write: VecDeque<String>,
    received: VecDeque<Received>,
    answers: VecDeque<Answered>,
    is_behind: bool,
}

/// How far a connection has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// There is none.
    Closed,
    /// The server has not accepted the client yet.
    Opening,
    /// The client is accepted, and what is sent from now on arrives.
    Connected,
    /// The server does not accept the client: however often it tries, or until the time that the refusal names.
    Refused(Refusal),
}

/// The number of the request that finds the end of the log; no ticket ever gets as far.
const FIND_TAIL: u64 = u64::MAX >> 1;

impl Session {
    /// How long a connection may take until the server accepts the client.
    pub const ACCEPTED_WITHIN: Duration = Duration::from_secs(20);

    /// How long an answer may take before the request is sent again. A server does not answer while its store fails.
    pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

    /// The number of requests in flight unless [`set_window`](Self::set_window) changes it.
    pub const WINDOW: usize = 256;

    /// The number of received events that wait for the program. What comes then is left out, and comes later.
    pub const MAX_RECEIVED: usize = 4096;

    /// Creates the session of a client that begins as `handshake` says, without a connection.
    ///
    /// `run` begins the keys of its messages: a text that no other run of the program has, such as a random one.
    ///
    /// If the handshake names neither a position nor a `history`, everything arrives from the beginning. With `echo:
    /// false`, messages of the client's own user do not arrive, not even after a reconnect. A client without a nickname may
    /// get its own ones then.
    ///
    /// # Errors
    /// When `run` cannot begin a key: it is empty, has control characters, or is too long.
    pub fn new(handshake: Handshake, run: &str) -> Result<Self, ParseError> {
        Ok(Self {
            pid: None,
            inbox: Inbox::new(handshake.offset.clone()),
            outbox: Outbox::new(run, Self::WINDOW)?,
            connection: Connection::Closed,
            silent_at: None,
            silence: Self::ACCEPTED_WITHIN,
            to_write: VecDeque::new(),
            received: VecDeque::new(),
            answers: VecDeque::new(),
            is_behind: false,
            handshake,
        })
    }

    /// Sets how many requests are in flight at most. With 1 each waits for the answer to the one before. With more, those
    /// behind a request that is refused with `retryAfter` may overtake it.
    pub fn set_window(&mut self, requests: usize) {
        self.outbox.set_window(requests);
    }

    /// Sends a request: now, or when there is a connection.
    pub fn send(&mut self, request: impl Into<Request>) -> Ticket {
        self.outbox.push(request.into())
    }

    /// Returns how many requests have no answer.
    pub fn unanswered(&self) -> usize {
        self.outbox.len()
    }

    /// Returns the next answer.
    pub fn next_answer(&mut self) -> Option<Answered> {
        self.answers.pop_front()
    }

    /// Returns the next event that has arrived.
    pub fn next_received(&mut self) -> Option<Received> {
        self.received.pop_front()
    }

    /// Returns whether an event has arrived.
    pub fn has_received(&self) -> bool {
        !self.received.is_empty()
    }

    /// Returns how far the connection has got.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns whether messages were left out because too many wait for the program. Once it has taken those, close the
    /// connection and open another one: they come again.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// A connection is open. The server speaks first.
    pub fn opened(&mut self, now: Instant) {
        self.closed();
        self.connection = Connection::Opening;
        self.silent_at = Some(now + Self::ACCEPTED_WITHIN);
    }

    /// The connection has ended, or nobody reads it any more.
    pub fn closed(&mut self) {
        self.connection = Connection::Closed;
        self.silent_at = None;
        self.is_behind = false;
        self.to_write.clear();
        self.outbox.rewind();
    }

    /// Takes a text frame.
    ///
    /// # Errors
    /// When the connection is of no use any more.
    pub fn read(&mut self, frame: &str, now: Instant) -> Result<(), SessionError> {
        let packet = Packet::parse(frame)?;
        if self.connection == Connection::Connected {
            self.silent_at = Some(now + self.silence);
        }
        match packet {
            Packet::Open(silence) => {
                self.silence = silence;
                self.to_write.push_back(self.connect());
            }
            Packet::Ping => self.to_write.push_back(PONG.to_owned()),
            Packet::Connected(pid) => self.accepted(pid, now),
            Packet::Refused(refusal) => self.connection = Connection::Refused(refusal),
            Packet::Event(json) => {
                let received = Received::parse(json).ok_or_else(|| SessionError::malformed(frame));
                self.receive(received?);
            }
            Packet::Answer(FIND_TAIL, arguments) => self.found_tail(arguments, now),
            Packet::Answer(ticket, arguments) => {
                if let Some((answered, request)) = self.outbox.answer(ticket, arguments, now) {
                    self.note_rooms(&request, &answered);
                    self.answers.push_back(answered);
                }
            }
            Packet::End => return Err(SessionError::Ended),
            Packet::Other => {}
        }
        Ok(())
    }

    /// Returns the next text frame to write, if there is one now.
    pub fn write(&mut self, now: Instant) -> Option<String> {
        self.to_write.pop_front().or_else(|| {
            let is_connected = self.connection == Connection::Connected;
            is_connected.then(|| self.outbox.write(now)).flatten()
        })
    }

    /// Returns when to call [`expire`](Self::expire) and [`write`](Self::write), even if no frame arrives.
    pub fn deadline(&self) -> Option<Instant> {
        let outbox = || self.outbox.deadline(Self::ANSWER_WITHIN);
        let outbox = (self.connection == Connection::Connected).then(outbox).flatten();
        [self.silent_at, outbox].into_iter().flatten().min()
    }

    /// Does what is due.
    ///
    /// # Errors
    /// When the server has been silent for too long.
    pub fn expire(&mut self, now: Instant) -> Result<(), SessionError> {
        if self.silent_at.is_some_and(|at| now >= at) {
            return Err(SessionError::Silent);
        }
        self.outbox.expire(now, Self::ANSWER_WITHIN);
        Ok(())
    }

    /// Returns the packet that asks to be accepted.
    fn connect(&self) -> String {
        #[derive(Serialize)]
        struct Auth<'a> {
            #[serde(flatten)]
            handshake: Handshake,
            #[serde(skip_serializing_if = "Option::is_none")]
            pid: Option<&'a str>,
        }

        let mut handshake = self.handshake.clone();
        self.inbox.fill(&mut handshake);
        let auth = Auth { handshake, pid: self.pid.as_deref() };
        #[expect(clippy::expect_used, reason = "there are only texts, numbers and lists in it")]
        let auth = serde_json::to_string(&auth).expect("a handshake that can be written");
        format!("40{auth}")
    }

    fn accepted(&mut self, pid: Option<String>, now: Instant) {
        self.pid = pid;
        let begins_at_tail =
            self.handshake.history.is_some() && self.handshake.server_offset == Offset::ZERO;
        if begins_at_tail && self.inbox.is_nowhere() {
            // Until a message arrives nobody would know where to go on: joining a room again tells where the log ends.
            let room = self.handshake.rooms.first().cloned().unwrap_or_else(RoomId::general);
            let join = serde_json::json!([JOIN, room]);
            self.to_write.push_back(format!("42{FIND_TAIL}{join}"));
        } else {
            self.connected(now);
        }
    }

    fn found_tail(&mut self, arguments: &str, now: Instant) {
        let answer = only_item(arguments).map(|item| serde_json::from_str(item.get()));
        if let Some(Ok(Answer::Done(Joined { tail, .. }))) = answer {
            self.inbox.start_at(tail);
        }
        self.connected(now);
    }

    fn connected(&mut self, now: Instant) {
        self.connection = Connection::Connected;
        self.silent_at = Some(now + self.silence);
    }

    fn receive(&mut self, received: Received) {
        let is_full = self.received.len() >= Self::MAX_RECEIVED;
        if let Received::OtherLog(_) = &received {
            self.inbox.forget();
            self.handshake.server_offset = Offset::ZERO;
            self.handshake.offset = None;
        }
        if let Some(position) = received.position() {
            self.is_behind |= is_full;
            if self.is_behind || !self.inbox.accept(position) {
                return;
            }
        } else if is_full {
            return;
        }
        if let Received::Named(named) = &received {
            self.handshake.nickname = Some(named.nickname.to_string());
            if let Some(token) = &named.token {
                self.handshake.token = Some(token.clone());
            }
        }
        let is_own = received.key().is_some();
        if self.handshake.echo || !is_own {
            self.received.push_back(received);
        }
    }

    /// Remembers the rooms for the next connection.
    fn note_rooms(&mut self, request: &Request, answered: &Answered) {
        let (Request::Join(room) | Request::Leave(room)) = request else { return };
        let rooms = &mut self.handshake.rooms;
        match answered.result {
            Ok(Done::Joined(_)) => {
                if rooms.is_empty() {
                    rooms.push(RoomId::general());
                }
                if !rooms.contains(room) {
                    rooms.push(room.clone());
                }
            }
            Ok(Done::Left(_)) => rooms.retain(|other| other.key() != room.key()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;

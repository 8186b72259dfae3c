use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_core::event::{RoomNotJoined, Token};
use chat_core::{Ack, NewMessage, Offset, Refusal, RefusalCode, RoomId, Timestamp};
use chat_store::Appended;
use socketioxide::socket::Socket;
use socketioxide_core::Value;
use tokio::sync::{Notify, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use super::authorship::Authorship;
use super::exclusions::Exclusions;
use super::observe::Direction;
use super::request_queue::RequestQueue;
use super::services::Services;
use super::session::{ChatSession, SessionUser};
use crate::engine::delivery::{Answer, Following, ReadPosition, Waiting};
use crate::engine::log::{Outcome, ReaderId, unknown_message};
use crate::engine::policy::Access;
use crate::engine::presence::PresenceGuard;
use crate::engine::quota::{Quota, Spent};
use crate::engine::source::Source;
use crate::engine::users::User;
use crate::socketio::client_address::ClientAddress;
use crate::socketio::recovery::Session;
use crate::socketio::transport::{DirectWriter, Farewell, InFlight, Link, Websocket};

/// The additional bytes that count for a request that may have to wait in a task of its own.
pub(crate) const TASK_BYTES: usize = 1024;

/// Distinguishes our handlers from the closures that socketioxide also accepts: ours run in the order of arrival.
pub(crate) struct InOrder;

/// State shared by the event handlers of one connection. They never hold the socket, because it holds them.
pub(crate) struct Connection {
    pub(crate) services: Services,
    pub(crate) link: Arc<Link>,
    /// The direct writer to the client, if there is one.
    pub(crate) direct_writer: Option<DirectWriter>,
    /// Identifies it among the readers of the log.
    pub(crate) reader: ReaderId,
    pub(crate) waiting: Waiting<InFlight>,
    pub(crate) requests: RequestQueue,
    /// Pages of history, one after the other: the next one is read when the previous one has been sent, so that a
    /// client that does not read holds only one. Nothing else waits for them.
    pub(crate) reads: RequestQueue,
    /// Keeps the nickname of the connection's user.
    pub(crate) keeper: NicknameKeeper,
    /// Cancelled when the client is gone.
    pub(crate) gone: CancellationToken,
    pub(crate) session: Session<ChatSession>,
    pub(crate) position: Arc<ReadPosition>,
    /// Its presence.
    pub(crate) presence: PresenceGuard,
    /// What the policy lets it do; none without a policy.
    pub(crate) access: Option<Arc<Access>>,
    /// The author of the messages that it sends.
    pub(crate) authorship: Authorship,
    /// The rooms that it was taken out of.
    exclusions: Mutex<Exclusions>,
    /// Whether the client wants its own messages back.
    echo: bool,
    user: Mutex<Option<Arc<User>>>,
    /// The unit that limits count it for.
    pub(crate) source: Source,
    /// The client's remaining quota.
    quota: Mutex<Quota>,
    /// The token that keeps its nickname, if this connection knows it.
    token: Mutex<Option<Token>>,
}

impl Connection {
    /// Creates the state of a new connection. The link is missing only if the socket was not opened through
    /// [`TransportService`](crate::socketio::transport::TransportService).
    pub(crate) fn new(
        services: Services,
        socket: &Socket,
        session: Session<ChatSession>,
        (position, was_anonymous, exclusions): (ReadPosition, bool, Exclusions),
        (user, token): (Option<User>, Option<Token>),
        (access, unseen): (Option<Arc<Access>>, &[RoomId]),
        echo: bool,
    ) -> Self {
        let extensions = &socket.req_parts().extensions;
        let link = extensions.get::<Arc<Link>>().cloned().unwrap_or_default();
        if let Some(user) = &user {
            services.share(&link, user);
        }
        let waiting = Waiting::new();
        let rooms: Vec<_> = position.following().rooms.keys().cloned().collect();
        let who = user.as_ref().map(|user| (user.id, user.nickname.clone()));
        let ephemeral = Arc::clone(&waiting.ephemeral);
        let presence = services.presence.enter(session.id(), who, (&rooms, unseen), ephemeral);
        let position = Arc::new(position);
        if let Some(access) = &access {
            // Until the delivery begins: access may have changed since the client was accepted.
            position.hold();
            access.guard(Arc::clone(&position));
        }
        let source = source_of(socket);
        // Nobody else knows what a session without a nickname has sent.
        let was_anonymous = was_anonymous || session.recovered() && user.is_none();
        let owner = user.as_ref().map(|user| &user.owner);
        let authorship = Authorship::new(session.id(), owner, was_anonymous);
        Self {
            source,
            quota: Mutex::new(services.quotas.of(owner, source)),
            direct_writer: extensions.get::<Arc<Websocket>>().and_then(DirectWriter::of),
            link,
            reader: services.log.reader(),
            waiting,
            presence,
            access,
            requests: RequestQueue::default(),
            reads: RequestQueue::default(),
            keeper: NicknameKeeper::default(),
            gone: CancellationToken::new(),
            session,
            position,
            authorship,
            exclusions: Mutex::new(exclusions),
            echo,
            user: Mutex::new(user.map(Arc::new)),
            token: Mutex::new(token),
            services,
        }
    }

    /// Cleans up when the client is gone: nothing more is done for it.
    pub(crate) fn end(&self) {
        self.gone.cancel();
        self.waiting.end();
        self.link.outgoing.interrupt();
    }

    /// Creates a request of the client that is to be answered; none if the client has sent a disconnect before it.
    ///
    /// In that case it violates the protocol, and its connection is closed, as the Node.js server does. socketioxide
    /// does so too, but calls handlers until it has forgotten the socket.
    pub(crate) fn request(
        self: &Arc<Self>,
        event: &str,
        ack_id: Option<i64>,
        bytes: usize,
    ) -> Option<Request> {
        self.services.hooks.observed(self.session.id(), Direction::Incoming, Some(event), bytes);
        if self.gone.is_cancelled() {
            self.link.close(Farewell::Disconnected);
            return None;
        }
        let in_flight = InFlight::new(&self.link, bytes);
        Some(Request { connection: Arc::clone(self), ack_id, in_flight, spent: None })
    }

    /// Returns the bytes that a request counts in addition to its length: with a policy or
    /// an interceptor each may have to wait in a task.
    pub(crate) fn task_bytes(&self, otherwise: usize) -> usize {
        let waits = self.access.is_some() || self.services.interception.is_some();
        if waits { TASK_BYTES.max(otherwise) } else { otherwise }
    }

    /// Returns the client's user; none if anonymous.
    pub(crate) fn user(&self) -> Option<Arc<User>> {
        self.user.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn exclusions(&self) -> MutexGuard<'_, Exclusions> {
        self.exclusions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn quota(&self) -> MutexGuard<'_, Quota> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the token that keeps the client's nickname; none if this connection does not know it.
    pub(crate) fn token(&self) -> Option<Token> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the reader to mark this connection's messages with: its own, if it does not want them back.
    pub(crate) fn origin(&self) -> Option<ReaderId> {
        (!self.echo).then_some(self.reader)
    }

    /// Follows a room from `after` on, saves that in the session, and calls `answer` before any message of the room
    /// can be handed over.
    pub(crate) fn join(&self, room: RoomId, after: Offset, answer: impl FnOnce()) {
        self.presence.join(&room);
        self.exclusions().remove(&room);
        self.position.join(room, after, |following| {
            self.save(following);
            answer();
        });
    }

    /// Stops following a room, and saves that in the session.
    pub(crate) fn leave(&self, room: &RoomId) {
        self.position.leave(room);
        self.presence.leave(room);
        self.position.with(|following| self.save(following));
    }

    /// Stops following a room from which the client is excluded, and saves that in the session.
    pub(crate) fn leave_excluded(&self, room: &RoomId, told: RoomNotJoined) {
        self.exclusions().add(Timestamp::now(), told);
        self.leave(room);
    }

    /// Sets the client's user, whose nickname the token keeps and whose private messages it gets from now on, and
    /// saves that in the session.
    pub(crate) fn identify(&self, user: Arc<User>, token: Option<Token>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        self.services.share(&self.link, &user);
        if let Some(access) = &self.access {
            access.identify(&user);
        }
        self.position.identify(user.id, self.services.log.tail());
        self.presence.rename(Some((user.id, user.nickname.clone())));
        let quota = self.services.quotas.of(Some(&user.owner), self.source);
        *self.quota() = quota;
        self.authorship.identify(&user.owner);
        *self.user.lock().unwrap_or_else(PoisonError::into_inner) = Some(user);
        self.position.with(|following| self.save(following));
    }

    /// Takes what a new token says of the connection's user, who stays the same but may have another nickname.
    pub(crate) fn renew(&self, user: Arc<User>) {
        let before = self.user();
        if before.is_none_or(|before| (before.id, &before.nickname) != (user.id, &user.nickname)) {
            return self.identify(user, None);
        }
        if let Some(access) = &self.access {
            access.identify(&user);
        }
        *self.user.lock().unwrap_or_else(PoisonError::into_inner) = Some(user);
    }

    /// Saves the session as it is now. What is followed must not change meanwhile, so that the last save counts.
    fn save(&self, following: &Following) {
        let user = self.user();
        self.session.save(&ChatSession {
            log: Some(self.services.log.epoch().clone()),
            following: following.clone(),
            user: user.as_deref().map(SessionUser::of),
            was_anonymous: self.authorship.was_anonymous(),
            exclusions: self.exclusions().clone(),
        });
        self.waiting.wake.notify_one();
    }
}

impl Drop for Connection {
    /// There is no disconnect for a client that left before it could be accepted.
    fn drop(&mut self) {
        if self.link.namespaces.has_given_up() {
            self.session.end();
            self.presence.end(true);
        }
    }
}

/// Returns the unit that limits count for a client without a nickname.
pub(crate) fn source_of(socket: &Socket) -> Source {
    match ClientAddress::of(&socket.req_parts().extensions) {
        Some(address) => Source::Address(address.group()),
        None => {
            let hasher = BuildHasherDefault::<DefaultHasher>::default();
            Source::Connection(hasher.hash_one(socket.id))
        }
    }
}

/// The task that keeps the nickname of a connection.
#[derive(Debug, Default)]
pub(crate) struct NicknameKeeper {
    pub(crate) runs: AtomicBool,
    pub(crate) renamed: Arc<Notify>,
}

/// Returns the arguments of an event as JSON. Clients cannot send them in any other form.
pub(crate) fn json(event: &Value) -> &str {
    event.as_str().map_or("", |json| json.as_str())
}

/// A request of a client that is to be answered.
pub(crate) struct Request {
    connection: Arc<Connection>,
    /// None if the client wants no answer.
    ack_id: Option<i64>,
    /// Counts the request until its answer is handed over.
    in_flight: InFlight,
    /// What its message has taken of the client's quota.
    spent: Option<Spent>,
}

impl Request {
    /// Checks whether a message may be stored, or be a retry. It then counts as stored unless storing fails.
    pub(crate) fn spend(&mut self, message: &mut NewMessage) -> Result<(), Refusal> {
        self.spent = Some(self.connection.quota().spend(message)?);
        Ok(())
    }

    /// Refuses a message, unless it is a retry of what is stored: that is acked, whatever has changed since.
    pub(crate) fn refuse_unless_stored(mut self, mut message: NewMessage, refusal: Refusal) {
        if message.client_offset.is_none() {
            return self.refuse(refusal);
        }
        message.is_only_retry = true;
        self.spent = Some(Spent::Refused(refusal));
        let connection = Arc::clone(&self.connection);
        connection.sign(&mut message);
        let log = &connection.services.log;
        log.submit(connection.reader, message, None, move |outcome| self.finish(outcome));
    }

    /// Answers with the outcome of a message, if the client wants an answer and there is one: if the store has
    /// failed, silence makes the client retry.
    pub(crate) fn finish(mut self, outcome: Outcome) {
        if let Some(refusal) = self.spent.take().and_then(|spent| spent.settle(&outcome)) {
            return self.refuse(refusal);
        }
        match outcome {
            Outcome::Answered(Appended::New(offset)) => self.ack(Ack::new(offset, false)),
            Outcome::Answered(Appended::Duplicate(offset)) => {
                self.ack(Ack::new(offset, true));
            }
            Outcome::Answered(Appended::Conflict(_)) => self.refuse(Refusal::new(
                RefusalCode::ClientOffsetConflict,
                "this client offset was used for another message; choose a new one",
            )),
            Outcome::Answered(Appended::Missing) => self.refuse(unknown_message()),
            Outcome::Unavailable => {}
        }
    }

    /// Answers with a refusal.
    pub(crate) fn refuse(self, refusal: Refusal) {
        self.connection.services.metrics().refused.add(refusal.code);
        tracing::debug!(refusal.code = ?refusal.code, "a request was refused: {}", refusal.message);
        self.answer(Answer::Refusal(refusal));
    }

    fn ack(self, ack: Ack) {
        self.answer(Answer::Ack(ack));
    }

    /// Holds a turn of the request queue until the answer has been sent.
    pub(crate) fn keep(&mut self, turn: OwnedMutexGuard<()>) {
        self.in_flight.keep(turn);
    }

    /// Sends the answer.
    pub(crate) fn answer(self, answer: Answer) {
        if let Some(ack_id) = self.ack_id {
            self.connection.waiting.outbox.push(ack_id, answer, self.in_flight);
        }
    }
}

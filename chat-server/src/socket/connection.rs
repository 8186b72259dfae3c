use std::sync::Arc;

use chat_core::{Ack, Offset, Refusal, RefusalCode};
use chat_store::Appended;
use socketioxide::socket::Socket;
use socketioxide_core::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::session::ChatSession;
use crate::delivery::{Answer, JoinedAfter, Outbox, Rooms};
use crate::log::{Log, Outcome};
use crate::recovery::Session;
use crate::transport::{InFlight, Link};

/// Sets our handlers apart from the closures that socketioxide also takes: they run in the order of
/// arrival.
pub(crate) struct InOrder;

/// What the event handlers of one connection share. They never hold the socket, which holds them.
pub(crate) struct Connection {
    pub(crate) log: Arc<Log>,
    pub(crate) link: Arc<Link>,
    pub(crate) outbox: Outbox,
    /// Notified when there is something to hand over.
    pub(crate) wake: Arc<Notify>,
    /// Cancelled when the client is gone.
    pub(crate) gone: CancellationToken,
    pub(crate) session: Session,
    pub(crate) rooms: Arc<Rooms>,
    /// Where the session began.
    start: Offset,
    /// Where this connection began.
    pub(crate) cursor: Offset,
}

impl Connection {
    /// The state of a new connection. Its link is missing only when the socket was not opened through
    /// [`TransportService`](crate::transport::TransportService).
    pub(crate) fn new(
        log: Arc<Log>,
        socket: &Socket,
        session: Session,
        state: ChatSession,
        cursor: Offset,
    ) -> Self {
        let link = socket.req_parts().extensions.get::<Arc<Link>>().cloned().unwrap_or_default();
        let wake = Arc::new(Notify::new());
        let outbox = Outbox::new(Arc::clone(&wake));
        let gone = CancellationToken::new();
        let ChatSession { start, rooms } = state;
        let rooms = Arc::new(Rooms::new(rooms));
        Self { log, link, outbox, wake, gone, session, rooms, start, cursor }
    }

    /// A request of the client, to be answered; none when the client has disconnected before it.
    ///
    /// It then breaks the protocol, and its connection is closed, as the Node.js server does. socketioxide
    /// does so too, but calls handlers until it has forgotten the socket.
    pub(crate) fn request(self: &Arc<Self>, ack_id: Option<i64>, bytes: usize) -> Option<Request> {
        if self.gone.is_cancelled() {
            self.link.close();
            return None;
        }
        let in_flight = self.link.request(bytes);
        Some(Request { connection: Arc::clone(self), ack_id, _in_flight: in_flight })
    }

    /// Changes the rooms of the connection, and has its session saved so.
    pub(crate) fn change_rooms(&self, change: impl FnOnce(&mut JoinedAfter)) {
        let rooms = JoinedAfter::clone(&self.rooms.change(change));
        self.session.save(ChatSession { start: self.start, rooms }.to_text());
        self.wake.notify_one();
    }
}

/// The arguments of an event as JSON. Clients cannot send them in any other form.
pub(crate) fn json(event: &Value) -> &str {
    event.as_str().map_or("", |json| json.as_str())
}

/// A request of a client that is to be answered.
pub(crate) struct Request {
    connection: Arc<Connection>,
    /// None when the client does not want to know.
    ack_id: Option<i64>,
    /// Counts the request until it is answered.
    _in_flight: InFlight,
}

impl Request {
    /// Tells the client what became of its message, if it asked and there is something to tell: when
    /// the store has failed, silence makes the client try again.
    pub(crate) fn finish(self, outcome: Outcome) {
        match outcome {
            Outcome::Answered(Appended::New(offset)) => self.ack(Ack { offset, duplicate: false }),
            Outcome::Answered(Appended::Duplicate(offset)) => {
                self.ack(Ack { offset, duplicate: true });
            }
            Outcome::Answered(Appended::Conflict(_)) => self.refuse(Refusal::new(
                RefusalCode::ClientOffsetConflict,
                "this client offset was used for another message; choose a new one",
            )),
            Outcome::Unavailable => {}
        }
    }

    /// Tells the client that its request will not be carried out.
    pub(crate) fn refuse(self, refusal: Refusal) {
        tracing::debug!(refusal.code = ?refusal.code, "a request was refused: {}", refusal.message);
        self.answer(Answer::Refusal(refusal));
    }

    fn ack(self, ack: Ack) {
        self.answer(Answer::Ack(ack));
    }

    /// Tells the client what it asked for.
    pub(crate) fn answer(self, answer: Answer) {
        if let Some(ack_id) = self.ack_id {
            self.connection.outbox.push(ack_id, answer);
        }
    }
}

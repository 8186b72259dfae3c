use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use chat_core::Timestamp;
use http::HeaderMap;

use super::admission::{Admission, Handshake};
use super::attachments::Attachments;
use super::budget::{Budget, Reservation};
use super::client_frames::{FIN_TEXT, put_frame};
use super::end::End;
use super::fair_queue::FairQueue;
use super::farewell::Farewell;
use super::incoming_window::IncomingWindow;
use super::msgpack::{Encoding, ServerPackets};
use super::namespaces::Namespaces;
use super::outgoing_window::OutgoingWindow;
use super::public_id::public_id;
use super::stage::Stage;
use crate::engine::rate::Rate;

/// The packet with which a polled client ends its connection.
const CLOSE: &[u8] = b"1";

/// One Engine.IO connection, seen from outside of socketioxide. It outlives a change of the transport.
#[derive(Debug)]
pub(crate) struct Link {
    /// When it was opened: the clock time, and its number within this process.
    pub(crate) opened: (Timestamp, u64),
    /// What is on its way to the client.
    pub(crate) outgoing: OutgoingWindow,
    /// What the client has in flight.
    pub(crate) incoming: IncomingWindow,
    /// The namespaces that the client is connected to.
    pub(crate) namespaces: Namespaces,
    /// The encoding of the client's packets.
    pub(super) encoding: Encoding,
    /// What the client still has to send of its packets.
    attachments: Attachments,
    /// Engine.IO's pending packets for a client with MessagePack.
    server_packets: Mutex<ServerPackets>,
    /// Its transport.
    pub(super) stage: Stage,
    /// Whether it began as a websocket, so that it is never polled.
    pub(super) is_only_websocket: bool,
    /// The number of polls.
    pub(super) polls: AtomicU64,
    /// Gives Engine.IO packets while it is polled. A websocket has its stream.
    post: OnceLock<Post>,
    end: End,
    /// Its slot among the connected ones.
    admission: Option<Admission>,
    /// Room for the headers of its request, if they are long.
    kept: OnceLock<Reservation>,
}

struct Post(Box<dyn Fn(Vec<u8>) + Send + Sync>);

impl Default for Link {
    fn default() -> Self {
        static OPENED: AtomicU64 = AtomicU64::new(0);
        let (id, end) = (public_id(), End::default());
        if id.is_none() {
            // A client cannot be served without random numbers.
            end.come();
        }
        Self {
            opened: (Timestamp::now(), OPENED.fetch_add(1, Ordering::Relaxed)),
            outgoing: OutgoingWindow::new(None, None),
            incoming: IncomingWindow::default(),
            namespaces: Namespaces::new(id.unwrap_or_default()),
            encoding: Encoding::default(),
            attachments: Attachments::at_most(u64::MAX),
            server_packets: Mutex::default(),
            stage: Stage::default(),
            is_only_websocket: false,
            polls: AtomicU64::default(),
            post: OnceLock::new(),
            end,
            admission: None,
            kept: OnceLock::new(),
        }
    }
}

impl Link {
    /// Creates the link of a connection that begins as a websocket, so that it is never polled.
    pub(crate) fn websocket() -> Self {
        Self { is_only_websocket: true, stage: Stage::websocket(), ..Self::default() }
    }

    /// Creates the link of a client that is connected from this address to the main namespace.
    #[cfg(test)]
    pub(super) fn connected(address: [u8; 4]) -> Self {
        let admissions = Arc::new(super::admission::Admissions::new(&Default::default()));
        let address = crate::socketio::client_address::ClientAddress(address.into());
        let admission = admissions.admit(Some(address));
        let link = Self::default().admitted(admission.expect("there is a slot"), None);
        link.namespaces.joined(b"/");
        link
    }

    /// Sets the rate at which the client may send.
    pub(crate) fn with_rate(self, rate: Option<Rate>) -> Self {
        Self { incoming: IncomingWindow::new(rate), ..self }
    }

    /// Sets the maximum number of attachments of a packet.
    pub(super) fn with_max_attachments(self, max: usize) -> Self {
        Self { attachments: Attachments::at_most(max as u64), ..self }
    }

    /// Sets the connection's slot among the connected ones, and the budget that the client shares with others for
    /// data that it does not read.
    pub(super) fn admitted(self, admission: Admission, unsent: Option<Arc<Budget>>) -> Self {
        let outgoing = OutgoingWindow::new(unsent, admission.address());
        if self.is_only_websocket {
            admission.moved_to_websocket();
        }
        Self { outgoing, admission: Some(admission), ..self }
    }

    /// Takes the headers of the first poll, which tell what client it is.
    pub(super) fn polled_by(self, headers: &HeaderMap) -> Self {
        Self { outgoing: self.outgoing.polled_by(headers), ..self }
    }

    /// Notes that the client has moved to the websocket that it tried, or has not and continues as before.
    pub(super) fn end_probe(&self, upgraded: bool) {
        self.stage.end_probe(upgraded);
        if let Some(admission) = self.admission.as_ref().filter(|_| upgraded) {
            admission.moved_to_websocket();
        }
    }

    /// Keeps room for as long as the connection takes memory.
    pub(super) fn keep(&self, room: Reservation) {
        self.kept.set(room).ok();
    }

    /// Returns the address that limits count the client for.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.admission.as_ref().and_then(Admission::address)
    }

    /// Returns whether the client polls; otherwise it has a websocket.
    pub(crate) fn is_polled(&self) -> bool {
        self.stage.is_polled()
    }

    /// Returns the queue in which its packets wait for their turn among those of its address.
    pub(super) fn queue(&self) -> Option<&Arc<FairQueue>> {
        self.admission.as_ref().and_then(Admission::queue)
    }

    /// Notes that a packet with this many attachments has come. Those of MessagePack are within the packet. If they are
    /// too many, or some of the one before are missing, socketioxide ends the connection.
    pub(super) fn expect_attachments(&self, count: u64) {
        let count = if self.encoding.is_msgpack() { 0 } else { count };
        self.attachments.expect(count).unwrap_or_else(|farewell| self.note(farewell));
    }

    /// Notes that an attachment has come. If no packet has announced it, socketioxide ends the connection.
    pub(super) fn take_attachment(&self) {
        self.attachments.take().unwrap_or_else(|farewell| self.note(farewell));
    }

    /// Returns whether the client has sent all the attachments that it has announced.
    pub(super) fn has_all_attachments(&self) -> bool {
        self.attachments.are_complete()
    }

    pub(super) fn server_packets(&self) -> MutexGuard<'_, ServerPackets> {
        self.server_packets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an Engine.IO packet of the server as the client gets it: [completed](Namespaces::complete) if it answers
    /// a CONNECT, else as it is.
    pub(super) fn complete<'a>(&self, packet: &'a [u8]) -> Cow<'a, [u8]> {
        let completed = str::from_utf8(packet).ok().and_then(|text| self.namespaces.complete(text));
        let Some(completed) = completed else { return packet.into() };
        if let Some(admission) = self.admission.as_ref().filter(|_| packet.starts_with(b"40")) {
            admission.connected();
        }
        completed.into_bytes().into()
    }

    /// Returns whether all that the client has asked is answered, and has left.
    pub(crate) fn is_idle(&self) -> bool {
        self.incoming.is_idle() && self.outgoing.is_drained()
    }

    /// Returns whether a packet may be sent. Only one task asks.
    pub(crate) fn has_room(&self) -> bool {
        self.outgoing.has_room(self.stage.is_polled())
    }

    /// Returns when there may be room again. Ends the connection if others need the room that it holds and does not
    /// use.
    pub(crate) async fn room(&self, drained: impl Future<Output = ()>) {
        if self.outgoing.room(drained).await.is_err() {
            self.close(Farewell::TooSlow);
        }
    }

    /// Becomes ready when more may be read from the client, or the link is closed. One task asks.
    pub(super) fn poll_may_read(&self, context: &Context<'_>) -> Poll<()> {
        let may_read = self.incoming.poll(context);
        if self.is_closed() { Poll::Ready(()) } else { may_read }
    }

    /// Gives Engine.IO a packet as if the client had sent it.
    pub(super) fn insert(&self, packet: Vec<u8>) {
        if !self.stage.is_polled() {
            self.incoming.insert(|frames| put_frame(FIN_TEXT, &packet, frames));
        } else if let Some(Post(post)) = self.post.get() {
            post(packet);
        }
    }

    /// Calls `post` with packets for Engine.IO while the connection is polled; at once to end it if the link is closed
    /// already.
    pub(super) fn on_packet(&self, post: impl Fn(Vec<u8>) + Send + Sync + 'static) {
        self.post.set(Post(Box::new(post))).ok();
        if self.is_closed() {
            self.insert(CLOSE.to_vec());
        }
    }

    /// Ends the connection, whether or not the client reads. It can reconnect at once.
    pub(crate) fn close(&self, farewell: Farewell) {
        self.note(farewell);
        self.end.come();
        self.incoming.wake();
        self.outgoing.wake();
        if self.stage.is_polled() {
            self.insert(CLOSE.to_vec());
        }
    }

    /// Sets the reason that a websocket is told when it ends by itself.
    pub(crate) fn note(&self, farewell: Farewell) {
        if self.end.note(farewell)
            && let Some(admission) = &self.admission
        {
            admission.counters().ended(farewell);
        }
    }

    /// Returns the payload of the frame that ends the websocket: the reason, if known, where Engine.IO gives none.
    pub(super) fn last_words(&self, said: &[u8]) -> Vec<u8> {
        if self.admission.as_ref().is_some_and(|admission| !admission.is_connected()) {
            // Unless another reason is known.
            self.note(Farewell::NotConnected);
        }
        self.end.last_words(said)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.end.has_come()
    }

    /// Waits until the link is closed.
    pub(super) async fn closed(&self) {
        self.end.wait().await;
    }
}

impl Handshake for Link {
    fn is_over(&self) -> bool {
        self.admission.as_ref().is_none_or(Admission::is_connected) || self.is_closed()
    }

    fn displace(&self) {
        if let Some(admission) = &self.admission {
            admission.displaced();
        }
        self.close(Farewell::Unused);
    }
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Post")
    }
}

use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use chat_core::Timestamp;
use futures_util::task::AtomicWaker;
use serde::Serialize;
use tokio::sync::{Notify, OwnedMutexGuard};
use tokio::time::{Instant, timeout};

use super::admission::{Admission, Handshake};
use super::budget::{Budget, Room};
use super::fair_queue::FairQueue;
use super::farewell::Farewell;
use super::msgpack::{Encoding, ServerPackets};
use super::namespaces::Namespaces;
use super::public_id::public_id;
use super::unsent::{AnswerRoom, Unsent};
use crate::engine::delivery::Permit;
use crate::engine::rate::{Bucket, Rate};

/// Maximum number of unsent packets. Far less than a socket's buffer holds: the rest is for heartbeats and an
/// application's own events.
const MAX_UNSENT_PACKETS: usize = 64;

/// The same for a client that polls. It gets all of them in one payload, of which python-engineio accepts no more
/// than 16 packets: one of those is for a heartbeat, and one for an application's own event.
const MAX_POLLED_PACKETS: usize = 14;

/// Maximum number of unsent bytes: the cost of a reader that stalls.
const MAX_UNSENT_BYTES: usize = 256 * 1024;

/// The number of bytes of unanswered requests at which reading from the client stops.
const MAX_IN_FLIGHT_BYTES: usize = 256 * 1024;

/// The bytes that a request counts in addition to its length: about the memory it needs until it is answered.
const REQUEST_OVERHEAD: usize = 256;

/// How long a poll waits for packets while the client is moving to a websocket: the client waits for the end of the
/// poll.
const SHORT_POLL: Duration = Duration::from_millis(100);

/// The connection is polled.
const POLLING: u8 = 0;
/// It is polled, and there is a websocket that it may move to.
const PROBING: u8 = 1;
/// As before, and the client knows that the websocket works.
const PROBED: u8 = 2;
/// It is a websocket, and no longer polled.
const WEBSOCKET: u8 = 3;

/// One Engine.IO connection, seen from outside of socketioxide. It outlives a change of the transport.
#[derive(Debug)]
pub(crate) struct Link {
    /// When it was opened: the clock time, and its number within this process.
    pub(crate) opened: (Timestamp, u64),
    /// Its public id: `socket.id` on the client, unless another one is [replied](Self::reply_to_connect).
    id: String,
    /// Its transport: [`POLLING`] and so on.
    stage: AtomicU8,
    /// Its slot among the connected ones.
    admission: OnceLock<Admission>,
    /// Room for the headers of its request, if they are long.
    kept: OnceLock<Room>,
    /// Ends its Engine.IO session while it is polled. A websocket ends with its stream.
    end: OnceLock<End>,
    /// The number of polls.
    pub(super) polls: AtomicU64,
    /// How many of them are not answered yet.
    waiting_polls: AtomicUsize,
    unsent_packets: AtomicUsize,
    unsent: Unsent,
    /// Only one task waits for this: the delivery task.
    drained: Notify,
    in_flight: AtomicUsize,
    /// Whether a pong of the client is to be inserted.
    owes_pong: AtomicBool,
    closed: AtomicBool,
    /// Why it ends, as far as that is known.
    farewell: OnceLock<Farewell>,
    /// Notified when it was closed, has changed its stage, or has no more polls waiting.
    changed: Notify,
    /// Waits to read from the client.
    reader: AtomicWaker,
    /// Waits to write to the client.
    writer: AtomicWaker,
    /// The replies to a CONNECT, by namespace.
    replies: Mutex<Vec<(Box<str>, ConnectReply)>>,
    /// Public ids that differ from [`id`](Self::id), by namespace.
    ids: Mutex<Vec<(Box<str>, String)>>,
    /// The namespaces that the client is connected to.
    namespaces: Arc<Namespaces>,
    /// The encoding of the client's packets.
    encoding: Arc<Encoding>,
    /// Engine.IO's pending packets for a client with MessagePack.
    server_packets: Mutex<ServerPackets>,
    /// Whether the connection began as a websocket.
    only_websocket: bool,
    /// What the client may send now; none without a limit.
    bucket: Option<Bucket>,
    /// What its user may send over all connections.
    user: Mutex<Option<Arc<Bucket>>>,
}

/// Additions to socketioxide's reply to a CONNECT.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ConnectReply {
    /// The public id of the socket: `socket.id` on the client.
    pub(crate) sid: String,
    /// The secret with which the client can recover its session.
    pub(crate) pid: String,
}

/// Ends the Engine.IO session of a connection.
struct End(Box<dyn Fn() + Send + Sync>);

impl Default for Link {
    fn default() -> Self {
        static OPENED: AtomicU64 = AtomicU64::new(0);
        let id = public_id();
        Self {
            opened: (Timestamp::now(), OPENED.fetch_add(1, Ordering::Relaxed)),
            // A client cannot be served without random numbers.
            closed: AtomicBool::new(id.is_none()),
            farewell: OnceLock::new(),
            id: id.unwrap_or_default(),
            stage: AtomicU8::new(POLLING),
            admission: OnceLock::new(),
            kept: OnceLock::new(),
            end: OnceLock::new(),
            polls: AtomicU64::default(),
            waiting_polls: AtomicUsize::default(),
            unsent_packets: AtomicUsize::default(),
            unsent: Unsent::new(None),
            drained: Notify::new(),
            in_flight: AtomicUsize::default(),
            owes_pong: AtomicBool::default(),
            changed: Notify::new(),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            replies: Mutex::default(),
            ids: Mutex::default(),
            namespaces: Arc::default(),
            encoding: Arc::default(),
            server_packets: Mutex::default(),
            only_websocket: false,
            bucket: None,
            user: Mutex::default(),
        }
    }
}

impl Link {
    /// Creates the link of a connection that begins as a websocket, so that it is never polled.
    pub(crate) fn websocket() -> Self {
        Self { only_websocket: true, stage: AtomicU8::new(WEBSOCKET), ..Self::default() }
    }

    /// Sets the rate at which the client may send.
    pub(crate) fn with_rate(self, rate: Option<Rate>) -> Self {
        Self { bucket: rate.map(Bucket::new), ..self }
    }

    /// Sets the budget that the client shares with others for data that it does not read.
    pub(super) fn with_budget(self, budget: Arc<Budget>) -> Self {
        Self { unsent: Unsent::new(Some(budget)), ..self }
    }

    /// Counts what the user's other connections send too.
    pub(crate) fn share(&self, bucket: Arc<Bucket>) {
        *self.user.lock().unwrap_or_else(PoisonError::into_inner) = Some(bucket);
    }

    /// Returns whether the client has a rate limit.
    pub(super) fn is_rated(&self) -> bool {
        self.bucket.is_some()
    }

    /// Counts packets of the client, and returns until when reading from it must pause, if at all.
    pub(super) fn received(&self, packets: u64) -> Option<Instant> {
        let own = self.bucket.as_ref()?;
        let user = self.user.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = user.as_ref().map_or(Duration::ZERO, |bucket| bucket.overdraw(packets));
        let wait = own.overdraw(packets).max(shared);
        (!wait.is_zero()).then(|| Instant::now() + wait)
    }

    /// Returns the encoding of the client's packets.
    pub(super) fn encoding(&self) -> &Arc<Encoding> {
        &self.encoding
    }

    /// Returns whether the client has left the chat before it was told that it is connected.
    pub(crate) fn has_given_up(&self) -> bool {
        self.namespaces.has_given_up()
    }

    /// Returns the namespaces that the client is connected to.
    pub(super) fn namespaces(&self) -> &Arc<Namespaces> {
        &self.namespaces
    }

    pub(super) fn server_packets(&self) -> MutexGuard<'_, ServerPackets> {
        self.server_packets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the task waiting in [`drained`](Self::drained).
    pub(crate) fn interrupt(&self) {
        self.drained.notify_one();
    }

    /// Returns whether a packet may be sent. Only one task asks.
    pub(crate) fn has_room(&self) -> bool {
        let most = if self.is_polled() { MAX_POLLED_PACKETS } else { MAX_UNSENT_PACKETS };
        self.unsent_packets.load(Ordering::Relaxed) < most && self.unsent.bytes() < MAX_UNSENT_BYTES
    }

    /// Counts bytes that are about to wait for writing, if the shared budget has room for them. Only one task asks.
    /// If there is no room, it can [pause](Self::room).
    pub(crate) fn make_room(&self, bytes: usize) -> bool {
        self.unsent.add(|| self.address(), bytes)
    }

    /// Counts bytes that are about to wait for writing and have room already.
    pub(crate) fn count_unsent(&self, bytes: usize) {
        self.unsent.count(bytes);
    }

    /// Uncounts bytes that do not wait after all.
    pub(crate) fn take_back(&self, bytes: usize) {
        self.unsent.take_back(bytes);
    }

    /// Returns room in the shared budget for a waiting answer; none if it is full.
    pub(crate) fn room_for_answer(&self, bytes: usize) -> Option<AnswerRoom> {
        self.unsent.room_for(self.address(), bytes)
    }

    /// Returns when there may be room again. Ends the connection if others need the room that it holds and does not
    /// use.
    pub(crate) async fn room(&self, drained: impl Future<Output = ()>) {
        let refused = self.unsent.was_refused();
        tokio::select! {
            () = drained, if !refused => {}
            () = self.unsent.pause(), if refused => {}
            () = self.unsent.overdue(self.address()) => self.close(Farewell::TooSlow),
        }
    }

    /// Counts a packet. Call it *before* sending: if counted afterwards, the packet could have been sent already, and
    /// would never be uncounted.
    pub(crate) fn sending(&self) {
        self.unsent_packets.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until everything has been sent, or part of it if it was much.
    ///
    /// May return early, even at once: check again for what you need.
    pub(crate) async fn drained(&self) {
        self.drained.notified().await;
    }

    /// Returns whether everything has been sent.
    pub(crate) fn is_drained(&self) -> bool {
        self.unsent_packets.load(Ordering::Relaxed) == 0
    }

    /// Notes that this many packets have been sent. Other packets such as heartbeats count too, so the number of
    /// unsent packets can be too low by a few, until it next reaches zero.
    pub(crate) fn sent(&self, packets: usize) {
        let less = |unsent: usize| Some(unsent.saturating_sub(packets));
        let _ = self.unsent_packets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Notes that the frames of the direct writer are written. Returns whether there were any.
    pub(crate) fn clear_unsent(&self) -> bool {
        let had_bytes = self.unsent.bytes() > 0;
        self.unsent.clear();
        had_bytes
    }

    /// Notes that Engine.IO has nothing to write at the moment, and nobody has if it `is_clear`.
    pub(crate) fn note_drained(&self, is_clear: bool) {
        if is_clear {
            self.unsent.clear();
        }
        self.drained.notify_one();
    }

    /// Counts a request of this length until the returned guard is dropped.
    pub(crate) fn request(self: &Arc<Self>, bytes: usize) -> InFlight {
        let bytes = bytes + REQUEST_OVERHEAD;
        self.in_flight.fetch_add(bytes, Ordering::AcqRel);
        InFlight { link: Arc::clone(self), bytes, room: None, turn: None }
    }

    /// Becomes ready when more may be read from the client, or the link is closed. One task asks.
    pub(crate) fn poll_may_read(&self, context: &Context<'_>) -> Poll<()> {
        // Registered first: a request answered in between must wake.
        self.reader.register(context.waker());
        let may = self.is_closed() || self.in_flight.load(Ordering::Acquire) < MAX_IN_FLIGHT_BYTES;
        if may { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Wakes the task that reads from the client.
    pub(super) fn read_again(&self) {
        self.reader.wake();
    }

    /// Inserts a pong, as the answer to a ping that the client does not get.
    pub(super) fn answer_ping(&self) {
        self.owes_pong.store(true, Ordering::Release);
        self.reader.wake();
    }

    /// Returns whether a pong is to be inserted now. Returns true once.
    pub(super) fn takes_pong(&self) -> bool {
        self.owes_pong.load(Ordering::Acquire) && self.owes_pong.swap(false, Ordering::AcqRel)
    }

    /// Sets the reason that a websocket is told when it ends by itself.
    pub(crate) fn note(&self, farewell: Farewell) {
        self.farewell.set(farewell).ok();
    }

    /// Returns the payload of the frame that ends the websocket: the reason, if known, where Engine.IO gives none.
    pub(super) fn last_words(&self, said: &[u8]) -> Vec<u8> {
        match self.farewell.get() {
            Some(farewell) if said.is_empty() => farewell.payload(),
            _ => said.to_vec(),
        }
    }

    /// Ends the connection, whether or not the client reads. It can reconnect at once.
    pub(crate) fn close(&self, farewell: Farewell) {
        self.note(farewell);
        self.closed.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
        self.drained.notify_one();
        self.changed.notify_waiters();
        if let Some(End(end)) = self.end.get().filter(|_| self.is_polled()) {
            end();
        }
    }

    /// Calls `end` when the link is closed while it is polled; at once if it is closed already.
    pub(super) fn on_close(&self, end: impl Fn() + Send + Sync + 'static) {
        self.end.set(End(Box::new(end))).ok();
        if let Some(End(end)) = self.end.get().filter(|_| self.is_closed()) {
            end();
        }
    }

    /// Waits until the link is closed.
    pub(crate) async fn closed(&self) {
        self.until(Self::is_closed).await;
    }

    /// Waits until a condition on the link holds.
    async fn until(&self, has_come: impl Fn(&Self) -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            // Registered first: a change in between must wake.
            changed.as_mut().enable();
            if has_come(self) {
                return;
            }
            changed.await;
        }
    }

    /// Returns whether requests may poll it; otherwise it is a websocket.
    pub(super) fn is_polled(&self) -> bool {
        self.stage() != WEBSOCKET
    }

    /// Returns whether a websocket may now prove that it works: the connection is polled, and there is no other
    /// websocket.
    pub(super) fn begin_probe(&self) -> bool {
        let begun =
            self.stage.compare_exchange(POLLING, PROBING, Ordering::AcqRel, Ordering::Acquire);
        begun.is_ok()
    }

    /// Notes that the client is told that the websocket works. The client then ends its polls.
    pub(super) fn probed(&self) {
        self.enter(PROBED);
    }

    /// Notes that the client has moved to the websocket, or has not and continues as before.
    pub(super) fn end_probe(&self, upgraded: bool) {
        self.enter(if upgraded { WEBSOCKET } else { POLLING });
    }

    fn enter(&self, stage: u8) {
        self.stage.store(stage, Ordering::Release);
        self.changed.notify_waiters();
    }

    fn stage(&self) -> u8 {
        self.stage.load(Ordering::Acquire)
    }

    /// Waits until a poll has to end without packets, because the client waits for its end or does not need it.
    pub(super) async fn poll_is_over(&self) {
        if self.stage() == PROBED {
            let _ = timeout(SHORT_POLL, self.until(|link| link.stage() == WEBSOCKET)).await;
            return;
        }
        self.until(|link| matches!(link.stage(), PROBED | WEBSOCKET)).await;
    }

    pub(super) fn poll_begins(&self) {
        self.waiting_polls.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn poll_ends(&self) {
        if self.waiting_polls.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.changed.notify_waiters();
        }
    }

    /// Waits until no poll is waiting. Each one [ends](Self::poll_is_over) soon once the client has moved.
    pub(super) async fn polls_have_ended(&self) {
        self.until(|link| link.waiting_polls.load(Ordering::Acquire) == 0).await;
    }

    /// Sets the connection's slot among the connected ones.
    pub(super) fn admit(&self, admission: Admission) {
        self.admission.set(admission).ok();
    }

    /// Notes that the client has connected to a namespace.
    pub(super) fn note_connected(&self) {
        if let Some(admission) = self.admission.get() {
            admission.connected();
        }
    }

    /// Notes that it makes room for another connection before it has connected.
    fn note_displaced(&self) {
        if let Some(admission) = self.admission.get() {
            admission.displaced();
        }
    }

    /// Keeps room for as long as the connection takes memory.
    pub(super) fn keep(&self, room: Room) {
        self.kept.set(room).ok();
    }

    fn is_connected(&self) -> bool {
        self.admission.get().is_none_or(Admission::is_connected)
    }

    /// Returns the address that limits count the client for.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.admission.get().and_then(Admission::address)
    }

    /// Returns the queue in which its packets wait for their turn among those of its address.
    pub(super) fn queue(&self) -> Option<&Arc<FairQueue>> {
        self.admission.get().and_then(Admission::queue)
    }

    /// Returns the public id of the client in this namespace. If it has left the namespace and connects again, the id
    /// is new, because nothing of its previous connection continues.
    pub(crate) fn public_id(&self, namespace: &str) -> String {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if self.namespaces.begins_anew(namespace.as_bytes())
            && let Some(id) = public_id()
        {
            ids.retain(|(name, _)| **name != *namespace);
            ids.push((namespace.into(), id));
        }
        let found = ids.iter().find(|(name, _)| **name == *namespace);
        found.map_or(&self.id, |(_, id)| id).clone()
    }

    /// Sets the reply to the client's next CONNECT to this namespace.
    pub(crate) fn reply_to_connect(&self, namespace: &str, reply: ConnectReply) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.retain(|(name, _)| **name != *namespace);
        if reply.sid != self.id {
            ids.push((namespace.into(), reply.sid.clone()));
        }
        drop(ids);
        let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        replies.retain(|(other, _)| **other != *namespace);
        replies.push((namespace.into(), reply));
    }

    /// Returns the completed form of an Engine.IO packet that is a CONNECT reply: with the public id instead of the
    /// Engine.IO session id, and once with the additions of [`reply_to_connect`](Self::reply_to_connect). A
    /// DISCONNECT is complete, and ends the client's connection to its namespace.
    pub(crate) fn complete(&self, packet: &str) -> Option<String> {
        if let Some(namespace) = packet.strip_prefix("41") {
            let namespace = namespace.strip_suffix(',').unwrap_or(namespace);
            let namespace = if namespace.is_empty() { "/" } else { namespace };
            // As with Node.js, anything that the client sends before it reads this ends the connection too.
            self.namespaces.leaves(namespace.as_bytes());
            return None;
        }
        let rest = packet.strip_prefix("40")?;
        let json = rest.find('{')?;
        let namespace = match rest[..json].strip_suffix(',') {
            Some(namespace) => namespace,
            None if json == 0 => "/",
            None => return None,
        };
        // Replies that refuse a connection are packets of another type.
        let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        let index = replies.iter().position(|(name, _)| **name == *namespace);
        let reply = index.map(|index| replies.swap_remove(index).1);
        drop(replies);
        self.note_connected();
        let reply = match reply {
            Some(reply) => serde_json::to_string(&reply).ok(),
            // A different one, if the client has left before.
            None => Some(serde_json::json!({ "sid": self.public_id(namespace) }).to_string()),
        };
        self.namespaces.joined(namespace.as_bytes());
        let reply = reply?;
        Some(format!("40{}{reply}", &rest[..json]))
    }

    /// Returns whether the connection began as a websocket, so that it is never polled.
    pub(super) fn is_only_websocket(&self) -> bool {
        self.only_websocket
    }

    /// Notes that the client has read something, so that more can be written.
    pub(super) fn may_write(&self) {
        self.unsent.moved();
        self.writer.wake();
        self.drained.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Wakes Engine.IO's task when it may write again, and when the link is closed.
    pub(super) fn wake_writer(&self, context: &Context<'_>) {
        self.writer.register(context.waker());
    }
}

impl Handshake for Link {
    fn is_over(&self) -> bool {
        self.is_connected() || self.is_closed()
    }

    fn displace(&self) {
        self.note_displaced();
        self.close(Farewell::Unused);
    }
}

impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("End")
    }
}

/// Hides the secret.
impl std::fmt::Debug for ConnectReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectReply").field("sid", &self.sid).finish_non_exhaustive()
    }
}

/// A request that is not answered yet.
#[derive(Debug)]
pub(crate) struct InFlight {
    link: Arc<Link>,
    bytes: usize,
    /// For a long answer.
    room: Option<AnswerRoom>,
    /// Released with it.
    turn: Option<OwnedMutexGuard<()>>,
}

impl InFlight {
    /// Ends the turn with this guard, so that the next one does not begin before the answer has been sent.
    pub(crate) fn keep(&mut self, turn: OwnedMutexGuard<()>) {
        self.turn = Some(turn);
    }
}

impl Permit for InFlight {
    /// A long answer needs room in the shared budget.
    fn grow(&mut self, bytes: usize, is_long: bool) -> bool {
        if is_long {
            self.room = self.link.room_for_answer(bytes);
            if self.room.is_none() {
                return false;
            }
        }
        self.link.in_flight.fetch_add(bytes, Ordering::AcqRel);
        self.bytes += bytes;
        true
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let before = self.link.in_flight.fetch_sub(self.bytes, Ordering::AcqRel);
        if before >= MAX_IN_FLIGHT_BYTES && before - self.bytes < MAX_IN_FLIGHT_BYTES {
            self.link.reader.wake();
        }
    }
}

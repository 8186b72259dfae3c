//! A model of the stock client.

mod answers;
mod asking;
mod checking;
mod position;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_core::Message;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message as Packet;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use self::request::Request;
use crate::cluster::{Cluster, Link, SILENCE};
use crate::effect::Occasion;
use crate::oracle::{Acked, Expected};
use crate::rooms::{GENERAL, PRIVATE};
use crate::rules::Deed;
use crate::world::World;

/// How long a client waits until it is connected.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(6);

const READ_BUFFER: usize = 2048;

type Stream = WebSocketStream<DuplexStream>;

/// It recovers its session with the trailing string of the last event, and sends again
/// what was not acked.
pub(crate) struct Client {
    world: Arc<World>,
    cluster: Arc<Cluster>,
    number: usize,
    shared: Arc<Shared>,
    pid: Option<String>,
    recovery_offset: Option<String>,
    server_offset: u64,
    ack_timeout: Duration,
    next_ack: u64,
    next_key: u64,
    /// What was asked and is not answered.
    request: Option<(Request, u64)>,
    /// How often it was asked.
    tries: u32,
    /// The end of the log when it was asked last.
    tail_when_asked: u64,
    /// When it was asked first on each node.
    asked: Vec<Occasion>,
    act_at: Instant,
    /// On which connection it is, and since when what it gets was sent at the earliest.
    occasion: Occasion,
    /// The rooms that still get a last message, once there are no more faults.
    last_words: Option<BTreeSet<String>>,
    round: usize,
    /// The messages that it has sent to rooms and not deleted, as far as it knows.
    own: Vec<Own>,
    last_key: Option<(u64, String)>,
    /// The last message that it got.
    last: Option<Message>,
    /// Whether the server has to tell it that its log is another one, before any message.
    is_to_be_told: bool,
}

/// A message of the client's own.
#[derive(Debug, Clone)]
struct Own {
    room: String,
    offset: u64,
    /// Whether it can be edited.
    is_text: bool,
}

/// What others may look at.
#[derive(Default)]
pub(crate) struct Shared(Mutex<Seen>);

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) expected: Expected,
    pub(crate) acked: Vec<Acked>,
    /// The last round in which everything is sent and answered.
    pub(crate) done: Option<usize>,
    /// The id of the client's user, once the server has told it.
    user: Option<String>,
    /// The numbers of users in each room, as the server counted them last.
    pub(crate) users: BTreeMap<String, u64>,
}

/// The connection has ended.
struct Broken;

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Checks that the client is the same user as before.
    fn is_user(&mut self, world: &World, number: usize, told: &Value) {
        let told = told.as_str().unwrap_or_default();
        let known = self.user.get_or_insert_with(|| told.to_owned());
        if known != told {
            world.violated(format_args!("client {number} is user {told}, and was {known}"));
        }
    }
}

impl Client {
    pub(crate) fn new(world: &Arc<World>, cluster: &Arc<Cluster>, number: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let named = world.random(|rng| rng.chance(600));
        shared.lock().expected.nickname = named.then(|| name(number));
        let now = Instant::now();
        let ack_timeout = world.random(|rng| rng.millis(0, 2) * 1000 + rng.millis(30, 3000));
        Self {
            world: world.clone(),
            cluster: cluster.clone(),
            number,
            shared,
            pid: None,
            recovery_offset: None,
            server_offset: 0,
            ack_timeout,
            next_ack: 0,
            next_key: 0,
            request: None,
            tries: 0,
            tail_when_asked: 0,
            asked: Vec::new(),
            act_at: now,
            occasion: Occasion { node: 0, connect_began: now, connected: now, at: now },
            last_words: None,
            round: 0,
            own: Vec::new(),
            last_key: None,
            last: None,
            is_to_be_told: false,
        }
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    fn note(&self, what: impl std::fmt::Display) {
        self.world.note(format_args!("client {}: {what}", self.number));
    }

    pub(crate) async fn run(mut self) {
        loop {
            let node = self.world.random(|rng| rng.below(self.cluster.size()));
            if let Ok(Some((mut stream, link))) = timeout(CONNECT_TIMEOUT, self.connect(node)).await
            {
                let Err(Broken) = self.talk(&mut stream, &link).await;
                self.note("is not connected any more");
            }
            sleep(self.world.random(|rng| rng.millis(50, 2000))).await;
            let (anew, earlier) = self.world.random(|rng| (rng.chance(60), rng.chance(300)));
            if anew {
                self.load_anew(earlier);
            }
        }
    }

    /// Forgets all but its position, as a page does that is loaded anew, and perhaps asks for more again.
    fn load_anew(&mut self, earlier: bool) {
        self.note("is loaded anew");
        self.pid = None;
        if self.world.is_forked {
            // As a page that keeps its position whole.
            return;
        }
        self.recovery_offset = None;
        if earlier {
            self.server_offset = self.server_offset.saturating_sub(10);
        }
    }

    async fn connect(&mut self, node: usize) -> Option<(Stream, Arc<Link>)> {
        let url = "ws://127.0.0.1/socket.io/?EIO=4&transport=websocket";
        let began = Instant::now();
        self.occasion = Occasion { node, connect_began: began, connected: began, at: began };
        let (stream, link) = self.cluster.connect(node)?;
        // Not the usual 128 KiB, which are cleared before each read.
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let connected = client_async_with_config(url, stream, Some(config)).await;
        let (mut stream, _) = connected.ok()?;
        let open = text(&mut stream).await?;
        if !open.starts_with('0') {
            self.world.violated(format_args!("a connection begins with {open:?}"));
        }
        let rooms: Vec<String> = self.shared.lock().expected.rooms().cloned().collect();
        let rooms = if rooms.is_empty() { vec![GENERAL.to_owned()] } else { rooms };
        let mut auth = json!({ "serverOffset": self.server_offset, "rooms": rooms });
        if let Some(nickname) = &self.shared.lock().expected.nickname {
            auth["nickname"] = json!(nickname);
            let first = name(self.number);
            auth["token"] = json!(format!("a secret of {first}, long enough: 7d1f40b2"));
        }
        if let Some(pid) = &self.pid {
            auth["pid"] = json!(pid);
        }
        if let Some(offset) = &self.recovery_offset
            && (self.pid.is_some() || self.world.is_forked)
        {
            auth["offset"] = json!(offset);
        }
        stream.send(Packet::text(format!("40{auth}"))).await.ok()?;
        loop {
            let packet = text(&mut stream).await?;
            if packet == "2" {
                stream.send(Packet::text("3")).await.ok()?;
                continue;
            }
            if let Some(refused) = packet.strip_prefix("44")
                && self.world.is_moderated
                && self.may_be_refused(PRIVATE, Deed::Read)
            {
                self.note(format_args!("is refused: {refused}"));
                self.pid = None;
                return None;
            }
            let Some(session) = packet.strip_prefix("40") else {
                self.world.violated(format_args!("before a client is connected it gets {packet}"));
                return None;
            };
            let session: Value = serde_json::from_str(session).ok()?;
            let pid = session["pid"].as_str().map(str::to_owned);
            let recovered = pid.is_some() && pid == self.pid;
            let what = if recovered { "recovers" } else { "connects" };
            self.note(format_args!("{what} at node {node} with {auth}"));
            self.world.tally(|outcome| {
                outcome.connected.0 += 1;
                outcome.connected.1 += u64::from(recovered);
            });
            if self.world.disk().has_forked_since(began) {
                return None;
            }
            self.pid = pid;
            self.goes_on(recovered);
            self.occasion.connected = Instant::now();
            if !recovered {
                let after = if self.is_to_be_told { 0 } else { self.server_offset };
                let since = began;
                self.shared.lock().expected.begins(rooms.into_iter(), after, since);
            }
            return Some((stream, link));
        }
    }

    /// Sends and receives until the connection ends.
    async fn talk(&mut self, stream: &mut Stream, link: &Link) -> Result<Infallible, Broken> {
        if let Some((request, _)) = self.request.take() {
            self.send(stream, request).await?;
        }
        let mut silent_at = Instant::now() + SILENCE;
        let mut retry_at = Instant::now() + self.patience();
        loop {
            let act_at = if self.request.is_some() { retry_at } else { self.act_at };
            tokio::select! {
                biased;
                packet = caught_up(text(stream), link, &mut self.occasion) => {
                    silent_at = Instant::now() + SILENCE;
                    let packet = packet.ok_or(Broken)?;
                    if packet == "2" {
                        let pong = timeout(SILENCE, stream.send(Packet::text("3"))).await;
                        pong.ok().and_then(Result::ok).ok_or(Broken)?;
                    } else {
                        self.take(&packet)?;
                    }
                }
                () = sleep_until(silent_at) => return Err(Broken),
                () = sleep_until(act_at) => {
                    let request = match self.request.take() {
                        Some((request, _)) => request,
                        None => match self.next_request() {
                            Some(request) => {
                                (self.tries, self.asked) = (0, Vec::new());
                                request
                            }
                            None => continue,
                        },
                    };
                    self.send(stream, request).await?;
                    retry_at = Instant::now() + self.patience();
                }
            }
            if self.world.is_calm() {
                // Patience: each answer comes before the client asks again.
                self.ack_timeout = self.ack_timeout.max(Duration::from_secs(5));
            }
        }
    }
}

pub(crate) fn name(number: usize) -> String {
    format!("user{number}")
}

/// Waits for a packet. Whenever there is none yet, what comes later was not sent before everything else had left the node.
async fn caught_up<T>(packet: impl Future<Output = T>, link: &Link, occasion: &mut Occasion) -> T {
    let mut packet = std::pin::pin!(packet);
    poll_fn(|context| {
        let polled = packet.as_mut().poll(context);
        if polled.is_pending() {
            occasion.at = link.drained().max(occasion.at);
        }
        polled
    })
    .await
}

/// Returns the next packet of text; none if the connection has ended.
async fn text(stream: &mut Stream) -> Option<String> {
    loop {
        match stream.next().await {
            Some(Ok(Packet::Text(text))) => return Some(text.as_str().to_owned()),
            Some(Ok(Packet::Ping(_) | Packet::Pong(_))) => {}
            _ => return None,
        }
    }
}

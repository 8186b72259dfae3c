use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message as Packet;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::cluster::{Cluster, SILENCE};
use crate::oracle::{Acked, Expected, PRIVATE};
use crate::rules::Deed;
use crate::world::World;

const ROOMS: [&str; 3] = ["general", "a", "b"];

/// How long a client waits until it is connected.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(6);

const READ_BUFFER: usize = 2048;

type Stream = WebSocketStream<DuplexStream>;

/// A model of the stock client: it recovers its session with the trailing string of the last event, and sends again
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
    act_at: Instant,
    /// When it began to connect.
    connect_began: Instant,
    /// The rooms that still get a last message, once there are no more faults.
    last_words: Option<BTreeSet<String>>,
    round: usize,
    last_key: Option<(u64, String)>,
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

#[derive(Debug, Clone, PartialEq, Eq)]
enum Request {
    Message {
        room: String,
        content: String,
        key: String,
    },
    Private {
        to: String,
        content: String,
        key: String,
    },
    /// Another message under a used key.
    Conflict {
        room: String,
        key: String,
    },
    Join {
        room: String,
        after: Option<u64>,
    },
    Leave {
        room: String,
    },
    Users {
        room: String,
    },
    /// Another nickname, or the first one again.
    Rename {
        nickname: String,
    },
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
            act_at: Instant::now(),
            connect_began: Instant::now(),
            last_words: None,
            round: 0,
            last_key: None,
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
            if let Ok(Some(mut stream)) = timeout(CONNECT_TIMEOUT, self.connect(node)).await {
                let Err(Broken) = self.talk(&mut stream).await;
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
        (self.pid, self.recovery_offset) = (None, None);
        if earlier {
            self.server_offset = self.server_offset.saturating_sub(10);
        }
    }

    async fn connect(&mut self, node: usize) -> Option<Stream> {
        let url = "ws://127.0.0.1/socket.io/?EIO=4&transport=websocket";
        self.connect_began = Instant::now();
        let stream = self.cluster.connect(node)?;
        // Not the usual 128 KiB, which are cleared before each read.
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let connected = client_async_with_config(url, stream, Some(config)).await;
        let (mut stream, _) = connected.ok()?;
        let open = text(&mut stream).await?;
        if !open.starts_with('0') {
            self.world.violated(format_args!("a connection begins with {open:?}"));
        }
        let rooms: Vec<String> = self.shared.lock().expected.rooms().cloned().collect();
        let rooms = if rooms.is_empty() { vec!["general".to_owned()] } else { rooms };
        let mut auth = json!({ "serverOffset": self.server_offset, "rooms": rooms });
        if let Some(nickname) = &self.shared.lock().expected.nickname {
            auth["nickname"] = json!(nickname);
            let first = name(self.number);
            auth["token"] = json!(format!("a secret of {first}, long enough: 7d1f40b2"));
        }
        if let Some(pid) = &self.pid {
            auth["pid"] = json!(pid);
            if let Some(offset) = &self.recovery_offset {
                auth["offset"] = json!(offset);
            }
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
                && self.may_be_refused("general", Deed::Read)
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
            self.pid = pid;
            if !recovered {
                let (after, since) = (self.server_offset, self.connect_began);
                self.shared.lock().expected.begins(rooms.into_iter(), after, since);
            }
            return Some(stream);
        }
    }

    /// Sends and receives until the connection ends.
    async fn talk(&mut self, stream: &mut Stream) -> Result<Infallible, Broken> {
        if let Some((request, _)) = self.request.take() {
            self.send(stream, request).await?;
        }
        let mut silent_at = Instant::now() + SILENCE;
        let mut retry_at = Instant::now() + self.ack_timeout;
        loop {
            let act_at = if self.request.is_some() { retry_at } else { self.act_at };
            tokio::select! {
                biased;
                packet = text(stream) => {
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
                            Some(request) => request,
                            None => continue,
                        },
                    };
                    self.send(stream, request).await?;
                    retry_at = Instant::now() + self.ack_timeout;
                }
            }
            if self.world.is_calm() {
                // Patience: each answer comes before the client asks again.
                self.ack_timeout = self.ack_timeout.max(Duration::from_secs(5));
            }
        }
    }

    /// Decides what to do next.
    fn next_request(&mut self) -> Option<Request> {
        let calm = self.world.is_calm();
        let pause = self
            .world
            .random(|rng| if rng.chance(200) { rng.millis(0, 2000) } else { rng.millis(0, 50) });
        self.act_at = Instant::now() + pause;
        let rooms: Vec<String> = self.shared.lock().expected.rooms().cloned().collect();
        if calm {
            let left = self.last_words.get_or_insert_with(|| rooms.iter().cloned().collect());
            if let Some(room) = left.pop_first() {
                return Some(self.message(room));
            }
            if rooms.is_empty() {
                // It may be in none.
                self.round = self.world.round();
                self.shared.lock().done = Some(self.round);
                self.act_at = Instant::now() + Duration::from_millis(500);
                return None;
            }
            let room = self.world.random(|rng| rng.pick(&rooms).cloned())?;
            if self.round < self.world.round() {
                self.round += 1;
                return Some(self.message(room));
            }
            self.shared.lock().done = Some(self.round);
            self.act_at = Instant::now() + self.world.random(|rng| rng.millis(0, 1500));
            return Some(Request::Users { room });
        }
        let (kind, any) = self.world.random(|rng| (rng.below(100), rng.below(1000)));
        let other = ROOMS[any % ROOMS.len()].to_owned();
        let is_in = rooms.contains(&other);
        let tail = self.world.disk().tail().as_u64();
        let named = self.shared.lock().expected.nickname.is_some();
        Some(match kind {
            0..5 if !is_in => Request::Join { room: other, after: None },
            0..16 => Request::Join { room: other, after: Some(any as u64 % (tail + 1)) },
            16..21 if is_in && rooms.len() > 1 => Request::Leave { room: other },
            21..30 if named => {
                let (to, key) = (name((self.number + 1) % 3), self.key());
                Request::Private { to, content: self.content(), key }
            }
            30..33 if named && self.last_key.is_some() => {
                let (key, room) = self.last_key.clone()?;
                if !rooms.contains(&room) {
                    return None;
                }
                Request::Conflict { room, key: format!("key {key}") }
            }
            33..36 => Request::Users { room: rooms.first()?.clone() },
            36..40 if named => {
                let nickname = name(self.number);
                let is_first = self.shared.lock().expected.nickname.as_ref() == Some(&nickname);
                Request::Rename { nickname: if is_first { nickname + " too" } else { nickname } }
            }
            _ => {
                let room = self.world.random(|rng| rng.pick(&rooms).cloned())?;
                self.message(room)
            }
        })
    }

    fn message(&mut self, room: String) -> Request {
        let key = self.key();
        Request::Message { room, content: self.content(), key }
    }

    /// Keys are the same for all clients: each belongs to its author.
    fn key(&mut self) -> String {
        self.next_key += 1;
        format!("key {}", self.next_key)
    }

    fn content(&self) -> String {
        self.world.padded(format!("{} by {}", self.next_key, self.number))
    }

    async fn send(&mut self, stream: &mut Stream, request: Request) -> Result<(), Broken> {
        let event = match &request {
            Request::Message { room, content, key } => {
                json!(["chat message", content, key, { "room": room }])
            }
            Request::Conflict { room, key } => {
                json!(["chat message", "something else", key, { "room": room }])
            }
            Request::Private { to, content, key } => json!(["private message", to, content, key]),
            Request::Join { room, after: None } => json!(["join", room]),
            Request::Join { room, after: Some(after) } => json!(["join", room, { "after": after }]),
            Request::Leave { room } => json!(["leave", room]),
            Request::Users { room } => json!(["users", room]),
            Request::Rename { nickname } => json!(["nickname", nickname]),
        };
        if let Request::Join { room, after } = &request {
            self.shared.lock().expected.join_asked(room, *after);
        }
        self.next_ack += 1;
        self.note(format_args!("asks {} {event}", self.next_ack));
        self.request = Some((request, self.next_ack));
        let packet = Packet::text(format!("42{}{event}", self.next_ack));
        // As long as a client believes in a connection from which it hears nothing.
        match timeout(SILENCE, stream.send(packet)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Broken),
        }
    }

    /// Takes a packet of Socket.IO.
    fn take(&mut self, packet: &str) -> Result<(), Broken> {
        if packet == "41" || packet == "1" {
            self.note("is disconnected");
            return Err(Broken);
        }
        let digits = packet.get(2..).unwrap_or_default();
        let digits = digits.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (head, data) = packet.split_at_checked(2 + digits).unwrap_or_default();
        let Ok(data) = serde_json::from_str::<Value>(data) else {
            self.world.violated(format_args!("a client got {packet:?}"));
            return Err(Broken);
        };
        match head.get(..2) {
            Some("42") => self.event(&data),
            Some("43") => self.answer(head[2..].parse().unwrap_or_default(), &data[0]),
            _ => self.world.violated(format_args!("a client got {packet:?}")),
        }
        Ok(())
    }

    fn event(&mut self, event: &Value) {
        let parts: &[Value] = event.as_array().map_or(&[], Vec::as_slice);
        if event[0] == "nickname" {
            self.is_user(&event[1]["user"]);
        }
        if event[0] == "not joined" {
            let rooms = event[1]["rooms"].as_array().map_or(&[][..], Vec::as_slice);
            for room in rooms.iter().filter_map(|told| told["room"].as_str()) {
                self.note(format_args!("is told that it is not in {room}"));
                if !self.world.is_moderated || !self.may_be_refused(room, Deed::Read) {
                    self.world.violated(format_args!(
                        "client {}: it may be in {room}, and is sent out",
                        self.number
                    ));
                }
                self.shared.lock().expected.is_out(room);
            }
            return;
        }
        let feed = match event[0].as_str() {
            Some("chat message") => event[3]["room"].as_str().unwrap_or_default(),
            Some("private message") => PRIVATE,
            _ => return,
        };
        let (content, offset) = (event[1].as_str(), event[2].as_u64().unwrap_or_default());
        self.note(format_args!("gets {offset} of {feed}"));
        if let Some(Value::String(at)) = parts.last() {
            self.recovery_offset = Some(at.clone());
        }
        self.server_offset = offset;
        self.world.tally(|outcome| outcome.received += 1);
        let content = content.unwrap_or_default();
        let disk = self.world.disk();
        let checked = self.shared.lock().expected.received(&disk, feed, offset, content);
        drop(disk);
        if let Err(promise) = checked {
            self.world.violated(format_args!("client {}: {promise}", self.number));
        }
        if self.world.rules().is_denied(self.who(), feed, Deed::Read, self.connect_began) {
            self.world.violated(format_args!(
                "client {}: it got {offset} of {feed}, which it may not read",
                self.number
            ));
        }
    }

    /// The number of the client, and whether it has a name.
    fn who(&self) -> (usize, bool) {
        (self.number, self.shared.lock().expected.nickname.is_some())
    }

    fn may_be_refused(&self, room: &str, deed: Deed) -> bool {
        self.world.rules().may_refuse(self.who(), room, deed)
    }

    /// Checks that the client is the same user as before.
    fn is_user(&self, told: &Value) {
        self.shared.lock().is_user(&self.world, self.number, told);
    }

    /// Takes the refusal of a request that may be refused because of who may do what, or because that is not known now.
    fn is_refused(&self, request: &Request, answer: &Value) -> bool {
        let room = match request {
            Request::Message { room, .. }
            | Request::Conflict { room, .. }
            | Request::Join { room, .. }
            | Request::Leave { room }
            | Request::Users { room } => room,
            Request::Private { .. } | Request::Rename { .. } => "general",
        };
        let (deed, is_join) = match request {
            Request::Message { .. } | Request::Conflict { .. } => (Deed::Write, false),
            request => (Deed::Read, matches!(request, Request::Join { .. })),
        };
        let seen = &mut *self.shared.lock();
        let who = (self.number, seen.expected.nickname.is_some());
        let is_right = match answer["error"]["code"].as_str() {
            Some("unavailable") => true,
            Some("forbidden") => self.world.rules().may_refuse(who, room, deed),
            // It does not know yet, or was not told.
            Some("not_in_room") => seen
                .expected
                .since(room)
                .is_none_or(|since| self.world.rules().was_denied(who, room, Deed::Read, since)),
            _ => return false,
        };
        if !is_right {
            self.world.violated(format_args!("client {}: {request:?} gets {answer}", self.number));
        }
        let is_out = match answer["error"]["code"].as_str() {
            // Whoever was there before stays: a refused join changes nothing.
            Some("forbidden") => is_join && seen.expected.since(room).is_none(),
            code => code == Some("not_in_room"),
        };
        if is_out {
            seen.expected.refused(room);
        }
        true
    }

    fn answer(&mut self, id: u64, answer: &Value) {
        // The stock client ignores the answer to an earlier try.
        let Some((request, _)) = self.request.take_if(|(_, asked)| *asked == id) else { return };
        self.note(format_args!("gets the answer to {id}: {answer}"));
        self.world.tally(|outcome| outcome.answered += 1);
        let number = self.number;
        if self.world.is_moderated && self.is_refused(&request, answer) {
            return;
        }
        let who = self.who();
        let (error, offset) = (answer["error"]["code"].as_str(), answer["offset"].as_u64());
        let seen = &mut *self.shared.lock();
        match (request, error) {
            (Request::Message { room, content, key }, None) => {
                let offset = offset.unwrap_or_default();
                let is_there = self
                    .world
                    .disk()
                    .at(offset)
                    .is_some_and(|stored| stored.content.as_str() == content);
                if !is_there {
                    self.world
                        .violated(format_args!("{content:?} is acked at {offset}, not there"));
                }
                if let Some(at) = self.world.disk().stored_at(offset)
                    && self.world.rules().was_denied_before(who, &room, at)
                {
                    self.world.violated(format_args!(
                        "client {number}: {content:?} is stored in {room}, where it may not write"
                    ));
                }
                seen.acked.push(Acked { content, offset });
                let key = key.strip_prefix("key ").and_then(|key| key.parse().ok());
                self.last_key = key.map(|key| (key, room));
            }
            (Request::Private { content, .. }, None) => {
                seen.acked.push(Acked { content, offset: offset.unwrap_or_default() });
            }
            (Request::Private { .. }, Some("unknown_nickname" | "message_to_oneself")) => {}
            (Request::Conflict { .. }, Some("client_offset_conflict")) => {}
            (Request::Conflict { key, .. }, None) => {
                self.world.violated(format_args!("client {number}: {key:?} swallowed a message"));
            }
            (Request::Join { room, after }, None) => {
                let tail = answer["tail"].as_u64().unwrap_or_default();
                seen.expected.joined(&room, after, tail);
            }
            (Request::Leave { room }, None) => seen.expected.left(&room),
            (Request::Users { room }, None) => {
                let users = answer["users"].as_u64().unwrap_or_default();
                seen.users.insert(room, users);
            }
            (Request::Rename { nickname }, None) => {
                seen.expected.nickname = Some(nickname);
                seen.is_user(&self.world, number, &answer["user"]);
            }
            (request, Some(_)) => {
                self.world.violated(format_args!("client {number}: {request:?} gets {answer}"));
            }
        }
    }
}

pub(crate) fn name(number: usize) -> String {
    format!("user{number}")
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

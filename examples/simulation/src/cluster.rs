use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_server::{Chat, Limits, Retention};
use chat_store::MemoryStore;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::application::Moved;
use crate::broadcast::{Network, SimulatedBroadcast};
use crate::consumer;
use crate::store::SimulatedStore;
use crate::world::{Life, World};

/// How often a server pings, and how long a client may take to answer.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a client may hear nothing.
pub(crate) const SILENCE: Duration = PING_INTERVAL.saturating_add(PING_TIMEOUT);

/// How long the end of a connection that does not notice that it is cut is kept: longer than any heartbeat.
const HALF_OPEN: Duration = Duration::from_secs(60);

/// The nodes, and the connections of clients to them.
pub(crate) struct Cluster {
    world: Arc<World>,
    network: Arc<Network>,
    pub(crate) names: Arc<MemoryStore>,
    nodes: Mutex<Vec<Option<Node>>>,
    links: Mutex<Vec<Arc<Link>>>,
    limits: Limits,
}

#[derive(Clone)]
struct Node {
    life: Arc<Life>,
    chat: Chat,
}

/// A connection between a client and a node.
pub(crate) struct Link {
    life: Arc<Life>,
    cut: CancellationToken,
    state: Mutex<LinkState>,
}

struct LinkState {
    stalled_until: Instant,
    /// Whether the client and the node notice that the connection was cut.
    noticed: (bool, bool),
    /// When everything that the node had written before had left it.
    drained: Instant,
}

impl Cluster {
    pub(crate) fn new(world: &Arc<World>, nodes: usize) -> Self {
        let mut limits = Limits::default();
        limits.ping_interval = PING_INTERVAL;
        limits.ping_timeout = PING_TIMEOUT;
        limits.max_new_names_per_hour = 0;
        limits.max_wrong_tokens_per_minute = 0;
        let window = world.random(|rng| [6, 20, 120][rng.below(3)]);
        limits.recovery_window = Duration::from_secs(window);
        if let Some(bytes) = world.random(|rng| [None, Some(0), Some(2000)][rng.below(3)]) {
            limits.recent_bytes = bytes;
        }
        Self {
            world: world.clone(),
            network: Arc::default(),
            names: Arc::new(MemoryStore::new()),
            nodes: Mutex::new(vec![None; nodes]),
            links: Mutex::default(),
            limits,
        }
    }

    fn nodes(&self) -> MutexGuard<'_, Vec<Option<Node>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn size(&self) -> usize {
        self.nodes().len()
    }

    fn links(&self) -> MutexGuard<'_, Vec<Arc<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a node that is not running. A store that fails is tried again.
    pub(crate) async fn start(&self, node: usize) {
        loop {
            let life = Life::new(node);
            let store = Arc::new(SimulatedStore::new(&self.world, &life, &self.names));
            let broadcast = Arc::new(SimulatedBroadcast::new(&self.world, &life, &self.network));
            let builder = Chat::builder(store).broadcast(broadcast).limits(self.limits.clone());
            let builder = builder.client_event::<Moved>();
            let builder = if self.world.is_moderated { builder.room_rules() } else { builder };
            let builder = if self.world.is_retained { builder.retention(few()) } else { builder };
            match builder.start().await {
                Ok(chat) => {
                    self.world.note(format_args!("node {node} starts"));
                    if self.world.is_consumed {
                        consumer::start(&self.world, &life, &chat);
                    }
                    self.nodes()[node] = Some(Node { life, chat });
                    return;
                }
                Err(error) => {
                    self.world.note(format_args!("node {node} cannot start: {error}"));
                    life.end();
                    sleep(Duration::from_millis(300)).await;
                }
            }
        }
    }

    /// Returns whether the node was running.
    pub(crate) fn crash(&self, node: usize) -> bool {
        let Some(Node { life, .. }) = self.nodes()[node].take() else { return false };
        self.world.note(format_args!("node {node} crashes"));
        self.world.disk().crash();
        life.end();
        self.links().retain(|link| {
            let mine = Arc::ptr_eq(&link.life, &life);
            if mine {
                // The operating system ends the connections of a process, unless it crashes too.
                let noticed = self.world.random(|rng| rng.chance(700));
                link.cut(noticed, true);
            }
            !mine
        });
        true
    }

    /// Shuts a node down, and returns whether it was running.
    pub(crate) async fn stop(&self, node: usize) -> bool {
        let Some(Node { life, chat }) = self.nodes()[node].take() else { return false };
        self.world.note(format_args!("node {node} shuts down"));
        chat.shutdown().await;
        self.world.note(format_args!("node {node} has shut down"));
        life.end();
        self.links().retain(|link| {
            let mine = Arc::ptr_eq(&link.life, &life);
            if mine {
                link.cut(true, true);
            }
            !mine
        });
        true
    }

    pub(crate) fn is_running(&self, node: usize) -> bool {
        self.nodes()[node].is_some()
    }

    pub(crate) fn pause(&self, node: usize, duration: Duration) {
        if let Some(Node { life, .. }) = &self.nodes()[node] {
            self.world.note(format_args!("node {node} pauses for {duration:?}"));
            self.world.rules().effects.trouble(node, Instant::now(), duration);
            life.pause(duration);
        }
    }

    pub(crate) fn cut_off(&self, node: usize, cut_off: bool) {
        let what = if cut_off { "hears nobody" } else { "hears the others again" };
        self.world.note(format_args!("node {node} {what}"));
        self.network.cut_off(node, cut_off);
    }

    /// Cuts one of the connections. Returns false if there is none.
    pub(crate) fn cut_a_link(&self, noticed: (bool, bool)) -> bool {
        let mut links = self.links();
        links.retain(|link| !link.cut.is_cancelled());
        let index = self.world.random(|rng| rng.below(links.len()));
        let Some(link) = links.get(index) else { return false };
        self.world.note(format_args!("a connection to node {} is cut", link.life.node));
        link.cut(noticed.0, noticed.1);
        true
    }

    pub(crate) fn stall_a_link(&self, duration: Duration) -> bool {
        let mut links = self.links();
        links.retain(|link| !link.cut.is_cancelled());
        let index = self.world.random(|rng| rng.below(links.len()));
        let Some(link) = links.get(index) else { return false };
        self.world.note(format_args!("a connection to node {} stalls", link.life.node));
        link.state().stalled_until = Instant::now() + duration;
        true
    }

    /// Returns a node, if it is running.
    pub(crate) fn chat(&self, node: usize) -> Option<Chat> {
        Some(self.nodes()[node].as_ref()?.chat.clone())
    }

    /// Connects to a node, if it is running.
    pub(crate) fn connect(&self, node: usize) -> Option<(DuplexStream, Arc<Link>)> {
        let Node { life, chat } = self.nodes()[node].clone()?;
        let buffer = self.world.random(|rng| [512, 4096, 65536][rng.below(3)]);
        let (client, client_end) = duplex(buffer);
        let (server, server_end) = duplex(buffer);
        let service = TowerToHyperService::new(chat.socket_router());
        tokio::spawn(async move {
            let serving = http1::Builder::new().serve_connection(TokioIo::new(server), service);
            // It ends when the client breaks it.
            let _ = serving.with_upgrades().await;
        });
        let now = Instant::now();
        let state = LinkState { stalled_until: now, noticed: (true, true), drained: now };
        let state = Mutex::new(state);
        let link = Arc::new(Link { life, cut: CancellationToken::new(), state });
        self.links().push(link.clone());
        tokio::spawn(carry(self.world.clone(), link.clone(), client_end, server_end));
        Some((client, link))
    }
}

impl Link {
    fn state(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a time before which everything that the node had written by then had reached the client's end. Whatever is
    /// carried there from now on was written at that time, or later.
    pub(crate) fn drained(&self) -> Instant {
        self.state().drained
    }

    fn cut(&self, client_notices: bool, server_notices: bool) {
        self.state().noticed = (client_notices, server_notices);
        self.cut.cancel();
    }

    async fn go_on(&self) {
        let until = self.state().stalled_until;
        sleep_until(until).await;
        self.life.go_on().await;
    }
}

/// Carries bytes both ways until the connection is cut. What is on the way then is lost.
async fn carry(world: Arc<World>, link: Arc<Link>, client: DuplexStream, server: DuplexStream) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (split(client), split(server));
    let carry = async {
        tokio::select! {
            biased;
            () = carry_one_way(&world, &link, &mut from_client, &mut to_server, |_| {}) => {}
            () = carry_one_way(&world, &link, &mut from_server, &mut to_client, |at| link.state().drained = at) => {}
        }
    };
    link.cut.run_until_cancelled(carry).await;
    link.cut.cancel();
    let noticed = link.state().noticed;
    let client = (from_client, to_client);
    let server = (from_server, to_server);
    let client = (!noticed.0).then_some(client);
    let server = (!noticed.1).then_some(server);
    if client.is_some() || server.is_some() {
        sleep(HALF_OPEN).await;
    }
    drop((client, server));
}

/// Tells by `drained` when there comes more, after all that had come was carried, and time has passed since.
async fn carry_one_way(
    world: &World,
    link: &Link,
    from: &mut ReadHalf<DuplexStream>,
    to: &mut WriteHalf<DuplexStream>,
    drained: impl Fn(Instant),
) {
    let mut buffer = [0; 4096];
    loop {
        let waits = Instant::now();
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        // Time passes only when nobody has anything to do: there was nothing left to write.
        if Instant::now() > waits {
            drained(Instant::now());
        }
        world.take_time().await;
        link.go_on().await;
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// So few messages are kept that clients are often before the horizon.
fn few() -> Retention {
    let mut few = Retention::default();
    few.messages = Some(10);
    few
}

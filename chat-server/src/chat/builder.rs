use std::sync::Arc;

use chat_adapter::{Broadcast, LocalBroadcast};
use chat_core::{Nickname, NodeId};
use chat_store::Store;
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use socketioxide::socket::DisconnectReason;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Chat, ChatError};
use crate::engine::limits::Limits;
use crate::engine::log::{Log, RECENT_AT_START};
use crate::engine::outgoing::{self, Outgoing};
#[cfg(feature = "jwt")]
use crate::engine::people::JwtKey;
use crate::engine::people::{self, Identities, Issuer, RESERVED};
use crate::engine::presence::Roster;
use crate::engine::quota::Quotas;
use crate::engine::rate::Buckets;
use crate::engine::relay::Listener;
use crate::http::base_path::BasePath;
use crate::http::origin::{AllowedHost, AllowedOrigin, Rules};
use crate::http::server::Room;
use crate::http::trusted_proxy::{TrustedProxies, TrustedProxy};
use crate::socketio::recovery::Recovery;
use crate::socketio::socket::{Authenticate, Connections, Hooks, Observed, Services, register};
use crate::socketio::transport::TransportService;

/// How many packets wait for a client, see [`Link`](crate::socketio::transport::Link) for how far they are used.
const SOCKET_BUFFER: usize = 256;

/// How many bytes are read from a websocket at a time: several messages. Each connection has so much memory
/// for it, also when idle.
const READ_BUFFER: usize = 1024;

/// How many bytes of pongs a body may get: more than an hour's.
const PONGS_BYTES: usize = 4096;

/// What a [`Chat`] is made of. Made by [`Chat::builder`].
#[must_use = "a builder does nothing until it is started"]
pub struct ChatBuilder {
    store: Arc<dyn Store>,
    broadcast: Arc<dyn Broadcast>,
    hooks: Hooks,
    reserved_names: Vec<Nickname>,
    issuer: Option<Arc<dyn Issuer>>,
    limits: Limits,
    proxies: TrustedProxies,
    rules: Rules,
    base_path: BasePath,
}

impl Chat {
    /// A chat that keeps its messages in `store`.
    pub fn builder(store: Arc<dyn Store>) -> ChatBuilder {
        ChatBuilder::new(store)
    }
}

impl ChatBuilder {
    /// The names that nobody may take when [nothing else](Self::reserved_names) is said.
    pub const RESERVED_NAMES: [&str; 17] = RESERVED;

    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            broadcast: Arc::new(LocalBroadcast::new()),
            hooks: Hooks::default(),
            reserved_names: Self::RESERVED_NAMES.map(Nickname::from_stored).into(),
            issuer: None,
            limits: Limits::default(),
            proxies: TrustedProxies::default(),
            rules: Rules::default(),
            base_path: BasePath::default(),
        }
    }

    /// How the nodes of a chat tell each other of new messages. Without it the chat has one node.
    pub fn broadcast(self, broadcast: Arc<dyn Broadcast>) -> Self {
        Self { broadcast, ..self }
    }

    /// Has `register` called for each client that connects to the namespace `/`, before the client can
    /// send anything: the place for an application's own events.
    ///
    /// No event of the application's may end with a string argument: a Socket.IO client takes the
    /// trailing string of *any* event for its place in the log. A socket has one disconnect handler, which is
    /// the chat's: see [`on_disconnect`](Self::on_disconnect).
    pub fn on_connect(self, register: impl Fn(&SocketRef) + Send + Sync + 'static) -> Self {
        let hooks = Hooks { on_connect: Some(Arc::new(register)), ..self.hooks };
        Self { hooks, ..self }
    }

    /// Has `call` called for each client of the namespace `/` whose connection has ended, for whatever reason.
    /// It must not block.
    ///
    /// It stands in the place of `socket.on_disconnect`, which keeps one handler for each socket. One that is
    /// set by [`on_connect`](Self::on_connect) is never called, and one that is set later keeps the chat from
    /// ending what belongs to the connection.
    pub fn on_disconnect(
        self,
        call: impl Fn(&SocketRef, DisconnectReason) + Send + Sync + 'static,
    ) -> Self {
        let hooks = Hooks { on_disconnect: Some(Arc::new(call)), ..self.hooks };
        Self { hooks, ..self }
    }

    /// Has `check` called for each client that connects, with what it says in `auth`, before anything is
    /// restored or sent. An error refuses the client, and is what it is told.
    pub fn authenticate<C, F>(self, check: C) -> Self
    where
        C: Fn(SocketRef, serde_json::Value) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check: Arc<Authenticate> = Arc::new(move |socket, auth| Box::pin(check(socket, auth)));
        let hooks = Hooks { authenticate: Some(check), ..self.hooks };
        Self { hooks, ..self }
    }

    /// Whether a client that has a session to get back is not [authenticated](Self::authenticate) again,
    /// as `skipMiddlewares` in Socket.IO. Not so when not said: who was banned meanwhile, stays out.
    pub fn skip_middlewares(self, skip: bool) -> Self {
        let hooks = Hooks { skip_middlewares: skip, ..self.hooks };
        Self { hooks, ..self }
    }

    /// Nicknames that nobody can choose, nor any that [looks like](Nickname::skeleton) one of them: an attempt is
    /// refused with `nickname_taken`. Who has such a name already keeps it, and signed tokens may give it. When not
    /// said, names such as `admin`, `system`, `support` and `everyone`.
    pub fn reserved_names(self, names: impl IntoIterator<Item = Nickname>) -> Self {
        Self { reserved_names: names.into_iter().collect(), ..self }
    }

    /// Has clients say who they are by a JSON Web Token, as `token` in `auth`, that is signed with this key.
    /// Clients without one are refused, and nobody chooses a nickname. A connection ends when its token
    /// expires.
    #[cfg(feature = "jwt")]
    pub fn jwt_key(self, key: JwtKey) -> Self {
        Self { issuer: Some(Arc::new(key)), ..self }
    }

    /// The most that clients may take; [`Limits::default`] when not said.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The proxies that are believed who a client is; nobody when not said.
    pub fn trusted_proxies(self, proxies: impl IntoIterator<Item = TrustedProxy>) -> Self {
        Self { proxies: proxies.into_iter().collect(), ..self }
    }

    /// The pages of other origins that may use the chat; none when not said. The server's own pages, and programs,
    /// always may.
    pub fn allowed_origins(self, origins: impl IntoIterator<Item = AllowedOrigin>) -> Self {
        let rules = Rules { origins: origins.into_iter().collect(), ..self.rules };
        Self { rules, ..self }
    }

    /// The names by which the server may be asked, beside addresses and names of this machine such as
    /// `localhost`. When not said it is any name, or none where [`Chat::serve`] listens on a loopback address.
    ///
    /// A page can have its own name lead to a server that only its reader reaches. For the browser it is of the same
    /// origin then; its name gives it away.
    pub fn allowed_hosts(self, hosts: impl IntoIterator<Item = AllowedHost>) -> Self {
        let rules = Rules { hosts: hosts.into_iter().collect(), ..self.rules };
        Self { rules, ..self }
    }

    /// The path below which [`Chat::router`] has everything; none when not said. Clients of Socket.IO are given it as
    /// their option `path`: `/chat/socket.io`.
    ///
    /// `/healthz` and `/readyz` are also where they are without one.
    pub fn base_path(self, base_path: BasePath) -> Self {
        Self { base_path, ..self }
    }

    /// Has `observe` called for each event of the chat in either direction, with its name and size: the
    /// `onAny` and `onAnyOutgoing` of Socket.IO. It must not block.
    ///
    /// An application's own events, which it handles and emits itself, do not come by here.
    pub fn observe(self, observe: impl Fn(Observed<'_>) + Send + Sync + 'static) -> Self {
        let hooks = Hooks { observe: Some(Arc::new(observe)), ..self.hooks };
        Self { hooks, ..self }
    }

    /// Starts the chat, on the tokio runtime that it is called on. Clients can connect once it is served.
    ///
    /// Cancel safe: nothing is written to the store.
    ///
    /// # Errors
    /// When the store does not work, or a limit is out of its range.
    pub async fn start(self) -> Result<Chat, ChatError> {
        let Self { store, broadcast, hooks, limits, proxies, rules, .. } = self;
        limits.check()?;
        let nicknames = Arc::<dyn Store>::clone(&store);
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(ChatError::Random)?;
        let node = NodeId::from_random(id);

        let (outgoing, frames) = Outgoing::new();
        let believed = broadcast.is_authenticated();
        let committed = outgoing.clone().committed(store.epoch().clone(), believed);
        let messages = Arc::<dyn Store>::clone(&store);
        let log = Log::start(messages, limits.recent_bytes, RECENT_AT_START, committed).await?;
        let recovery = Recovery::new(store, limits.recovery_window);
        let taken = outgoing.clone();
        recovery.on_taken(move |key, generation| taken.session_taken(key, generation));
        let roster =
            Roster::new(node, limits.presence_grace, believed, limits.notice_rate(), outgoing);
        let (lifetime, reserved) = (limits.nickname_lifetime, self.reserved_names);
        let names = people::Rules { lifetime, limits: &limits, reserved };
        let identities = Identities::new(nicknames, names, self.issuer, roster.clone());

        let relay = TaskTracker::new();
        let listening = CancellationToken::new();
        let publishing = CancellationToken::new();
        relay.spawn(outgoing::publish(Arc::clone(&broadcast), node, frames, publishing.clone()));
        let sessions = recovery.clone();
        let listener = Listener {
            node,
            log: Arc::clone(&log),
            session_taken: Box::new(move |key, generation| {
                sessions.taken_elsewhere(key, generation)
            }),
            roster: roster.clone(),
        };
        let listen = listener.listen(Arc::clone(&broadcast));
        relay.spawn(listening.clone().run_until_cancelled_owned(listen));
        let sweep = identities.clone().sweep();
        relay.spawn(listening.clone().run_until_cancelled_owned(sweep));
        let attend = roster.clone().run(listening.clone());
        relay.spawn(async move {
            attend.await;
            // Not before: it tells the others that this node stops.
            publishing.cancel();
        });
        relay.close();

        let parser = socketioxide::ParserConfig::common()
            .max_incoming_binaries(limits.max_attachments)
            .max_incoming_binary_buf_size(limits.max_packet_bytes);
        let (service, io) = SocketIo::builder()
            .ping_interval(limits.ping_interval)
            .ping_timeout(limits.ping_timeout)
            .connect_timeout(limits.handshake_timeout)
            // Pongs may be put between the packets of a body that waits.
            .max_payload((limits.max_packet_bytes + PONGS_BYTES) as u64)
            .ws_max_message_size(limits.max_packet_bytes)
            .ws_max_frame_size(limits.max_packet_bytes)
            .max_buffer_size(SOCKET_BUFFER)
            .ws_read_buffer_size(READ_BUFFER)
            .with_parser(parser)
            .build_svc();
        let patience = limits.ping_interval + limits.ping_timeout;
        let transport = TransportService::new(service, patience).with_limits(&limits);
        let services = Services {
            log: Arc::clone(&log),
            recovery: recovery.clone(),
            identities,
            roster: roster.clone(),
            hooks: Arc::new(hooks),
            quotas: Arc::new(Quotas::new(&limits)),
            limits: Arc::new(limits.clone()),
            events: limits.event_rate().map(Buckets::new).map(Arc::new),
        };
        let connections = Connections::new(services);
        register(&io, connections.clone());
        Ok(Chat {
            io,
            transport,
            connections,
            log,
            recovery,
            broadcast,
            relay,
            listening,
            room: Room::now(limits.max_connections),
            limits,
            proxies,
            rules,
            base_path: self.base_path,
        })
    }
}

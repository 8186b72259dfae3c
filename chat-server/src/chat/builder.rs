use std::sync::Arc;

use chat_adapter::{Broadcast, LocalBroadcast};
use chat_core::{Nickname, NodeId, ParseError, TypedEvent};
use chat_store::FileStore;
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use socketioxide::socket::DisconnectReason;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Chat, ChatError, Stores};
use crate::engine::client_events::ClientEvents;
use crate::engine::files::{Files, Keeper, commits};
use crate::engine::inquiry::Inquiries;
use crate::engine::intercept::{Interception, Interceptor};
use crate::engine::limits::Limits;
use crate::engine::log::{Committed, Log, RECENT_AT_START};
use crate::engine::outgoing::{self, Outgoing};
use crate::engine::policy::{Elsewhere, Gate, Policy, RoomPolicy};
use crate::engine::presence::Presence;
use crate::engine::quota::Quotas;
use crate::engine::rate::Buckets;
use crate::engine::reading::Reading;
use crate::engine::relay::Listener;
use crate::engine::retention::{Retainer, Retention};
use crate::engine::search::{Indexer, Search};
use crate::engine::turns::Turns;
#[cfg(feature = "jwt")]
use crate::engine::users::JwtVerifier;
use crate::engine::users::{self, Identities, Issuer, RESERVED, Registration};
#[cfg(feature = "api")]
use crate::http::api::{Api, ApiTokens};
use crate::http::base_path::BasePath;
use crate::http::origin::{AllowedHost, AllowedOrigin, Rules};
use crate::http::server::Headroom;
use crate::http::trusted_proxy::{TrustedProxies, TrustedProxy};
use crate::socketio::recovery::Recovery;
use crate::socketio::socket::{
    AccessProgress, Authenticate, ConnectError, Connections, Hooks, Observed, Services, register,
};
use crate::socketio::transport::TransportService;

/// The number of packets that may wait for a client. See [`Link`](crate::socketio::transport::Link) for how much of
/// it is used.
const SOCKET_BUFFER: usize = 256;

/// The number of bytes to read from a websocket at a time: several messages. Each connection holds this much memory,
/// even when idle.
const READ_BUFFER: usize = 1024;

/// The number of bytes of pongs that a body may contain: more than an hour's worth.
const PONGS_BYTES: usize = 4096;

/// Configures and starts a [`Chat`]. Created by [`Chat::builder`].
#[must_use = "a builder does nothing until it is started"]
pub struct ChatBuilder {
    stores: Stores,
    /// None if the chat has one node.
    broadcast: Option<Arc<dyn Broadcast>>,
    hooks: Hooks,
    reserved_names: Vec<Nickname>,
    issuer: Option<Arc<dyn Issuer>>,
    policy: Option<Arc<dyn Policy>>,
    interceptor: Option<Arc<dyn Interceptor>>,
    client_events: Result<ClientEvents, ParseError>,
    has_room_rules: bool,
    registration: Registration,
    limits: Limits,
    retention: Retention,
    /// None if no files are kept.
    files: Option<Arc<dyn FileStore>>,
    proxies: TrustedProxies,
    rules: Rules,
    base_path: BasePath,
    #[cfg(feature = "api")]
    api: Option<ApiTokens>,
}

impl Chat {
    /// Returns a builder for a chat that keeps its data in these stores: an `Arc` of one [`Store`](chat_store::Store)
    /// for everything, or [`Stores`] for several.
    pub fn builder(stores: impl Into<Stores>) -> ChatBuilder {
        ChatBuilder::new(stores.into())
    }
}

impl ChatBuilder {
    /// The names that nobody may take, unless [`reserved_names`](Self::reserved_names) sets others.
    pub const RESERVED_NAMES: [&str; 17] = RESERVED;

    pub(super) fn new(stores: Stores) -> Self {
        Self {
            stores,
            broadcast: None,
            hooks: Hooks::default(),
            reserved_names: Self::RESERVED_NAMES.map(Nickname::from_stored).into(),
            issuer: None,
            policy: None,
            interceptor: None,
            client_events: Ok(ClientEvents::default()),
            has_room_rules: false,
            registration: Registration::default(),
            limits: Limits::default(),
            retention: Retention::default(),
            files: None,
            proxies: TrustedProxies::default(),
            rules: Rules::default(),
            base_path: BasePath::default(),
            #[cfg(feature = "api")]
            api: None,
        }
    }

    /// Sets how the nodes of a chat tell each other about new messages. Without it the chat has one node.
    pub fn broadcast(self, broadcast: Arc<dyn Broadcast>) -> Self {
        Self { broadcast: Some(broadcast), ..self }
    }

    /// Calls `register` for each client that connects to the namespace `/`, before the client can send anything.
    /// Register an application's own events there.
    ///
    /// None of these events may end with a string argument: a Socket.IO client takes the trailing string of *any*
    /// event for its position in the log. A socket has one disconnect handler, which the chat uses: see
    /// [`on_disconnect`](Self::on_disconnect).
    pub fn on_connect(self, register: impl Fn(&SocketRef) + Send + Sync + 'static) -> Self {
        let hooks = Hooks { on_connect: Some(Arc::new(register)), ..self.hooks };
        Self { hooks, ..self }
    }

    /// Calls `call` for each client of the namespace `/` whose connection has ended, for whatever reason. It must not
    /// block.
    ///
    /// Use it instead of `socket.on_disconnect`, which keeps one handler per socket: a handler set in
    /// [`on_connect`](Self::on_connect) is never called, and one set later prevents the chat from cleaning up after
    /// the connection.
    pub fn on_disconnect(
        self,
        call: impl Fn(&SocketRef, DisconnectReason) + Send + Sync + 'static,
    ) -> Self {
        let hooks = Hooks { on_disconnect: Some(Arc::new(call)), ..self.hooks };
        Self { hooks, ..self }
    }

    /// Calls `check` with the client's `auth` for each client that connects, before anything is restored or sent. An
    /// error refuses the client and is sent to it: a [`ConnectError`] of the application's own, or a
    /// [`Refusal`](chat_core::Refusal) of the chat's, made into one.
    pub fn authenticate<C, F>(self, check: C) -> Self
    where
        C: Fn(SocketRef, serde_json::Value) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), ConnectError>> + Send + 'static,
    {
        let check: Arc<Authenticate> = Arc::new(move |socket, auth| Box::pin(check(socket, auth)));
        let hooks = Hooks { authenticate: Some(check), ..self.hooks };
        Self { hooks, ..self }
    }

    /// Sets whether a client that recovers its session skips [authentication](Self::authenticate), like
    /// `skipMiddlewares` in Socket.IO. Off by default: a user who was banned in the meantime stays out.
    pub fn skip_middlewares(self, skip: bool) -> Self {
        let hooks = Hooks { skip_middlewares: skip, ..self.hooks };
        Self { hooks, ..self }
    }

    /// Sets who may do what: see [`Policy`] for what is asked, and when. By default everything is allowed, and nothing is
    /// asked.
    ///
    /// Call [`Chat::access_changed`] whenever something changes that decisions depend on. All nodes of a chat need the
    /// same policy.
    pub fn policy(self, policy: impl Policy) -> Self {
        Self { policy: Some(Arc::new(policy)), ..self }
    }

    /// Lets an [`Interceptor`] look at what clients send before it is stored, and change or refuse it. All nodes of a chat
    /// need the same.
    pub fn intercept(self, interceptor: impl Interceptor) -> Self {
        Self { interceptor: Some(Arc::new(interceptor)), ..self }
    }

    /// Lets clients send an event of the application's own to rooms where they are and may write:
    /// `emit(name, payload, clientOffset?, { room }?, callback?)`. It is kept in the log like a message, acked when it is
    /// stored, and delivered under its name to everybody in the room, once, also late. A payload that cannot be read as
    /// `E` is refused; the `E` is what is stored. Set an [`Interceptor`](Self::intercept) to check more.
    ///
    /// ```
    /// use chat_core::TypedEvent;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Move {
    ///     from: String,
    ///     to: String,
    /// }
    ///
    /// impl TypedEvent for Move {
    ///     const NAME: &'static str = "move";
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = std::sync::Arc::new(chat_store::MemoryStore::new());
    /// let chat = chat_server::Chat::builder(store).client_event::<Move>().start().await?;
    /// // From the application, to the same clients:
    /// let game = chat.room("game 7".parse()?);
    /// game.publish(&Move { from: "e2".to_owned(), to: "e4".to_owned() }).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`start`](Self::start) fails if the name is not one that an event may have.
    pub fn client_event<E: TypedEvent>(self) -> Self {
        let client_events = self.client_events.and_then(|mut events| {
            events.allow::<E>()?;
            Ok(events)
        });
        Self { client_events, ..self }
    }

    /// Applies what the store says of rooms, bans and mutes: sets [`RoomPolicy`] as the policy unless there is
    /// [another](Self::policy), and follows the changes in the store, so that they take effect on live connections of
    /// all nodes within a second. Needs a store of rooms, which every [`Store`](chat_store::Store) is.
    pub fn room_rules(self) -> Self {
        Self { has_room_rules: true, ..self }
    }

    /// Sets whether clients may become new users; [`Registration::Open`] by default.
    ///
    /// Where it is closed, clients without a user still connect, to link a device. The [rules of
    /// rooms](Self::room_rules) keep them out of all rooms; a [policy](Self::policy) of your own has to do so itself.
    /// All nodes need the same.
    pub fn registration(self, registration: Registration) -> Self {
        Self { registration, ..self }
    }

    /// Sets the nicknames that nobody can choose, nor any that [looks like](Nickname::skeleton) one of them: an
    /// attempt is refused with `nickname_taken`. Current owners of such a name keep it, and signed tokens may grant
    /// it. The default includes `admin`, `system`, `support` and `everyone`.
    pub fn reserved_names(self, names: impl IntoIterator<Item = Nickname>) -> Self {
        Self { reserved_names: names.into_iter().collect(), ..self }
    }

    /// Identifies clients by a JSON Web Token in `auth.token`. Clients without one that the verifier accepts are
    /// refused, and nobody can choose a nickname. A connection ends when its token expires, unless the client has
    /// renewed it by the event `token`. Keep a clone of the verifier to [reload](JwtVerifier::reload) its keys.
    #[cfg(feature = "jwt")]
    pub fn jwt(self, verifier: JwtVerifier) -> Self {
        Self { issuer: Some(Arc::new(verifier)), ..self }
    }

    /// Sets the limits on what clients may use; [`Limits::default`] by default.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Sets how much of the log is kept; by default all of it. All nodes need the same.
    pub fn retention(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// Keeps files that users attach to messages; without this they cannot attach any. All nodes need the same.
    ///
    /// [`Chat::router`] serves them at `/files`, and so does [`Chat::files_router`] in your own application. A file is
    /// removed when its message is deleted, is edited so that it no longer has the file, or is not
    /// [retained](Self::retention).
    pub fn files(self, store: Arc<dyn FileStore>) -> Self {
        Self { files: Some(store), ..self }
    }

    /// Sets the proxies that are trusted for a client's address; none by default.
    pub fn trusted_proxies(self, proxies: impl IntoIterator<Item = TrustedProxy>) -> Self {
        Self { proxies: proxies.into_iter().collect(), ..self }
    }

    /// Sets the other origins whose pages may use the chat; none by default. The server's own pages, and programs
    /// other than browsers, are always allowed.
    pub fn allowed_origins(self, origins: impl IntoIterator<Item = AllowedOrigin>) -> Self {
        let rules = Rules { origins: origins.into_iter().collect(), ..self.rules };
        Self { rules, ..self }
    }

    /// Sets the host names that requests may use, in addition to IP addresses and names of this machine such as
    /// `localhost`. By default any name is accepted, or none if [`Chat::serve`] listens on a loopback address.
    ///
    /// A page can point its own host name at a server that only its reader can reach (DNS rebinding). The browser
    /// then treats both as the same origin; the host name gives it away.
    pub fn allowed_hosts(self, hosts: impl IntoIterator<Item = AllowedHost>) -> Self {
        let rules = Rules { hosts: hosts.into_iter().collect(), ..self.rules };
        Self { rules, ..self }
    }

    /// Sets the path below which [`Chat::router`] serves everything; none by default. Give Socket.IO clients the
    /// whole path as their option `path`: `/chat/socket.io`.
    ///
    /// `/healthz` and `/readyz` also remain at the root.
    pub fn base_path(self, base_path: BasePath) -> Self {
        Self { base_path, ..self }
    }

    /// Serves the API at `/api/v1` to the holders of these tokens; without them there is none. Keep a clone to
    /// [reload](ApiTokens::reload) them.
    #[cfg(feature = "api")]
    pub fn api(self, tokens: ApiTokens) -> Self {
        Self { api: Some(tokens), ..self }
    }

    /// Calls `observe` with the name and size of each chat event in either direction, like `onAny` and
    /// `onAnyOutgoing` in Socket.IO. It must not block.
    ///
    /// It does not see events that an application handles and emits itself.
    pub fn observe(self, observe: impl Fn(Observed<'_>) + Send + Sync + 'static) -> Self {
        let hooks = Hooks { observe: Some(Arc::new(observe)), ..self.hooks };
        Self { hooks, ..self }
    }

    /// Starts the chat on the current tokio runtime. Clients can connect once it is served.
    ///
    /// Cancel safe: nothing is written to the store.
    ///
    /// # Errors
    /// When the store fails, a limit is out of range, the operating system returns no random numbers, rules of rooms
    /// have no store, a closed registration has no rules, or an event has an invalid name.
    pub async fn start(self) -> Result<Chat, ChatError> {
        let Self { stores, broadcast, hooks, limits, proxies, rules, .. } = self;
        limits.check()?;
        let client_events = self.client_events.map_err(ChatError::EventName)?;
        let Stores { messages, sessions, users, rooms, read_positions, search, are_one } = stores;
        let rooms = match (self.has_room_rules, rooms) {
            (false, _) => None,
            (true, None) => return Err(ChatError::NoRooms),
            (true, rooms) => rooms,
        };
        let registration = self.registration;
        let has_rules = self.has_room_rules || self.policy.is_some() || self.issuer.is_some();
        // The invitations are to rooms.
        let is_unruled = match registration {
            Registration::Open => false,
            Registration::Invite => !self.has_room_rules,
            Registration::Closed => !has_rules,
        };
        if is_unruled {
            return Err(ChatError::NoRules);
        }
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(ChatError::Random)?;
        let node = NodeId::from_random(id);

        let has_others = broadcast.is_some();
        let broadcast = broadcast.unwrap_or_else(|| Arc::new(LocalBroadcast::new()));
        let (outgoing, frames) = Outgoing::new();
        let queue_of_frames = outgoing.clone();
        let believed = broadcast.is_authenticated();
        let (inquiries, questions) = Inquiries::new(node, believed, outgoing.clone());
        let (concerns, heard_by_keeper) = self.files.is_some().then(commits).unzip();
        let to_nodes = outgoing.clone().committed(messages.epoch().clone(), believed);
        let committed: Committed = match &concerns {
            None => to_nodes,
            Some(concerns) => {
                let concerns = concerns.clone();
                Box::new(move |after, batch| {
                    to_nodes(after, batch);
                    concerns.note(batch);
                })
            }
        };
        let log = Log::start(messages, limits.recent_bytes, RECENT_AT_START, committed).await?;
        if let Some(concerns) = concerns {
            log.on_messages_of_others(move |messages| concerns.note_of_others(messages));
        }
        let recovery = Recovery::new(Arc::clone(&sessions), limits.recovery_window);
        let (taken, told) = (outgoing.clone(), has_others.then(|| outgoing.clone()));
        if has_others {
            recovery.on_taken(move |key, generation| taken.session_taken(key, generation));
        }
        let presence =
            Presence::new(node, limits.presence_grace, believed, limits.ephemeral_rate(), outgoing);
        let (lifetime, reserved) = (limits.nickname_lifetime, self.reserved_names);
        let rooms_of_invitations = rooms.clone();
        let names = users::Rules {
            lifetime,
            limits: &limits,
            reserved,
            registration,
            rooms: rooms_of_invitations,
        };
        let identities = Identities::new(users, names, self.issuer, presence.clone());

        let of_rooms = || {
            let policy = RoomPolicy::new(rooms.clone()?).with_registration(registration);
            Some(Arc::new(policy) as Arc<dyn Policy>)
        };
        let gate = self.policy.or_else(of_rooms).map(Gate::new);
        let elsewhere = Elsewhere::default();
        let changed = elsewhere.clone();
        let relay = TaskTracker::new();
        let listening = CancellationToken::new();
        let publishing = CancellationToken::new();
        let frames = (frames, Arc::clone(queue_of_frames.counters()));
        relay.spawn(outgoing::publish(Arc::clone(&broadcast), node, frames, publishing.clone()));
        let taken_sessions = recovery.clone();
        let listener = Listener {
            node,
            log: Arc::clone(&log),
            session_taken: Box::new(move |key, generation| {
                taken_sessions.taken_elsewhere(key, generation)
            }),
            access_changed: Box::new(move |scope| changed.note(scope)),
            presence: presence.clone(),
            inquiries: inquiries.clone(),
        };
        let listen = listener.listen(Arc::clone(&broadcast));
        relay.spawn(listening.clone().run_until_cancelled_owned(listen));
        let sweep = identities.clone().sweep(are_one);
        relay.spawn(listening.clone().run_until_cancelled_owned(sweep));
        let run_presence = presence.clone().run(listening.clone());
        relay.spawn(async move {
            run_presence.await;
            // Only now: `run_presence` tells the other nodes that this one stops.
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
            // A waiting body may have pongs between its packets.
            .max_payload((limits.max_packet_bytes + PONGS_BYTES) as u64)
            .ws_max_message_size(limits.max_packet_bytes)
            .ws_max_frame_size(limits.max_packet_bytes)
            .max_buffer_size(SOCKET_BUFFER)
            .ws_read_buffer_size(READ_BUFFER)
            .with_parser(parser)
            .build_svc();
        let files = self.files.map(|store| Files::new(store, Arc::clone(&log), &limits));
        let patience = limits.ping_interval + limits.ping_timeout;
        let transport = TransportService::new(service, patience).with_limits(&limits);
        let services = Services {
            log: Arc::clone(&log),
            recovery: recovery.clone(),
            identities,
            presence: presence.clone(),
            rooms: rooms.clone(),
            new_rooms: limits.new_room_rate().map(Buckets::new).map(Arc::new),
            new_rooms_from: limits.new_room_rate_per_address().map(Buckets::new).map(Arc::new),
            access_rate: limits.room_change_rate().map(Buckets::new).map(Arc::new),
            reading: read_positions.map(Reading::new),
            search: search.clone().map(|index| Search::new(Arc::clone(&log), index)),
            files: files.clone(),
            gate: gate.clone(),
            changing: Turns::new(),
            interception: self.interceptor.map(Interception::new),
            client_events: Arc::new(client_events),
            hooks: Arc::new(hooks),
            changes: elsewhere,
            progress: Arc::new(AccessProgress::new()),
            outgoing: told,
            quotas: Arc::new(Quotas::new(&limits)),
            limits: Arc::new(limits.clone()),
            events: limits.event_rate().map(Buckets::new).map(Arc::new),
        };
        if !self.retention.is_everything() {
            let retainer = Retainer {
                log: Arc::clone(&log),
                index: search.clone(),
                sessions: Arc::clone(&sessions),
                retention: self.retention,
            };
            relay.spawn(retainer.run(listening.clone()));
        }
        if let Some((files, heard)) = files.clone().zip(heard_by_keeper) {
            tokio::spawn(Keeper::run(files, heard, listening.clone()));
        }
        if let Some(index) = search {
            let run = Indexer::new(Arc::clone(&log), index).run();
            tokio::spawn(listening.clone().run_until_cancelled_owned(run));
        }
        let connections = Connections::new(services);
        register(&io, connections.clone());
        let follow = connections.clone().follow();
        tokio::spawn(listening.clone().run_until_cancelled_owned(follow));
        if let Some(rooms) = rooms {
            let follow = connections.clone().follow_rooms(rooms);
            tokio::spawn(listening.clone().run_until_cancelled_owned(follow));
        }
        if gate.is_some() {
            let keep_settled = connections.clone().keep_settled();
            tokio::spawn(listening.clone().run_until_cancelled_owned(keep_settled));
        }
        let chat = Chat {
            #[cfg(feature = "api")]
            api: self.api.map(|tokens| Api::new(connections.clone(), tokens, listening.clone())),
            io,
            transport,
            connections,
            application: log.reader(),
            log,
            recovery,
            sessions,
            broadcast,
            outgoing: queue_of_frames,
            node,
            inquiries,
            relay,
            listening: listening.clone(),
            draining: CancellationToken::new(),
            room: Headroom::now(limits.max_connections),
            limits,
            proxies,
            rules,
            base_path: self.base_path,
            files,
        };
        let answer = chat.clone().answer_operators(questions);
        tokio::spawn(listening.run_until_cancelled_owned(answer));
        Ok(chat)
    }
}

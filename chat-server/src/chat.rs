mod access;
mod admin;
mod builder;
mod handles;
mod impairment;
mod metrics;
mod nodes;
mod search;
mod send;
mod stores;
#[cfg(feature = "webhook")]
mod webhooks;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use chat_adapter::Broadcast;
use chat_core::{NodeId, ParseError, Refusal};
use chat_store::{SessionStore, StoreError};
use http::StatusCode;
use socketioxide::SocketIo;
use thiserror::Error;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::builder::ChatBuilder;
pub use self::handles::{RoomHandle, UserHandle};
pub use self::impairment::Impairment;
pub use self::search::SearchError;
pub use self::send::{SendError, Sending};
pub use self::stores::Stores;
use crate::engine::files::Files;
use crate::engine::inquiry::Inquiries;
use crate::engine::limits::{LimitError, Limits};
use crate::engine::log::{Log, ReaderId};
use crate::engine::outgoing::Outgoing;
#[cfg(feature = "api")]
use crate::http::api::{self, Api, ApiTokens};
use crate::http::base_path::BasePath;
use crate::http::files;
use crate::http::origin::{OriginGuard, Origins, Rules};
use crate::http::server::{self, Headroom, Listener, Served};
use crate::http::trusted_proxy::TrustedProxies;
use crate::http::web;
use crate::socketio::recovery::Recovery;
use crate::socketio::socket::{ChatSession, Connections};
use crate::socketio::transport::TransportService;

/// How long the store may take for the last commits when the server stops.
const COMMIT_PATIENCE: Duration = Duration::from_secs(4);

/// How long clients may take to receive the last answers when the server stops.
const DRAIN_PATIENCE: Duration = Duration::from_secs(2);

/// How long each remaining step may take when the server stops: closing websockets, saving sessions, telling other
/// nodes, and closing other connections.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// A running chat. Serve it with [`serve`](Self::serve), or mount its [`router`](Self::router) in an axum
/// application.
///
/// Cheap to clone; clones share the same chat.
#[derive(Clone)]
pub struct Chat {
    io: SocketIo,
    transport: TransportService,
    pub(crate) connections: Connections,
    log: Arc<Log>,
    /// The source of the application's messages, which takes its turn among the connections.
    application: ReaderId,
    recovery: Recovery<ChatSession>,
    sessions: Arc<dyn SessionStore>,
    broadcast: Arc<dyn Broadcast>,
    /// The queue of frames for other nodes.
    outgoing: Outgoing,
    node: NodeId,
    /// What operators ask other nodes.
    inquiries: Inquiries,
    /// The tasks that publish to and listen to other nodes.
    relay: TaskTracker,
    listening: CancellationToken,
    /// Cancelled once clients are moved to other nodes.
    draining: CancellationToken,
    limits: Limits,
    /// The number of connections that the limit of open files leaves room for, with everything else open.
    room: Headroom,
    proxies: TrustedProxies,
    rules: Rules,
    base_path: BasePath,
    /// None if no files are kept.
    files: Option<Files>,
    /// None if there are no tokens for it.
    #[cfg(feature = "api")]
    api: Option<Api>,
}

/// The error of starting or serving a chat.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChatError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system returned no random numbers.
    #[error("no random numbers are available")]
    Random(#[source] getrandom::Error),
    /// The name of a [client's event](ChatBuilder::client_event) is not one that an event may have.
    #[error("no event can have this name")]
    EventName(#[source] ParseError),
    /// A limit is out of range.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// [`ChatBuilder::room_rules`] needs a store of rooms, and [`Chat::change_access`] needs `room_rules`.
    #[error(
        "the chat keeps no rooms; give it a store of rooms with `Stores::with_rooms`, and `room_rules`"
    )]
    NoRooms,
    /// A closed [`registration`](ChatBuilder::registration) needs something that keeps out clients that are not users;
    /// one by invitation needs rooms to invite to.
    #[error(
        "a closed registration needs rules: those of rooms, a policy, or signed tokens; one by invitation needs those of rooms"
    )]
    NoRules,
    /// The request is impossible: see [`UserHandle::rename`].
    #[error("refused: {}", .0.message)]
    Refused(Refusal),
    /// The listener failed.
    #[error("the server cannot accept connections")]
    Serve(#[source] std::io::Error),
}

impl Chat {
    /// Returns the Socket.IO server, for an application's own namespaces. The namespace `/` is the chat's.
    pub fn io(&self) -> &SocketIo {
        &self.io
    }

    /// Returns a router with only the Socket.IO endpoint, `/socket.io`, for an application with its own pages.
    ///
    /// Pages of other origins are refused unless they are [allowed](ChatBuilder::allowed_origins).
    pub fn socket_router(&self) -> Router {
        self.socket_router_for(self.origins_at(None))
    }

    fn socket_router_for(&self, origins: Origins) -> Router {
        let guarded = OriginGuard::new(self.transport.clone(), origins);
        Router::new()
            .route_service("/socket.io", guarded.clone())
            .route_service("/socket.io/", guarded)
    }

    /// Returns a router with the official Socket.IO client for browsers, below `/socket.io` as the Node.js server
    /// serves it; see [`client_router`](crate::client_router).
    #[cfg(feature = "page")]
    pub fn client_router(&self) -> Router {
        web::client_router()
    }

    /// Returns a router with the files of messages, below `/files`, for an application with its own pages; nothing if none are
    /// [kept](ChatBuilder::files).
    pub fn files_router(&self) -> Router {
        self.files_router_for(&self.origins_at(None))
    }

    fn files_router_for(&self, origins: &Origins) -> Router {
        let files = self.files.clone().map(|kept| files::router(kept, origins.clone()));
        files.unwrap_or_default()
    }

    /// Returns a router with the API for the holders of these tokens, to nest where you like, as in
    /// `app.nest("/api/v1", chat.api_router(tokens))`. The chat's own [`router`](Self::router) has it if the builder was
    /// given [tokens](ChatBuilder::api).
    #[cfg(feature = "api")]
    pub fn api_router(&self, tokens: ApiTokens) -> Router {
        let api = Api::new(self.connections.clone(), tokens, self.listening.clone());
        api::router(api, self.origins_at(None))
    }

    /// Returns a router with everything the chat serves over HTTP, below its [base path](ChatBuilder::base_path):
    ///
    /// - `/socket.io`, with the client library below it
    /// - `/`, the chat page
    /// - `/healthz`, which answers as long as the process works
    /// - `/api/v1`, the API, if there are [tokens](ChatBuilder::api) for it
    /// - `/files`, for the files of messages, if they are [kept](ChatBuilder::files)
    /// - `/readyz`, which answers status 503 with [what does not work](Self::impairments), if anything
    pub fn router(&self) -> Router {
        self.router_for(self.origins_at(None))
    }

    /// Returns the rules for origins of a server that listens on this address, if the address is known.
    fn origins_at(&self, listening: Option<IpAddr>) -> Origins {
        Origins::new(self.rules.clone(), self.proxies.clone(), listening)
    }

    fn router_for(&self, origins: Origins) -> Router {
        let health = self.health();
        #[cfg(feature = "api")]
        let api = self
            .api
            .clone()
            .map(|api| Router::new().nest("/api/v1", api::router(api, origins.clone())));
        let files = self.files_router_for(&origins);
        let chat = self.socket_router_for(origins).merge(web::router()).merge(health.clone());
        let chat = chat.merge(files);
        #[cfg(feature = "api")]
        let chat = match api {
            Some(api) => chat.merge(api),
            None => chat,
        };
        let nested = self.base_path.nest(chat);
        if self.base_path == BasePath::default() { nested } else { nested.merge(health) }
    }

    /// Returns `/healthz` and `/readyz`.
    fn health(&self) -> Router {
        let chat = self.clone();
        let ready = get(async move || match &*chat.impairments() {
            _ if chat.draining.is_cancelled() => {
                (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned())
            }
            [] => (StatusCode::OK, "ready\n".to_owned()),
            impairments => {
                let lines = impairments.iter().map(|impairment| format!("{impairment}\n"));
                (StatusCode::SERVICE_UNAVAILABLE, lines.collect())
            }
        });
        web::health().route("/readyz", ready)
    }

    /// Returns the maximum number of connections that [`serve`](Self::serve) accepts.
    pub fn max_connections(&self) -> usize {
        self.room.connections
    }

    /// Returns what does not work at the moment; empty when everything works.
    ///
    /// Clients are still served. They get no acks while the store cannot be written, and no messages that are not in
    /// memory while it cannot be read. Messages from other nodes arrive up to a second late while those nodes cannot
    /// be heard. Each impairment lasts until a call of its kind succeeds: a successful read does not end an outage of
    /// writes. When no client writes, the server [asks](chat_store::MessageStore::try_commit) the store from time to
    /// time.
    pub fn impairments(&self) -> Vec<Impairment> {
        [
            (self.log.writing_fails(), Impairment::Writing),
            (self.log.reading_fails(), Impairment::Reading),
            (self.recovery.saving_fails(), Impairment::SavingSessions),
            (!self.broadcast.is_connected(), Impairment::OtherNodes),
        ]
        .into_iter()
        .filter_map(|(is_so, impairment)| is_so.then_some(impairment))
        .collect()
    }

    /// Serves [`router`](Self::router) on a listener until `stop` is ready, then stops like
    /// [`shutdown`](Self::shutdown), within ten seconds.
    ///
    /// On a loopback address, requests must use a name of this machine, an IP address, or an [allowed
    /// host](ChatBuilder::allowed_hosts); others are refused unless a trusted proxy passed them on. Everything else
    /// works as in [`serve_router`](Self::serve_router).
    ///
    /// # Errors
    /// When the listener fails. The chat is shut down in that case too.
    pub async fn serve(
        &self,
        listener: impl Into<Listener>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), ChatError> {
        let listener = listener.into();
        let origins = self.origins_at(listener.address());
        let router = self.router_for(origins.clone());
        self.serve_for(origins, listener, router, stop).await
    }

    /// Serves an application's router, which includes the parts of the chat it wants, on a listener until `stop` is
    /// ready, then [shuts down](Self::shutdown) the chat, within ten seconds.
    ///
    /// The chat's [limits](Limits) apply to connections: their number in total and from one address, the size of
    /// headers, and the time for each part of a request and a response. Each request carries its
    /// [`ClientAddress`](crate::ClientAddress). Small packets are sent immediately (`TCP_NODELAY`).
    ///
    /// Not cancel safe: dropping this call does not stop the server. End it with `stop`.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = std::sync::Arc::new(chat_store::MemoryStore::new());
    /// let chat = chat_server::Chat::builder(store).start().await?;
    /// let router = axum::Router::new()
    ///     .route("/", axum::routing::get(async || "my own page"))
    ///     .merge(chat.socket_router());
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    /// let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    /// chat.serve_router(listener, router, stop).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the listener fails. The chat is shut down in that case too.
    pub async fn serve_router(
        &self,
        listener: impl Into<Listener>,
        router: Router,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), ChatError> {
        self.serve_for(self.origins_at(None), listener.into(), router, stop).await
    }

    async fn serve_for(
        &self,
        origins: Origins,
        listener: Listener,
        router: Router,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), ChatError> {
        let stopping = CancellationToken::new();
        let served = Served {
            router,
            limits: self.limits.clone(),
            room: self.room,
            proxies: self.proxies.clone(),
            origins,
        };
        let server = server::serve(listener, served, stopping.clone());
        let mut server = tokio::spawn(server);
        let ended = tokio::select! {
            ended = &mut server => Some(ended),
            () = stop => None,
        };
        stopping.cancel();
        self.shutdown().await;
        match ended {
            Some(Ok(Err(error))) => Err(ChatError::Serve(error)),
            Some(_) => Ok(()),
            None => {
                // The remaining clients do not read their answers.
                if timeout(CLOSE_PATIENCE, &mut server).await.is_err() {
                    server.abort();
                }
                Ok(())
            }
        }
    }

    /// Moves all clients to other nodes: from now on `/readyz` answers status 503 and `draining`, no client gets in any more,
    /// and the connections of those that are here end one after the other, spread evenly over this time. Clients reconnect
    /// by themselves, in their sessions. Returns when they are gone.
    ///
    /// Each connection ends when what its client has asked is answered, if that takes no more than two seconds. Nothing else
    /// stops: the chat still has to be [shut down](Self::shutdown).
    ///
    /// Not cancel safe: if this call is dropped, the remaining clients stay, and no others get in.
    pub async fn drain(&self, over: Duration) {
        self.draining.cancel();
        self.transport.refuse_new();
        tracing::info!("clients are moved to other nodes over {over:?}");
        self.connections.move_away(over).await;
        // Those that were just connecting, or are in other namespaces only.
        let _ = timeout(CLOSE_PATIENCE, self.transport.close_all()).await;
        tracing::info!("all clients are gone");
    }

    /// Stops the chat: accepts no new connections, commits and answers what clients have sent, and closes the
    /// connections so that clients reconnect by themselves.
    ///
    /// Takes nine seconds at most: it waits up to four for a store that hangs and up to two for clients that do not
    /// read their answers. The store and the broadcast belong to the caller, who closes them after this call.
    ///
    /// Not cancel safe: dropping this call skips the remaining steps. Acked messages are stored all the same, and no
    /// new connections are accepted.
    pub async fn shutdown(&self) {
        self.transport.refuse_new();
        if timeout(COMMIT_PATIENCE, self.log.close()).await.is_err() {
            tracing::warn!("the store hangs; the last messages are not acked");
        }
        if timeout(DRAIN_PATIENCE, self.connections.drain()).await.is_err() {
            tracing::info!("some clients did not take their last answers; they will ask again");
        }
        // The remaining clients do not read.
        let _ = timeout(CLOSE_PATIENCE, self.transport.close_all()).await;
        if timeout(CLOSE_PATIENCE, self.recovery.close()).await.is_err() {
            tracing::warn!("the store hangs; the last changes of sessions may not be saved");
        }
        self.listening.cancel();
        // The last frames; a broker that hangs does not get them.
        let _ = timeout(CLOSE_PATIENCE, self.relay.wait()).await;
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{NewMessage, RoomId};
    use chat_store::MemoryStore;
    use chat_store::testkit::HeldStore;
    use tokio::time::Instant;

    use super::*;
    use crate::engine::users::Registration;

    #[tokio::test]
    async fn a_closed_registration_starts_with_rules_only() {
        let closed = || {
            let store = Arc::new(MemoryStore::new());
            Chat::builder(store).registration(Registration::Closed)
        };
        assert!(matches!(closed().start().await, Err(ChatError::NoRules)));
        closed().room_rules().start().await.unwrap().shutdown().await;
        let store = Arc::new(MemoryStore::new());
        let by_invitation = Chat::builder(store).registration(Registration::Invite);
        assert!(matches!(by_invitation.start().await, Err(ChatError::NoRules)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_does_not_hold_up_the_end() {
        let store = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
        let chat = Chat::builder(Arc::<HeldStore>::clone(&store)).start().await.unwrap();
        store.appends.close();
        let message = NewMessage::new(RoomId::general(), "hi".parse().unwrap());
        chat.log.submit(chat.log.reader(), message, None, |_| {});
        store.appends.waiting(1).await;
        let started = Instant::now();
        chat.shutdown().await;
        assert!(started.elapsed() <= Duration::from_secs(8), "{:?}", started.elapsed());
    }
}

mod builder;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use chat_adapter::Broadcast;
use chat_store::StoreError;
use http::StatusCode;
use socketioxide::SocketIo;
use thiserror::Error;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::builder::ChatBuilder;
use crate::engine::limits::{LimitError, Limits};
use crate::engine::log::Log;
use crate::http::base_path::BasePath;
use crate::http::origin::{OriginGuard, Origins, Rules};
use crate::http::server::{self, Listener, Room, Served};
use crate::http::trusted_proxy::TrustedProxies;
use crate::http::web;
use crate::socketio::recovery::Recovery;
use crate::socketio::socket::{ChatSession, Connections};
use crate::socketio::transport::TransportService;

/// How long the store may take for the last commits when the server stops.
const COMMIT_PATIENCE: Duration = Duration::from_secs(4);

/// How long clients may take to receive the last answers then.
const DRAIN_PATIENCE: Duration = Duration::from_secs(2);

/// How long each of the rest may take then: websockets to end, sessions to be saved, other nodes to be told,
/// other connections to end.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// A chat, ready to be served: by [`serve`](Self::serve), or as part of an axum application by
/// [`router`](Self::router).
///
/// Cheap to clone; clones are the same chat.
#[derive(Clone)]
pub struct Chat {
    io: SocketIo,
    transport: TransportService,
    connections: Connections,
    log: Arc<Log>,
    recovery: Recovery<ChatSession>,
    broadcast: Arc<dyn Broadcast>,
    /// The two directions of the relay.
    relay: TaskTracker,
    listening: CancellationToken,
    limits: Limits,
    /// What is left of the limit of open files when all else is open.
    room: Room,
    proxies: TrustedProxies,
    rules: Rules,
    base_path: BasePath,
}

/// Why a chat could not be started or served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChatError {
    /// The store does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gives no random numbers.
    #[error("no random numbers are available")]
    Random(#[source] getrandom::Error),
    /// A limit is out of its range.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The listener does not work any more.
    #[error("the server cannot accept connections")]
    Serve(#[source] std::io::Error),
}

impl Chat {
    /// The Socket.IO server, for namespaces of an application's own.
    pub fn io(&self) -> &SocketIo {
        &self.io
    }

    /// Only what clients need to talk to the chat: `/socket.io`. For an application that has pages of its
    /// own.
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

    /// The official Socket.IO client for browsers, below `/socket.io`, as the Node.js server serves it;
    /// see [`client_router`](crate::client_router).
    #[cfg(feature = "page")]
    pub fn client_router(&self) -> Router {
        web::client_router()
    }

    /// Everything the chat serves over HTTP, below its [base path](ChatBuilder::base_path): `/socket.io`, the client
    /// library below it, the chat page at `/`, `/healthz`, which answers as long as the process works, and `/readyz`,
    /// which says with status 503 [what does not](Self::impairments).
    pub fn router(&self) -> Router {
        self.router_for(self.origins_at(None))
    }

    /// The pages that may use a server that listens on this address, where that is known.
    fn origins_at(&self, listening: Option<IpAddr>) -> Origins {
        Origins::new(self.rules.clone(), self.proxies.clone(), listening)
    }

    fn router_for(&self, origins: Origins) -> Router {
        let chat = self.clone();
        let ready = get(async move || match &*chat.impairments() {
            [] => (StatusCode::OK, "ready\n".to_owned()),
            impairments => (StatusCode::SERVICE_UNAVAILABLE, impairments.join("\n") + "\n"),
        });
        let health = web::health().route("/readyz", ready);
        let chat = self.socket_router_for(origins).merge(web::router()).merge(health.clone());
        let nested = self.base_path.nest(chat);
        if self.base_path == BasePath::default() { nested } else { nested.merge(health) }
    }

    /// The most connections that [`serve`](Self::serve) takes.
    pub fn max_connections(&self) -> usize {
        self.room.connections
    }

    /// What does not work at the moment, in a sentence each; nothing when all does.
    ///
    /// Clients are served all the same: they get no acks while the store cannot be written, no messages that are
    /// not in memory while it cannot be read, and hear of messages of other nodes up to a second late while those
    /// cannot be heard. Each lasts until a call of its kind has worked: reads that work do not end an outage of
    /// writes. When no client writes, the store is [asked](chat_store::MessageStore::try_commit) from time to time.
    pub fn impairments(&self) -> Vec<&'static str> {
        [
            (self.log.writing_fails(), "the store fails; messages are not acked"),
            (self.log.reading_fails(), "the store fails; messages are not read from it"),
            (self.recovery.saving_fails(), "the store fails; sessions are not saved"),
            (
                !self.broadcast.is_connected(),
                "other nodes cannot be heard; their messages arrive late, through the store",
            ),
        ]
        .into_iter()
        .filter_map(|(is_so, impairment)| is_so.then_some(impairment))
        .collect()
    }

    /// Serves [`router`](Self::router) on a listener until `stop` is ready, then stops as
    /// [`shutdown`](Self::shutdown) does, within ten seconds.
    ///
    /// On a loopback address the server is asked by a name of this machine, by an address, or by an
    /// [allowed host](ChatBuilder::allowed_hosts); what else is asked for is refused, unless a trusted proxy
    /// does. All else is as with [`serve_router`](Self::serve_router).
    ///
    /// # Errors
    /// When the listener fails. The chat is shut down then too.
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

    /// Serves an application's router, into which it has merged what it wants of the chat's, on a listener until `stop`
    /// is ready, then shuts the chat [down](Self::shutdown), within ten seconds.
    ///
    /// What connections may take is bounded by the [limits](Limits) of the chat: their number, in all and from one
    /// address, the size of headers, and the time for each part of a request and a response. Each request has
    /// its [`ClientAddress`](crate::ClientAddress). Small packets are sent at once (`TCP_NODELAY`).
    ///
    /// Not cancel safe: the listener is served on when this call is dropped. Let `stop` end it.
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
    /// When the listener fails. The chat is shut down then too.
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
                // What is left then are clients that do not take their answer.
                if timeout(CLOSE_PATIENCE, &mut server).await.is_err() {
                    server.abort();
                }
                Ok(())
            }
        }
    }

    /// Stops the chat: opens no further connections, commits what was sent, answers it, closes the
    /// connections so that clients connect again by themselves.
    ///
    /// It takes nine seconds at most: a store that hangs is waited for up to four, clients that do not
    /// take their answers for two. The store and the broadcast are the caller's, to be closed after this.
    ///
    /// Not cancel safe: when this call is dropped, what is left of these steps is not done. What was acked is
    /// stored all the same, and no further connections are opened.
    pub async fn shutdown(&self) {
        self.transport.refuse_new();
        if timeout(COMMIT_PATIENCE, self.log.close()).await.is_err() {
            tracing::warn!("the store hangs; the last messages are not acked");
        }
        if timeout(DRAIN_PATIENCE, self.connections.drain()).await.is_err() {
            tracing::info!("some clients did not take their last answers; they will ask again");
        }
        // What is left then are clients that do not read.
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

use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;

use chat_core::{CHAT_MESSAGE, Handshake, JOIN, LEAVE, Offset};
use chat_store::StoreError;
use serde_json::Value as Json;
use socketioxide::SocketIo;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::SocketRef;
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::{DisconnectReason, Socket};
use socketioxide_core::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::chat_message::ChatMessageHandler;
use super::connection::{Connection, InOrder, json};
use super::rooms::{JoinHandler, LeaveHandler};
use super::session::ChatSession;
use super::sink::SocketSink;
use super::unknown_event::UnknownEventHandler;
use crate::delivery::{Subscription, pump};
use crate::log::Log;
use crate::recovery::{Claim, Found, Recovery};
use crate::transport::Link;

/// Called for each connection before it can send anything.
pub(crate) type OnConnect = dyn Fn(&SocketRef) + Send + Sync;

/// Says whether a client may connect, and if not, why.
pub(crate) type Authenticate = dyn Fn(SocketRef, Json) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>>
    + Send
    + Sync;

/// What an application adds to each connection.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) on_connect: Option<Arc<OnConnect>>,
    pub(crate) authenticate: Option<Arc<Authenticate>>,
    /// Whether a client that gets its session back is not authenticated again.
    pub(crate) skip_middlewares: bool,
}

/// What all connections of a node share.
#[derive(Clone)]
pub(crate) struct Connections {
    log: Arc<Log>,
    recovery: Recovery,
    hooks: Hooks,
    /// The pump of each connection.
    pumps: TaskTracker,
    draining: CancellationToken,
}

/// Serves the chat on the namespace `/`.
pub(crate) fn register(io: &SocketIo, connections: Connections) {
    io.ns("/", connections);
}

impl ConnectHandler<LocalAdapter, InOrder> for Connections {
    /// Before the client is accepted, so before it may send: no handler comes too late.
    fn call_middleware<'a>(
        &'a self,
        socket: Arc<Socket>,
        auth: &'a Option<Value>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Box<dyn Display + Send>>> + Send + 'a>> {
        let auth = auth.as_ref().map_or("{}", json);
        // Anything else counts as absent. A list would be read as the fields in their order.
        let auth = if auth.starts_with('{') { auth } else { "{}" };
        Box::pin(async move {
            let refused = self.accept(SocketRef::from(socket), auth).await.err();
            refused.map_or(Ok(()), |reason| Err(Box::new(reason) as Box<dyn Display + Send>))
        })
    }

    /// After the client was accepted. Not called when it went away before.
    fn call(&self, socket: Arc<Socket>, _: Option<Value>) {
        let Some(connection) = socket.extensions.get::<Arc<Connection>>() else { return };
        connection.session.activate(&SocketRef::from(Arc::clone(&socket)));
        let gone = connection.gone.clone();
        let deliver = self.clone().deliver(socket, connection);
        self.pumps.spawn(async move { gone.run_until_cancelled(deliver).await });
    }
}

impl Connections {
    pub(crate) fn new(log: Arc<Log>, recovery: Recovery, hooks: Hooks) -> Self {
        let pumps = TaskTracker::new();
        Self { log, recovery, hooks, pumps, draining: CancellationToken::new() }
    }

    /// Delivers no more, and waits until all answers have been handed over and have left.
    pub(crate) async fn drain(&self) {
        self.draining.cancel();
        self.pumps.close();
        self.pumps.wait().await;
    }

    /// Authenticates a client, then finds its place. Nothing is sent to it before both are done.
    async fn accept(&self, socket: SocketRef, auth: &str) -> Result<(), String> {
        let trusted = match self.hooks.skip_middlewares {
            true => self.resumed(&socket, auth).await,
            false => Ok(None),
        };
        let place = match trusted {
            Ok(None) => {
                if let Some(authenticate) = &self.hooks.authenticate {
                    let auth = serde_json::from_str(auth).unwrap_or_default();
                    authenticate(socket.clone(), auth).await?;
                }
                self.place(&socket, auth).await
            }
            Ok(Some(place)) => Ok(place),
            Err(error) => Err(error),
        };
        match place {
            Ok(place) => self.prepare(socket, place).await,
            Err(error) => {
                // Refused, it would not try again. Cut off, it does, and nothing is lost.
                tracing::error!("a client cannot be served: {error}");
                if let Some(link) = socket.req_parts().extensions.get::<Arc<Link>>() {
                    link.close();
                }
            }
        }
        Ok(())
    }

    /// Where a client goes on: in the session that it claims, or in a new one.
    async fn place(&self, socket: &SocketRef, auth: &str) -> Result<Place, StoreError> {
        if let Some(place) = self.resumed(socket, auth).await? {
            return Ok(place);
        }
        // What cannot be understood counts as absent.
        let handshake: Handshake = serde_json::from_str(auth).unwrap_or_default();
        let (session, cursor) = ChatSession::begin(&self.log, &handshake).await?;
        Ok(Place { session, cursor, found: None })
    }

    /// Where a client goes on in the session that it claims, if it can.
    async fn resumed(&self, socket: &SocketRef, auth: &str) -> Result<Option<Place>, StoreError> {
        let claim: Claim = serde_json::from_str(auth).unwrap_or_default();
        let Some(found) = self.recovery.find(socket, &claim).await else { return Ok(None) };
        let resumed = ChatSession::resume(&self.log, &found).await?;
        Ok(resumed.map(|(session, cursor)| Place { session, cursor, found: Some(found) }))
    }

    /// Gives the connection its session and its handlers.
    async fn prepare(&self, socket: SocketRef, place: Place) {
        let Place { session: state, cursor, found } = place;
        let session = match found {
            Some(found) => self.recovery.resume(&socket, found),
            None => self.recovery.begin(&socket, state.to_text()).await,
        };
        let log = Arc::clone(&self.log);
        let connection = Arc::new(Connection::new(log, &socket, session, state, cursor));
        socket.on(CHAT_MESSAGE, ChatMessageHandler(Arc::clone(&connection)));
        socket.on(JOIN, JoinHandler(Arc::clone(&connection)));
        socket.on(LEAVE, LeaveHandler(Arc::clone(&connection)));
        socket.on_fallback(UnknownEventHandler(Arc::clone(&connection)));
        let ending = Arc::clone(&connection);
        socket.on_disconnect(move |reason: DisconnectReason| {
            ending.gone.cancel();
            ending.session.disconnected(reason);
            async {}
        });
        if let Some(on_connect) = &self.hooks.on_connect {
            on_connect(&socket);
        }
        socket.extensions.insert(connection);
    }

    async fn deliver(self, socket: Arc<Socket>, connection: Arc<Connection>) {
        let rooms = Arc::clone(&connection.rooms);
        let log = Arc::clone(&self.log);
        let subscription = Subscription::new(log, rooms, connection.cursor, &connection.wake);
        let sink = SocketSink::new(socket, Arc::clone(&connection.link));
        pump(subscription, &connection.outbox, &connection.wake, &sink, &self.draining).await;
    }
}

/// Where a client goes on.
struct Place {
    session: ChatSession,
    cursor: Offset,
    /// The session to resume; a new one begins when there is none.
    found: Option<Found>,
}

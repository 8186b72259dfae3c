use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;

use chat_core::{CHAT_MESSAGE, Handshake, Offset, RoomId};
use chat_store::StoreError;
use socketioxide::SocketIo;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::SocketRef;
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::chat_message::ChatMessageHandler;
use super::connection::{Connection, InOrder};
use super::sink::SocketSink;
use super::unknown_event::UnknownEventHandler;
use crate::delivery::{Subscription, pump};
use crate::log::Log;

/// Called for each connection before it can send anything.
pub(crate) type OnConnect = Arc<dyn Fn(&SocketRef) + Send + Sync>;

/// What all connections of a node share.
#[derive(Clone)]
pub(crate) struct Connections {
    log: Arc<Log>,
    on_connect: Option<OnConnect>,
    /// The pump of each connection.
    pumps: TaskTracker,
    draining: CancellationToken,
}

impl Connections {
    pub(crate) fn new(log: Arc<Log>, on_connect: Option<OnConnect>) -> Self {
        let pumps = TaskTracker::new();
        Self { log, on_connect, pumps, draining: CancellationToken::new() }
    }

    /// Delivers no more, and waits until all answers have been handed over and have left.
    pub(crate) async fn drain(&self) {
        self.draining.cancel();
        self.pumps.close();
        self.pumps.wait().await;
    }
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
        _: &'a Option<Value>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Box<dyn Display + Send>>> + Send + 'a>> {
        self.prepare(&SocketRef::from(socket));
        Box::pin(std::future::ready(Ok(())))
    }

    /// After the client was accepted. Not called when it went away before.
    fn call(&self, socket: Arc<Socket>, auth: Option<Value>) {
        let auth = auth.as_ref().and_then(|auth| auth.as_str());
        // What cannot be understood counts as absent.
        let handshake = auth.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        self.begin(socket, handshake);
    }
}

impl Connections {
    fn prepare(&self, socket: &SocketRef) {
        let connection = Arc::new(Connection::new(Arc::clone(&self.log), socket));
        socket.on(CHAT_MESSAGE, ChatMessageHandler(Arc::clone(&connection)));
        socket.on_fallback(UnknownEventHandler(Arc::clone(&connection)));
        let gone = connection.gone.clone();
        socket.on_disconnect(move || {
            gone.cancel();
            async {}
        });
        if let Some(on_connect) = &self.on_connect {
            on_connect(socket);
        }
        socket.extensions.insert(connection);
    }

    /// Starts the deliveries of a connection that was accepted.
    fn begin(&self, socket: Arc<Socket>, handshake: Handshake) {
        let Some(connection) = socket.extensions.get::<Arc<Connection>>() else { return };
        let this = self.clone();
        let gone = connection.gone.clone();
        self.pumps.spawn(async move {
            gone.run_until_cancelled(this.deliver(socket, handshake, connection)).await;
        });
    }

    async fn deliver(
        &self,
        socket: Arc<Socket>,
        handshake: Handshake,
        connection: Arc<Connection>,
    ) {
        let cursor = match self.cursor(handshake).await {
            Ok(cursor) => cursor,
            Err(error) => {
                // Nothing was sent, so the client comes back with the same offset.
                tracing::error!("a client cannot be served: {error}");
                connection.link.close();
                return;
            }
        };
        let rooms = vec![RoomId::general()];
        let subscription =
            Subscription::new(Arc::clone(&self.log), rooms, cursor, &connection.wake);
        let sink = SocketSink::new(socket, Arc::clone(&connection.link));
        pump(subscription, &connection.outbox, &connection.wake, &sink, &self.draining).await;
    }

    /// Where a client goes on: where it says, or at the beginning when it speaks of another log.
    async fn cursor(&self, handshake: Handshake) -> Result<Offset, StoreError> {
        let asked = handshake.server_offset;
        Ok(if self.log.contains(asked).await? { asked } else { Offset::ZERO })
    }
}

use std::fmt::Display;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chat_core::Nickname;
use chat_core::event::{NICKNAME, NOT_JOINED, Named, OTHER_LOG};
use socketioxide::SocketIo;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::SocketRef;
use socketioxide::handler::{ConnectHandler, DisconnectHandler};
use socketioxide::socket::{DisconnectReason, Socket};
use socketioxide_core::Value;
use tokio_util::task::TaskTracker;

use super::accept::{Accepted, Refused, accept};
use super::auth::Auth;
use super::connect_error::ConnectError;
use super::connection::{Connection, InOrder, json};
use super::events;
use super::keeper::keep_name;
use super::listing::{self, ListedConnection};
use super::live::Live;
use super::move_away::move_away;
use super::services::{Hooks, Services};
use super::sink::SocketSink;
use super::standing;
use crate::engine::delivery::{EphemeralEvent, ReadPosition, Subscription, deliver};
use crate::engine::policy::Denied;
use crate::engine::users::IdentityError;
use crate::socketio::client_address::ClientAddress;
use crate::socketio::transport::{Farewell, Link};

/// State shared by all connections of a node.
#[derive(Clone)]
pub(crate) struct Connections {
    services: Services,
    /// The delivery task of each connection.
    delivery_tasks: TaskTracker,
    live: Arc<Live>,
}

/// Serves the chat on the namespace `/`.
pub(crate) fn register(io: &SocketIo, connections: Connections) {
    io.ns("/", connections);
}

impl ConnectHandler<LocalAdapter, InOrder> for Connections {
    /// Runs before the client is accepted and may send, so that no handler is registered too late.
    fn call_middleware<'a>(
        &'a self,
        socket: Arc<Socket>,
        auth: &'a Option<Value>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Box<dyn Display + Send>>> + Send + 'a>> {
        let auth = Auth::read(auth.as_ref().map_or("{}", json));
        Box::pin(async move {
            let accepted = match auth {
                Ok(auth) => self.accept(SocketRef::from(Arc::clone(&socket)), auth).await,
                Err(refusal) => {
                    self.services.metrics().connects.refused.add(refusal.code);
                    Err(refusal.into())
                }
            };
            let Err(reason) = accepted else { return Ok(()) };
            // socketioxide sends the text alone.
            if let Some(link) = socket.req_parts().extensions.get::<Arc<Link>>() {
                link.namespaces.refuse(socket.ns(), reason.data());
            }
            Err(Box::new(reason) as Box<dyn Display + Send>)
        })
    }

    /// Runs after the client was accepted. Not called if it left before.
    fn call(&self, socket: Arc<Socket>, _: Option<Value>) {
        let Some(connection) = socket.extensions.get::<Arc<Connection>>() else { return };
        if connection.link.is_closed() {
            // It ended while the client was being accepted. socketioxide ended those who were connected by then, and
            // would keep this one for ever.
            socket.disconnect().ok();
            return;
        }
        connection.session.activate(&SocketRef::from(Arc::clone(&socket)));
        let address = address(&socket);
        tracing::debug!(socket.id = %connection.session.id(), client.address = address, "connected");
        self.delivery_tasks.spawn(self.clone().deliver(socket, connection));
    }
}

impl Connections {
    pub(crate) fn new(services: Services) -> Self {
        let delivery_tasks = TaskTracker::new();
        Self { services, delivery_tasks, live: Arc::default() }
    }

    /// Stops delivering messages, and waits until all answers have been handed over and sent.
    pub(crate) async fn drain(&self) {
        self.live.drain();
        self.delivery_tasks.close();
        self.delivery_tasks.wait().await;
    }

    /// Ends all connections, spread over this time, so that clients reconnect to other nodes.
    pub(crate) async fn move_away(&self, over: Duration) {
        move_away(&self.live, over).await;
    }

    /// Accepts a client, or refuses it with a reason. Nothing is sent to it before.
    async fn accept(&self, socket: SocketRef, auth: Auth) -> Result<(), ConnectError> {
        let counted = &self.services.metrics().connects;
        let asks_for_session = auth.claim.pid.is_some();
        match accept(&self.services, &socket, auth).await {
            Ok(accepted) => {
                let counter = match accepted.found {
                    Some(_) => &counted.recovered,
                    None if asks_for_session => &counted.not_recovered,
                    None => &counted.new,
                };
                counter.add(1);
                self.prepare(socket, accepted).await;
            }
            Err(Refused::ByApplication(reason)) => {
                counted.refused_by_application.add(1);
                return Err(reason);
            }
            Err(
                Refused::IdentityError(IdentityError::Refused(refusal))
                | Refused::Denied(Denied::Refused(refusal)),
            ) => {
                counted.refused.add(refusal.code);
                return Err(refusal.into());
            }
            Err(Refused::IdentityError(IdentityError::Store(error))) => {
                tracing::debug!("a client cannot be served: {error}");
                counted.unserved.add(1);
                cut_off(&socket);
            }
            Err(Refused::Denied(Denied::Undecided)) => {
                counted.unserved.add(1);
                cut_off(&socket);
            }
        }
        Ok(())
    }

    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// Returns, for each connection that has something to read, how many messages of the log come after its cursor.
    pub(crate) fn lags(&self) -> Vec<u64> {
        let tail = self.services.log.tail();
        // Not measured under the lock, which connecting clients wait for.
        let all = self.live.with_readers();
        let lags = all.iter().map(|(connection, reader)| listing::lag(connection, reader, tail));
        lags.filter(|lag| *lag > 0).collect()
    }

    /// Lists the connections of a user, or of all: those first that are furthest behind, at most `limit`.
    pub(crate) fn list(&self, user: Option<&Nickname>, limit: usize) -> Vec<ListedConnection> {
        listing::list(&self.live, &self.services, user, limit)
    }

    /// Ends a connection and its session: the client may come back in a new one. Returns whether it was there.
    pub(crate) fn disconnect(&self, id: &str) -> bool {
        listing::disconnect(&self.live, id)
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    /// Gives the connection its session and its handlers.
    async fn prepare(&self, socket: SocketRef, accepted: Accepted) {
        let Accepted { session: state, cursor, found, identified, not_joined, other_log, .. } =
            accepted;
        let (policy, echo) = ((accepted.access, &*accepted.unseen), accepted.echo);
        let recovery = &self.services.recovery;
        let session = match found {
            Some(found) => {
                let has_changed = *found.state() != state;
                let session = recovery.resume(&socket, found);
                if has_changed {
                    session.save(&state);
                }
                session
            }
            None => recovery.begin(&socket, &state).await,
        };
        let (user, token) = identified.unzip();
        let services = self.services.clone();
        // What an earlier connection has changed may not be saved either.
        let position = ReadPosition::new(state.following, cursor, session.is_saved());
        let begin = (position, state.was_anonymous, state.exclusions);
        let identity = (user, token.flatten());
        let connection =
            Arc::new(Connection::new(services, &socket, session, begin, identity, policy, echo));
        if let Some(other_log) = other_log {
            tracing::debug!("a client's position is of another log");
            connection.waiting.ephemeral.extend(EphemeralEvent::new(OTHER_LOG, &other_log));
        }
        if let Some(user) = connection.user() {
            let named = Named::new(user.nickname.clone(), connection.token());
            let named = named.with_user(user.id);
            connection.waiting.ephemeral.extend(EphemeralEvent::new(NICKNAME, &named));
            keep_name(&connection);
        }
        if let Some(rooms) = not_joined {
            connection.waiting.ephemeral.extend(EphemeralEvent::new(NOT_JOINED, &rooms));
        }
        events::register(&socket, &connection);
        if let Some(on_connect) = &self.services.hooks.on_connect {
            on_connect(&socket);
        }
        // After the application's hooks, which could replace it: a socket has one disconnect handler.
        let hooks = Arc::clone(&self.services.hooks);
        socket.on_disconnect(Ending { connection: Arc::clone(&connection), hooks });
        socket.extensions.insert(connection);
    }

    async fn deliver(self, socket: Arc<Socket>, connection: Arc<Connection>) {
        let (log, position) = (Arc::clone(&self.services.log), Arc::clone(&connection.position));
        let wake = &connection.waiting.wake;
        let subscription = Subscription::new(log, connection.reader, position, wake);
        let sink = SocketSink::new(socket, Arc::clone(&connection));
        let _live = self.live.enter(&connection, Arc::clone(subscription.reader()));
        connection.look_for_removal();
        standing::begin(&connection);
        deliver(subscription, &connection.waiting, &sink).await;
    }
}

/// Ends a connection that cannot be served now. If refused, the client would not try again. If disconnected, it does,
/// and nothing is lost.
fn cut_off(socket: &Socket) {
    if let Some(link) = socket.req_parts().extensions.get::<Arc<Link>>() {
        link.close(Farewell::Unavailable);
    }
}

/// Cleans up after a connection.
///
/// Not an async closure: socketioxide spawns those, and forgets the socket only afterwards. A client that leaves the
/// namespace and reconnects to it on the same connection, as Socket.IO's documentation shows for new credentials,
/// would be taken for one that is still connected, and never get an answer.
struct Ending {
    connection: Arc<Connection>,
    hooks: Arc<Hooks>,
}

impl DisconnectHandler<LocalAdapter, InOrder> for Ending {
    fn call_with_defer(
        &self,
        socket: Arc<Socket>,
        reason: DisconnectReason,
        forget: fn(Arc<Socket>),
    ) {
        let Self { connection, hooks } = self;
        let has_given_up = connection.link.namespaces.has_given_up();
        let reason = if has_given_up { DisconnectReason::ClientNSDisconnect } else { reason };
        connection.end();
        let (id, address) = (connection.session.id(), address(&socket));
        tracing::debug!(socket.id = %id, client.address = address, "disconnected: {reason}");
        let on_purpose = connection.session.disconnected(reason);
        connection.presence.end(on_purpose);
        if let Some(on_disconnect) = &hooks.on_disconnect {
            on_disconnect(&SocketRef::from(Arc::clone(&socket)), reason);
        }
        forget(socket);
    }
}

/// The address of a client, for the log.
fn address(socket: &Socket) -> Option<tracing::field::DisplayValue<IpAddr>> {
    let address = ClientAddress::of(&socket.req_parts().extensions)?;
    Some(tracing::field::display(address.0))
}

use std::borrow::Cow;
use std::fmt::Display;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use chat_core::{
    Handshake, NICKNAME, NOT_JOINED, Named, Nickname, NotJoined, Offset, Refusal, RefusalCode,
    Token, mended_json,
};
use serde::de::IgnoredAny;
use socketioxide::SocketIo;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::SocketRef;
use socketioxide::handler::{ConnectHandler, DisconnectHandler};
use socketioxide::socket::{DisconnectReason, Socket};
use socketioxide_core::Value;
use tokio_util::task::TaskTracker;

use super::connection::{Connection, InOrder, json, source_of};
use super::events;
use super::keeper::keep_name;
use super::live::Live;
use super::not_joined::not_joined;
use super::services::{Hooks, Services};
use super::session::ChatSession;
use super::sink::SocketSink;
use super::too_large;
use crate::engine::delivery::{Notice, Subscription, deliver};
use crate::engine::people::{Person, Unidentified};
use crate::socketio::client_address::ClientAddress;
use crate::socketio::recovery::{Claim, Found};
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
        let auth = object(auth.as_ref().map_or("{}", json));
        Box::pin(async move {
            let accepted = match auth {
                Ok(auth) => self.accept(SocketRef::from(socket), &auth).await,
                Err(refusal) => Err(connect_error(&refusal)),
            };
            let refused = accepted.err();
            refused.map_or(Ok(()), |reason| Err(Box::new(reason) as Box<dyn Display + Send>))
        })
    }

    /// Runs after the client was accepted. Not called if it left before.
    fn call(&self, socket: Arc<Socket>, _: Option<Value>) {
        let Some(connection) = socket.extensions.get::<Arc<Connection>>() else { return };
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

    /// Authenticates a client, and then determines its user and read position. Nothing is sent to it before.
    async fn accept(&self, socket: SocketRef, auth: &str) -> Result<(), String> {
        match self.entry(&socket, auth).await {
            Ok(entry) => self.prepare(socket, entry).await,
            Err(Refused::ByApplication(reason)) => return Err(reason),
            Err(Refused::Unidentified(Unidentified::Refused(refusal))) => {
                return Err(connect_error(&refusal));
            }
            Err(Refused::Unidentified(Unidentified::Store(error))) => {
                // If refused, the client would not try again. If disconnected, it does, and nothing is lost.
                tracing::debug!("a client cannot be served: {error}");
                if let Some(link) = socket.req_parts().extensions.get::<Arc<Link>>() {
                    link.close(Farewell::Unavailable);
                }
            }
        }
        Ok(())
    }

    /// Determines how a client continues: in the session that it claims, or in a new one.
    async fn entry(&self, socket: &SocketRef, auth: &str) -> Result<Entry, Refused> {
        too_large::check_auth(auth).map_err(Unidentified::from)?;
        let Services { log, identities, hooks, .. } = &self.services;
        let trusted = if hooks.skip_middlewares { self.resumed(socket, auth).await? } else { None };
        if trusted.is_none()
            && let Some(authenticate) = &hooks.authenticate
        {
            let auth = serde_json::from_str(auth).unwrap_or_default();
            authenticate(socket.clone(), auth).await.map_err(Refused::ByApplication)?;
        }
        // Invalid fields count as absent.
        let handshake: Handshake = serde_json::from_str(auth).unwrap_or_default();
        let issued = identities.issued(handshake.token.as_ref()).await?;
        let resumed = match trusted {
            None => self.resumed(socket, auth).await?,
            trusted => trusted,
        };

        if let Some(Resumed { found, mut session, cursor }) = resumed {
            let person = match (&issued, session.person()) {
                // The session of another user, or of one whose nickname has another owner now.
                (Some(issued), Some(person)) if issued.id != person.id => None,
                (Some(issued), _) => Some(Some((issued.clone(), None))),
                (None, Some(person)) => match identities.renew(&person).await {
                    Ok(()) => Some(Some((person, None))),
                    Err(Unidentified::Refused(_)) => None,
                    Err(error) => return Err(error.into()),
                },
                (None, None) => Some(self.named(socket, &handshake).await?),
            };
            if let Some(named) = person {
                if let Some((person, _)) = &named
                    && session.person().is_none()
                {
                    session.identify(person, log.tail());
                }
                let found = Some(found);
                let echo = handshake.echo;
                // It is in the rooms of its session.
                return Ok(Entry { found, session, cursor, named, not_joined: None, echo });
            }
        }

        let named = match issued {
            Some(person) => Some((person, None)),
            None => self.named(socket, &handshake).await?,
        };
        let person = named.as_ref().map(|(person, _)| person);
        let begun = ChatSession::begin(log, &handshake, person).await;
        let (session, cursor) = begun.map_err(Unidentified::Store)?;
        let not_joined = not_joined(auth);
        Ok(Entry { found: None, session, cursor, named, not_joined, echo: handshake.echo })
    }

    /// Returns the session that a client claims, if it can continue in it.
    async fn resumed(
        &self,
        socket: &SocketRef,
        auth: &str,
    ) -> Result<Option<Resumed>, Unidentified> {
        let claim: Claim = serde_json::from_str(auth).unwrap_or_default();
        let Some(found) = self.services.recovery.find(socket, &claim).await else {
            return Ok(None);
        };
        let resumed = ChatSession::resume(&self.services.log, &found).await?;
        Ok(resumed.map(|(session, cursor)| Resumed { found, session, cursor }))
    }

    /// Returns the user with the nickname that a client connects with, and the token that keeps it.
    async fn named(
        &self,
        socket: &SocketRef,
        handshake: &Handshake,
    ) -> Result<Option<Identified>, Unidentified> {
        let identities = &self.services.identities;
        let Some(name) = handshake.nickname.as_deref().filter(|_| !identities.are_issued()) else {
            return Ok(None);
        };
        let nickname: Nickname =
            name.parse().map_err(|error| Refusal::invalid(RefusalCode::InvalidNickname, error))?;
        let (person, token) =
            identities.take(nickname, handshake.token.clone(), source_of(socket)).await?;
        Ok(Some((person, Some(token))))
    }

    /// Gives the connection its session and its handlers.
    async fn prepare(&self, socket: SocketRef, entry: Entry) {
        let Entry { session: state, cursor, found, named, not_joined, echo } = entry;
        let recovery = &self.services.recovery;
        let session = match found {
            Some(found) => recovery.resume(&socket, found),
            None => recovery.begin(&socket, state.to_text()).await,
        };
        let (person, token) = named.unzip();
        let services = self.services.clone();
        let (place, user) = ((state, cursor), (person, token.flatten()));
        let connection = Arc::new(Connection::new(services, &socket, session, place, user, echo));
        if let Some(person) = connection.person() {
            let named = Named { nickname: person.nickname.clone(), token: connection.token() };
            connection.waiting.notices.extend(Notice::new(NICKNAME, &named));
            keep_name(&connection);
        }
        if let Some(rooms) = not_joined {
            connection.waiting.notices.extend(Notice::new(NOT_JOINED, &rooms));
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
        let (log, place) = (Arc::clone(&self.services.log), Arc::clone(&connection.position));
        let wake = &connection.waiting.wake;
        let subscription = Subscription::new(log, connection.reader, place, wake);
        let sink = SocketSink::new(socket, Arc::clone(&connection));
        let _live = self.live.enter(&connection);
        deliver(subscription, &connection.waiting, &sink).await;
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
        let has_given_up = connection.link.has_given_up();
        let reason = if has_given_up { DisconnectReason::ClientNSDisconnect } else { reason };
        connection.end();
        let (id, address) = (connection.session.id(), address(&socket));
        tracing::debug!(socket.id = %id, client.address = address, "disconnected: {reason}");
        let on_purpose = connection.session.disconnected(reason);
        connection.attendance.end(on_purpose);
        if let Some(on_disconnect) = &hooks.on_disconnect {
            on_disconnect(&SocketRef::from(Arc::clone(&socket)), reason);
        }
        forget(socket);
    }
}

/// Returns `auth` as a JSON object. Other values count as absent: a list would be read as the fields in their order.
/// Text that is not JSON at all is refused: otherwise the client would get in as a new one.
fn object(auth: &str) -> Result<Cow<'_, str>, Refusal> {
    let auth = mended_json(auth);
    if serde_json::from_str::<IgnoredAny>(&auth).is_err() {
        return Err(Refusal::new(RefusalCode::InvalidArguments, "auth is not valid JSON"));
    }
    Ok(if auth.starts_with('{') { auth } else { "{}".into() })
}

/// Returns the address of a client, for the log.
fn address(socket: &Socket) -> Option<tracing::field::DisplayValue<IpAddr>> {
    let address = ClientAddress::of(&socket.req_parts().extensions)?;
    Some(tracing::field::display(address.0))
}

/// Formats a refusal for a refused client: socketioxide sends one text, so it begins with the code.
fn connect_error(refusal: &Refusal) -> String {
    let code = serde_json::to_value(refusal.code).unwrap_or_default();
    format!("{}: {}", code.as_str().unwrap_or_default(), refusal.message)
}

/// A user, and the token that keeps the nickname if the client has to be told.
type Identified = (Person, Option<Token>);

/// How a client continues.
struct Entry {
    /// The session to resume; none to begin a new one.
    found: Option<Found>,
    session: ChatSession,
    cursor: Offset,
    named: Option<Identified>,
    /// The rooms in `auth` that it could not join.
    not_joined: Option<NotJoined>,
    echo: bool,
}

/// A session that a client claims, and its read position.
struct Resumed {
    found: Found,
    session: ChatSession,
    cursor: Offset,
}

/// Why a client is not accepted.
enum Refused {
    ByApplication(String),
    Unidentified(Unidentified),
}

impl From<Unidentified> for Refused {
    fn from(reason: Unidentified) -> Self {
        Self::Unidentified(reason)
    }
}

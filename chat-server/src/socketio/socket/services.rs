use std::pin::Pin;
use std::sync::Arc;

use chat_core::UserId;
use chat_store::{OwnerKey, RoomStore};
use serde_json::Value as Json;
use socketioxide::extract::SocketRef;
use socketioxide::socket::DisconnectReason;

use super::access_progress::AccessProgress;
use super::connect_error::ConnectError;
use super::observe::{Direction, Observed};
use super::session::ChatSession;
use crate::engine::client_events::ClientEvents;
use crate::engine::files::Files;
use crate::engine::intercept::Interception;
use crate::engine::limits::Limits;
use crate::engine::log::Log;
use crate::engine::metrics::Metrics;
use crate::engine::outgoing::Outgoing;
use crate::engine::policy::{Elsewhere, Gate};
use crate::engine::presence::Presence;
use crate::engine::quota::Quotas;
use crate::engine::rate::Buckets;
use crate::engine::reading::Reading;
use crate::engine::search::Search;
use crate::engine::source::Source;
use crate::engine::turns::Turns;
use crate::engine::users::{Identities, User};
use crate::socketio::recovery::Recovery;
use crate::socketio::transport::Link;

/// Called for each connection before it can send anything.
pub(crate) type OnConnect = dyn Fn(&SocketRef) + Send + Sync;

/// Called for each connection that ended, with the reason.
pub(crate) type OnDisconnect = dyn Fn(&SocketRef, DisconnectReason) + Send + Sync;

/// Decides whether a client may connect, and if not, why.
pub(crate) type Authenticate = dyn Fn(SocketRef, Json) -> Pin<Box<dyn Future<Output = Result<(), ConnectError>> + Send>>
    + Send
    + Sync;

/// Called for each event of the chat, in either direction.
pub(crate) type Observe = dyn Fn(Observed<'_>) + Send + Sync;

/// The hooks that an application adds to each connection.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) on_connect: Option<Arc<OnConnect>>,
    pub(crate) on_disconnect: Option<Arc<OnDisconnect>>,
    pub(crate) authenticate: Option<Arc<Authenticate>>,
    /// Whether a client that recovers its session skips authentication.
    pub(crate) skip_middlewares: bool,
    pub(crate) observe: Option<Arc<Observe>>,
}

impl Hooks {
    pub(crate) fn observed(
        &self,
        socket: &str,
        direction: Direction,
        event: Option<&str>,
        bytes: usize,
    ) {
        if let Some(observe) = &self.observe {
            observe(Observed { socket, direction, event, bytes });
        }
    }
}

/// The services that the connections of a node use. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) log: Arc<Log>,
    pub(crate) recovery: Recovery<ChatSession>,
    pub(crate) identities: Identities,
    pub(crate) presence: Presence,
    /// Where rooms are kept; none if they are not.
    pub(crate) rooms: Option<Arc<dyn RoomStore>>,
    /// The rate at which each user may create rooms; none without a limit.
    pub(crate) new_rooms: Option<Arc<Buckets<UserId>>>,
    /// The rate at which all users at one address may; none without a limit.
    pub(crate) new_rooms_from: Option<Arc<Buckets<Source>>>,
    /// The rate at which each user may change rooms, roles, bans and mutes; none without a limit.
    pub(crate) access_rate: Option<Arc<Buckets<UserId>>>,
    /// What keeps how far users have read; none if nothing does.
    pub(crate) reading: Option<Reading>,
    /// Finds messages; none if nothing indexes them.
    pub(crate) search: Option<Search>,
    /// The files of messages; none if no files are kept.
    pub(crate) files: Option<Files>,
    /// Asks the application's policy; none without one.
    pub(crate) gate: Option<Gate>,
    /// Whose turn it is to give a message a new reaction, or to edit one with files.
    pub(crate) changing: Turns,
    /// Looks at what clients send before it is stored; none without an interceptor.
    pub(crate) interception: Option<Interception>,
    /// The application's events that clients may send.
    pub(crate) client_events: Arc<ClientEvents>,
    pub(crate) hooks: Arc<Hooks>,
    /// Changes of access that are to be applied on this node.
    pub(crate) changes: Elsewhere,
    /// How far this node has applied the log of changes to rooms, bans and mutes.
    pub(crate) progress: Arc<AccessProgress>,
    /// The queue of frames for other nodes; none if there are none.
    pub(crate) outgoing: Option<Outgoing>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) quotas: Arc<Quotas>,
    /// The rate of events for each user; none without a limit.
    pub(crate) events: Option<Arc<Buckets<OwnerKey>>>,
}

impl Services {
    pub(crate) fn metrics(&self) -> &Metrics {
        self.log.metrics()
    }

    /// Counts everything that a user sends over all connections together.
    pub(crate) fn share(&self, link: &Link, user: &User) {
        if let Some(events) = &self.events {
            link.incoming.share(events.of(&user.owner));
        }
    }
}

//! [Connection state recovery](https://socket.io/docs/v4/connection-state-recovery) for any socketioxide application:
//! a client that lost its connection gets its session back. Its library reports that: `socket.recovered` is true and
//! `socket.id` stays the same.
//!
//! ```text
//!  client                      server
//!    │ ── CONNECT ───────────────▶ │  a new session: its secret, the pid, is made and its state saved
//!    │ ◀── { sid, pid } ────────── │  the reply is completed on its way out
//!    │ ◀── events, each ends with  │
//!    │     the client's position   │
//!    ╳ the connection breaks       │  the session is kept for the recovery window
//!    │ ── CONNECT { pid, offset }▶ │  authenticate, then find and resume the session
//!    │ ◀── { sid, pid }, as before │
//!    │ ◀── what it missed ──────── │
//! ```
//!
//! This module keeps sessions: who may have each one and for how long, and that it has a single owner. The
//! application decides what a session contains and what a client has missed. Three parts make it work:
//!
//! - [`TransportService`](crate::TransportService) wraps the service of socketioxide.
//! - A connect middleware finds the session and resumes it, or begins a new one, *after* it has
//!   authenticated the client.
//! - A Socket.IO client stores the trailing string of *any* event as its position. So events that carry
//!   a position end with it, and all others go out through [`emit`], which makes sure that they do not end
//!   with a string.
//!
//! Sessions are saved when they change, not when they end, so they survive a crash of the server. The store keeps
//! only a hash of the secret.
//!
//! ```no_run
//! use std::{convert::Infallible, sync::Arc, time::Duration};
//!
//! use chat_server::TransportService;
//! use chat_server::recovery::{Claim, Recovery, Session};
//! use chat_store::MemoryStore;
//! use socketioxide::extract::{SocketRef, TryData};
//! use socketioxide::handler::ConnectHandler;
//! use socketioxide::{SocketIo, socket::DisconnectReason};
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     // What belongs to a session: here a number, which is zero when it begins.
//!     let recovery = Recovery::<u32>::new(Arc::new(MemoryStore::new()), Duration::from_secs(120));
//!     let (service, io) = SocketIo::new_svc();
//!
//!     let restore = {
//!         let recovery = recovery.clone();
//!         async move |socket: SocketRef, TryData(claim): TryData<Claim>| {
//!             // Authenticate here, before anything is restored.
//!             let found = recovery.find(&socket, &claim.unwrap_or_default()).await;
//!             let session = match found {
//!                 Some(found) => recovery.resume(&socket, found),
//!                 None => recovery.begin(&socket, &0).await,
//!             };
//!             let session = Arc::new(session);
//!             socket.extensions.insert(Arc::clone(&session));
//!             socket.on_disconnect(async move |reason: DisconnectReason| {
//!                 session.disconnected(reason);
//!             });
//!             Ok::<(), Infallible>(())
//!         }
//!     };
//!     let connected = async |socket: SocketRef| {
//!         let Some(session) = socket.extensions.get::<Arc<Session<u32>>>() else { return };
//!         session.activate(&socket);
//!         println!("{} is here, recovered: {}", session.id(), session.recovered());
//!         // Send what it missed, then go on.
//!     };
//!     io.ns("/", connected.with(restore));
//!
//!     let service = TransportService::new(service, Duration::from_secs(45));
//!     let app = axum::Router::new().route_service("/socket.io/", service);
//!     axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await
//! }
//! ```

mod claim;
mod emit;
mod registry;
mod saved;
mod session;
mod sockets;
mod writer;

#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use chat_core::Timestamp;
use chat_store::{SessionKey, SessionStore, StoreError};
use data_encoding::HEXLOWER;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use socketioxide::extract::SocketRef;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use claim::Claim;
pub use emit::{EmitError, emit};
pub use session::{Found, Session};
pub use sockets::public_id;

use crate::engine::outage::Outage;
use crate::socketio::transport::{ConnectReply, Farewell};
use registry::{Active, Registry, opened_at};
use saved::{Known, Saved, text_of};
use sockets::{evict, link_of, opened};
use writer::Writer;

/// The shortest window other than zero.
const LEAST_WINDOW: Duration = Duration::from_millis(100);
const MOST_WINDOW: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The number of random bytes in the secret of a session.
const SECRET_BYTES: usize = 24;

/// How long to wait for a new session to be saved before the client is connected without one.
const SAVE_PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait for the store's view of a session that is known here.
const LOOKUP_PATIENCE: Duration = Duration::from_secs(2);

/// The sessions of an application, each with a state `S`: what belongs to a session beside its id. It is kept as JSON.
/// Cheap to clone; clones are the same.
pub struct Recovery<S>(Arc<Shared>, PhantomData<fn() -> S>);

impl<S> Clone for Recovery<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

struct Shared {
    store: Arc<dyn SessionStore>,
    window: Duration,
    registry: Arc<Registry>,
    writer: Arc<Writer>,
    looking_up: Arc<Outage>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl<S> Recovery<S> {
    /// Keeps sessions in `store`, each for `window` after its connection broke, and up to half as long again when the
    /// server crashed. A window of zero turns recovery off: there are no sessions. Any other window is clamped to
    /// 100 ms to 365 days.
    ///
    /// Call it on a tokio runtime.
    pub fn new(store: Arc<dyn SessionStore>, window: Duration) -> Self {
        let window =
            if window.is_zero() { window } else { window.clamp(LEAST_WINDOW, MOST_WINDOW) };
        let registry = Arc::new(Registry::new(window));
        let writer = Arc::new(Writer::new(Arc::clone(&store), Arc::clone(&registry)));
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        if !window.is_zero() {
            tasks.spawn(Arc::clone(&writer).run(closing.clone()));
            let maintain = Arc::clone(&writer).maintain(window);
            tasks.spawn(closing.clone().run_until_cancelled_owned(maintain));
            let settle = Arc::clone(&writer).settle();
            tasks.spawn(closing.clone().run_until_cancelled_owned(settle));
        }
        tasks.close();
        let looking_up = Outage::new("looking for sessions in the store");
        let shared = Shared { store, window, registry, writer, looking_up, tasks, closing };
        Self(Arc::new(shared), PhantomData)
    }

    async fn stored(&self, key: SessionKey) -> Result<Option<Known>, StoreError> {
        let found = self.0.store.session(key, Timestamp::now()).await;
        let record = self.0.looking_up.watch(found)?;
        Ok(record.and_then(|record| {
            let saved = Saved::from_record(&record)?;
            Some(Known { generation: record.generation, saved })
        }))
    }

    /// Returns whether sessions cannot be saved: the last save failed and is being retried.
    pub(crate) fn saving_fails(&self) -> bool {
        self.0.writer.fails()
    }

    /// Calls `taken` whenever a client has recovered a session here and that is saved, with the session's new
    /// [generation](chat_store::SessionRecord::generation), so that you can tell other servers with the same store to
    /// [release it](Self::taken_elsewhere). Only the first call of this method counts. `taken` must not block.
    ///
    /// Without it, this server is alone: what it knows of a session counts, also when the store cannot be asked.
    pub fn on_taken(&self, taken: impl Fn(SessionKey, i64) + Send + Sync + 'static) {
        self.0.writer.on_taken(Box::new(taken));
    }

    /// Call this when another server with the same store reports that a client has recovered this session there. If a
    /// connection here has it with a lower generation, it is disconnected as soon as the store confirms the report: a
    /// false report does no harm.
    ///
    /// A server that is not told finds out when it next saves the session, within half the window.
    pub fn taken_elsewhere(&self, key: SessionKey, generation: i64) {
        if self.0.registry.doubt(key, generation) {
            self.0.writer.look();
        }
    }

    /// Saves what has changed and stops. Sessions stay in the store until they expire.
    ///
    /// Cancel safe: it continues when this call is dropped, as long as the runtime does.
    pub async fn close(&self) {
        self.0.closing.cancel();
        self.0.tasks.wait().await;
    }

    fn own(
        &self,
        socket: &SocketRef,
        key: SessionKey,
        known: Known,
        recovered: bool,
    ) -> Option<Session<S>> {
        let id = known.saved.id.clone();
        let (generation, evicted) = self.0.registry.own(key, known, opened(socket))?;
        if let Some(Active { socket: Some(socket), .. }) = evicted {
            evict(socket);
        }
        if recovered {
            self.0.registry.tell_of(key, generation);
        }
        self.0.writer.wake();
        Some(Session::owned(Arc::clone(&self.0.writer), key, generation, id, recovered))
    }

    fn reply(&self, socket: &SocketRef, reply: ConnectReply) {
        match link_of(socket) {
            Some(link) => link.namespaces.reply_to_connect(socket.ns(), reply),
            None => tracing::error!(
                "a client cannot be told of its session; put TransportService before the service"
            ),
        }
    }
}

impl<S: Serialize + DeserializeOwned> Recovery<S> {
    /// Returns the session that a client claims, if there is one. It is not the client's yet: look at its state and
    /// decide, then [`resume`](Self::resume) it or [`begin`](Self::begin) another.
    ///
    /// Nothing that a client claims is an error. The client gets a new session if the store fails, if the state cannot
    /// be read as an `S`, or if another server with this store has given the session to a connection that was opened
    /// later than `socket`.
    ///
    /// Cancel safe: it only reads.
    pub async fn find(&self, socket: &SocketRef, claim: &Claim) -> Option<Found<S>> {
        self.look_up(socket, claim).await.ok().flatten()
    }

    /// Returns the same as [`find`](Self::find).
    ///
    /// # Errors
    /// The session is known here, but another server may have had it since, and the store cannot be asked: whoever
    /// went on with what is known here could undo what that server has answered.
    pub(crate) async fn look_up(
        &self,
        socket: &SocketRef,
        claim: &Claim,
    ) -> Result<Option<Found<S>>, StoreError> {
        let pid = claim.pid.as_deref().filter(|_| !self.0.window.is_zero());
        let Some(pid) = pid else { return Ok(None) };
        let key = key_of(pid);
        // Also when it is known here: another node may have had it since, and this one not have heard of it.
        let stored = match self.0.registry.find(key) {
            Some(_) => {
                let stored = timeout(LOOKUP_PATIENCE, self.stored(key)).await;
                let stored = stored.unwrap_or_else(|elapsed| Err(unanswered(elapsed)));
                if self.0.writer.has_others() { stored? } else { stored.ok().flatten() }
            }
            None => self.stored(key).await.ok().flatten(),
        };
        Ok(self.newest(socket, key, stored).and_then(|known| {
            let state = serde_json::from_str(&known.saved.state).ok()?;
            Some(Found { key, pid: pid.to_owned(), known, state, offset: claim.offset.clone() })
        }))
    }

    /// Returns what is known of a session, given what the store has of it.
    fn newest(&self, socket: &SocketRef, key: SessionKey, stored: Option<Known>) -> Option<Known> {
        // What is known here now, not before the store was asked: it may have been taken over meanwhile.
        match (self.0.registry.find(key), stored) {
            (Some(here), stored) => {
                let here = here?;
                match stored.filter(|stored| stored.generation > here.generation) {
                    Some(stored) => not_opened_after(socket, stored),
                    None => Some(here),
                }
            }
            (None, stored) => not_opened_after(socket, stored?),
        }
    }

    /// Gives a session that was found to a connection, and disconnects the connection that has it now.
    ///
    /// If that connection was opened later than this one, the client is connected already, and this is left over from
    /// an earlier attempt: then this one is closed.
    ///
    /// Call it in a connect middleware.
    pub fn resume(&self, socket: &SocketRef, found: Found<S>) -> Session<S> {
        let Found { key, pid, known, .. } = found;
        let saved = known.saved.clone();
        // Also to one that is closed: its reply may be sent before, and a client that is not told its secret
        // forgets it.
        self.reply(socket, ConnectReply { sid: saved.id.clone(), pid });
        self.own(socket, key, known, true).unwrap_or_else(|| {
            tracing::debug!("a client that is connected anew was left behind here");
            if let Some(link) = link_of(socket) {
                link.close(Farewell::TakenOver);
            }
            Session::without(saved)
        })
    }

    /// Begins a new session with this state, and waits until it is saved. If that takes longer than two seconds, the
    /// client is connected without a session that it can recover.
    ///
    /// Call it in a connect middleware. When this call is dropped, the session has no owner, nobody knows its
    /// secret, and it expires.
    pub async fn begin(&self, socket: &SocketRef, state: &S) -> Session<S> {
        let saved = Saved { id: public_id(socket), state: text_of(state).unwrap_or_default() };
        let mut secret = [0; SECRET_BYTES];
        if self.0.window.is_zero() || getrandom::fill(&mut secret).is_err() {
            return Session::without(saved);
        }
        let pid = HEXLOWER.encode(&secret);
        let reply = ConnectReply { sid: saved.id.clone(), pid: pid.clone() };
        // Nobody else can have a session with a new secret.
        let known = Known { generation: 0, saved: saved.clone() };
        let Some(session) = self.own(socket, key_of(&pid), known, false) else {
            return Session::without(saved);
        };
        match timeout(SAVE_PATIENCE, self.0.writer.saved()).await {
            Ok(()) => {
                self.reply(socket, reply);
                session
            }
            Err(_) => {
                session.end();
                Session::without(saved)
            }
        }
    }
}

/// Returns the session, unless it belongs to a connection that was opened later than this one.
fn not_opened_after(socket: &SocketRef, known: Known) -> Option<Known> {
    let late = opened_at(known.generation) > opened(socket).0;
    if late {
        tracing::debug!("a session stays with a connection that was opened later");
    }
    (!late).then_some(known)
}

fn unanswered(elapsed: Elapsed) -> StoreError {
    StoreError::Unavailable { place: "the store of sessions".into(), source: elapsed.into() }
}

fn key_of(pid: &str) -> SessionKey {
    SessionKey(Sha256::digest(pid.as_bytes()).into())
}

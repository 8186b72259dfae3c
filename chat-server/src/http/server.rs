//! An HTTP server with limits: on how long a client may take, on the size of headers, and on the number of
//! connections, in total and from one address. When there are too many, or no more files can be opened, further
//! connections are told so and existing ones continue.
//!
//! A websocket leaves this server once it is open: it keeps its connection slot, and its heartbeat replaces the
//! timeouts.

mod activity;
mod admission;
mod body;
mod connection;
mod context;
mod listener;
mod open_files;
mod respond;
mod state;
mod stream;
#[cfg(feature = "tls")]
mod tls;

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt;
use hyper::server::conn::http1;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use admission::Admission;
use context::Server;
pub use listener::Listener;
use listener::{Socket, try_write};
pub(crate) use open_files::Headroom;
use open_files::Reserve;

use crate::engine::episode::Episode;
use crate::engine::limits::Limits;
use crate::http::origin::Origins;
use crate::http::trusted_proxy::TrustedProxies;

/// Maximum number of bytes buffered per connection for reading or writing. Headers have a limit of their own.
const MAX_BUFFER: usize = 64 * 1024;

/// How long to wait when no connection can be accepted at all.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The answer to a connection for which there is no slot left, not even to read its request.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\nconnection: close\r\n\
    content-length: 0\r\n\r\n";

/// The router to serve, and its origin rules and limits.
pub(crate) struct Served {
    pub(crate) router: Router,
    pub(crate) limits: Limits,
    pub(crate) room: Headroom,
    pub(crate) proxies: TrustedProxies,
    /// The pages that may read why they are refused.
    pub(crate) origins: Origins,
}

/// Serves a router until `stopping` is cancelled and all connections have ended. Dropping it ends all connections.
///
/// # Errors
/// When the listener fails.
pub(crate) async fn serve(
    listener: Listener,
    served: Served,
    stopping: CancellationToken,
) -> io::Result<()> {
    let Served { router, limits, room, proxies, origins } = served;
    let mut http = http1::Builder::new();
    http.max_header_size(limits.max_header_bytes).max_buf_size(MAX_BUFFER);
    let server = Arc::new(Server {
        // Otherwise every connection would set up all routes again: a quarter of the cost of accepting one.
        router: router.with_state(()),
        admission: Admission::new(&limits, room, proxies.clone()),
        limits,
        proxies,
        origins,
        http,
        #[cfg(feature = "tls")]
        tls: listener.tls().cloned(),
        stopping: stopping.clone(),
    });
    let mut connections = JoinSet::new();
    let accepting = accept_all(&server, &listener, &mut connections);
    let accepted = stopping.run_until_cancelled(accepting).await;
    drop(listener);
    stopping.cancel();
    while connections.join_next().await.is_some() {}
    accepted.unwrap_or(Ok(()))
}

/// Accepts connections until the listener fails.
async fn accept_all(
    server: &Arc<Server>,
    listener: &Listener,
    connections: &mut JoinSet<()>,
) -> io::Result<()> {
    let exhausted = Episode::new("times no connection could be accepted; it works again");
    let mut reserve = Reserve::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let error = match accepted {
            Ok((stream, peer)) => {
                accept(server, stream, peer, connections);
                continue;
            }
            Err(error) => error,
        };
        match error.kind() {
            // An error of this connection only.
            ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => continue,
            // An error of the listener itself.
            ErrorKind::InvalidInput => return Err(error),
            _ => {}
        }
        exhausted.happens(|| tracing::error!("no connection can be accepted: {error}"));
        // It would wait in the dark otherwise, and the listener be ready all the time.
        let refused = open_files::are_exhausted(&error) && reserve.let_go() && {
            listener
                .accept()
                .now_or_never()
                .map(|accepted| accepted.map(|(stream, _)| refuse(server, &stream)));
            reserve.take_back();
            true
        };
        if !refused {
            sleep(ACCEPT_PAUSE).await;
            reserve.take_back();
        }
    }
}

/// Serves a connection if there is a slot for it.
fn accept(server: &Arc<Server>, stream: Socket, peer: IpAddr, connections: &mut JoinSet<()>) {
    match server.admission.admit(peer) {
        Some(slot) => {
            connections.spawn(connection::serve(Arc::clone(server), stream, peer, slot));
        }
        None => refuse(server, &stream),
    }
}

/// Answers that there is no room, without waiting. With TLS, an answer would take a handshake first.
fn refuse(server: &Server, stream: &Socket) {
    if !server.has_tls() {
        // It fails when the client is gone.
        let _ = try_write(stream, FULL);
    }
}

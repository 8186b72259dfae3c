//! HTTP with bounds: how long a client may take for anything, how large its headers are, and how many connections
//! there are, in all and from one address. When there are too many of them, or no more files can be open, further
//! ones are told so, and those that are there go on.
//!
//! A websocket leaves this when it has been opened: it keeps its place among the connections, and its times are
//! those of its heartbeat.

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
use open_files::Reserve;
pub(crate) use open_files::Room;

use crate::engine::episode::Episode;
use crate::engine::limits::Limits;
use crate::http::origin::Origins;
use crate::http::trusted_proxy::TrustedProxies;

/// The most that is read or kept for writing of one connection at a time. Headers have a limit of their own.
const MAX_BUFFER: usize = 64 * 1024;

/// How long to wait when no connection can be accepted at all.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a connection gets that there is nothing left for, not even somebody who reads its request.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\nconnection: close\r\n\
    content-length: 0\r\n\r\n";

/// What is served, and to whom.
pub(crate) struct Served {
    pub(crate) router: Router,
    pub(crate) limits: Limits,
    pub(crate) room: Room,
    pub(crate) proxies: TrustedProxies,
    /// The pages that may read why they are refused.
    pub(crate) origins: Origins,
}

/// Serves a router until `stopping` is cancelled and all connections have ended. Dropped, it ends them.
///
/// # Errors
/// When the listener does not work any more.
pub(crate) async fn serve(
    listener: Listener,
    served: Served,
    stopping: CancellationToken,
) -> io::Result<()> {
    let Served { router, limits, room, proxies, origins } = served;
    let mut http = http1::Builder::new();
    http.max_header_size(limits.max_header_bytes).max_buf_size(MAX_BUFFER);
    let server = Arc::new(Server {
        // Otherwise all routes would be set up anew for each connection: a quarter of what it costs to accept one.
        router: router.with_state(()),
        admission: Admission::new(&limits, room, proxies.clone()),
        limits,
        proxies,
        origins,
        http,
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
            // Of the one connection.
            ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => continue,
            // Of the listener itself.
            ErrorKind::InvalidInput => return Err(error),
            _ => {}
        }
        exhausted.happens(|| tracing::error!("no connection can be accepted: {error}"));
        // It would wait in the dark otherwise, and the listener be ready all the time.
        let refused = open_files::are_exhausted(&error) && reserve.let_go() && {
            listener
                .accept()
                .now_or_never()
                .map(|accepted| accepted.map(|(stream, _)| refuse(&stream)));
            reserve.take_back();
            true
        };
        if !refused {
            sleep(ACCEPT_PAUSE).await;
            reserve.take_back();
        }
    }
}

/// Serves a connection if there is a place for it.
fn accept(server: &Arc<Server>, stream: Socket, peer: IpAddr, connections: &mut JoinSet<()>) {
    match server.admission.admit(peer) {
        Some(slot) => {
            connections.spawn(connection::serve(Arc::clone(server), stream, peer, slot));
        }
        None => refuse(&stream),
    }
}

/// Says that there is no room, and waits for nothing.
fn refuse(stream: &Socket) {
    // It fails when the client has gone.
    let _ = try_write(stream, FULL);
}

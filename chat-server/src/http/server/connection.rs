use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
#[cfg(feature = "tls")]
use tokio::time::{Instant, timeout_at};
use tokio::time::{sleep, timeout};

use super::admission::Slot;
use super::context::Server;
use super::listener::{Socket, readable};
use super::respond::respond;
use super::state::State;
use super::stream::Stream;
#[cfg(feature = "tls")]
use super::tls;
use crate::engine::limits::Limits;

/// How long a refused connection may take to send its request.
const REFUSED_PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait for the client to close the connection after this side has closed it.
const LINGER: Duration = Duration::from_secs(1);

/// The response when the headers did not arrive in time.
const TOO_LATE: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Serves a connection until it ends, takes too long, or has become a websocket.
pub(super) async fn serve(server: Arc<Server>, stream: Socket, peer: IpAddr, slot: Slot) {
    let state = Arc::new(State::new(peer, slot));
    let refused = state.refused().is_some();
    let mut limits = server.limits.clone();
    if refused {
        limits.header_timeout = limits.header_timeout.min(REFUSED_PATIENCE);
    }
    let silent = tokio::select! {
        read = timeout(limits.header_timeout, readable(&stream)) => read.is_err(),
        () = server.stopping.cancelled() => true,
    };
    if silent {
        return;
    }
    #[cfg(feature = "tls")]
    if server.has_tls() {
        return Box::pin(serve_https(server, stream, state, limits)).await;
    }
    // In a box of its own, and with the buffers of HTTP, for those who say something.
    Box::pin(serve_http(server, stream, state, limits)).await;
}

#[cfg(feature = "tls")]
async fn serve_https(server: Arc<Server>, stream: Socket, state: Arc<State>, limits: Limits) {
    let Some(certificate) = &server.tls else { return };
    // Beside silence before it, and the headers after it.
    let deadline = state.activity.deadline(&limits).unwrap_or_else(Instant::now);
    let accepted = tokio::select! {
        accepted = timeout_at(deadline, tls::accept(certificate, stream)) => accepted,
        () = server.stopping.cancelled() => return,
    };
    match accepted {
        Ok(Ok(stream)) => serve_http(server, stream, state, limits).await,
        Ok(Err(error)) => {
            tracing::debug!(client.address = %state.peer, "a TLS handshake has failed: {error}");
        }
        Err(_) => {
            tracing::debug!(client.address = %state.peer, "a client has not ended its TLS handshake");
        }
    }
}

async fn serve_http(
    server: Arc<Server>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    state: Arc<State>,
    limits: Limits,
) {
    let service = service_fn(|request| respond(Arc::clone(&server), Arc::clone(&state), request));
    let stream = TokioIo::new(Stream::new(stream, Arc::clone(&state)));
    let mut connection = server.http.serve_connection(stream, service).with_upgrades();
    let mut timer = pin!(sleep(limits.header_timeout));
    let mut stopping = pin!(server.stopping.cancelled());
    let mut stops = false;
    let ended = poll_fn(|context| {
        if !stops && stopping.as_mut().poll(context).is_ready() {
            stops = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(result) = Pin::new(&mut connection).poll(context) {
            if result.is_err() {
                state.failed();
            }
            return Poll::Ready(true);
        }
        state.activity.poll_too_long(context, &limits, timer.as_mut()).map(|()| false)
    })
    .await;

    if !ended {
        state.failed();
    }
    // If there is no HTTP connection left, it is a websocket now.
    let Some(parts) = connection.into_parts() else { return };
    let mut stream = parts.io.into_inner();
    if ended && !stops && !state.activity.is_ended_by_client() {
        linger(stream).await;
    } else if !ended && state.activity.is_in_headers() {
        // There is room for so little.
        let _ = timeout(LINGER, stream.write_all(TOO_LATE)).await;
        linger(stream).await;
    }
}

/// Closes a stream so that the client receives everything that was written.
///
/// If it were closed at once with unread bytes from the client, TCP would reset the connection, and the client could
/// lose the answer that says why.
async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let end = async {
        stream.shutdown().await?;
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    // A client that has not closed the connection by now is cut off.
    let _ = timeout(LINGER, end).await;
}

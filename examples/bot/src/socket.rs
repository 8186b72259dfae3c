use std::future::poll_fn;
use std::time::{Duration, Instant};

use chat_core::client::Session;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::error::ConnectError;

/// How long it may take until there is a websocket, or until it is closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A websocket to the server.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What can be done with a socket now.
pub(crate) enum Progress {
    /// A text frame has arrived.
    Frame(String),
    /// Everything is written.
    Written,
}

/// Returns the address of the websocket of the server at `url`.
pub(crate) fn address(url: &str) -> Result<String, ConnectError> {
    let server = url.strip_prefix("ws://").or_else(|| url.strip_prefix("http://"));
    let server = server.map(|server| server.trim_end_matches('/')).filter(|at| !at.is_empty());
    let server = server.ok_or_else(|| ConnectError::Url { url: url.to_owned() })?;
    Ok(format!("ws://{server}/socket.io/?EIO=4&transport=websocket"))
}

impl Socket {
    pub(crate) async fn open(url: &str) -> Result<Self, Error> {
        let opened = timeout(PATIENCE, connect_async_with_config(url, None, true));
        match opened.await {
            Ok(opened) => Ok(Self(opened?.0)),
            Err(_) => Err(Error::ConnectionClosed),
        }
    }

    /// Waits for a frame, or, if there is something `to_write`, until it is written.
    ///
    /// Cancel safe: the session keeps what is not handed over.
    pub(crate) async fn progress(
        &mut self,
        session: &mut Session,
        to_write: bool,
    ) -> Result<Progress, Error> {
        // Both directions at once: a server may wait for its reader before it reads on.
        let mut is_written = !to_write;
        poll_fn(|context| {
            use std::task::Poll;

            while !is_written {
                match self.0.poll_ready_unpin(context) {
                    Poll::Pending => break,
                    Poll::Ready(ready) => ready?,
                }
                let Some(frame) = session.write(Instant::now()) else {
                    match self.0.poll_flush_unpin(context) {
                        Poll::Pending => break,
                        Poll::Ready(flushed) => flushed?,
                    }
                    is_written = true;
                    break;
                };
                self.0.start_send_unpin(Message::text(frame))?;
            }
            if to_write && is_written {
                return Poll::Ready(Ok(Progress::Written));
            }
            loop {
                return match self.0.poll_next_unpin(context) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(Some(Ok(Message::Text(text)))) => {
                        Poll::Ready(Ok(Progress::Frame(text.as_str().to_owned())))
                    }
                    Poll::Ready(Some(Ok(Message::Close(_))) | None) => {
                        Poll::Ready(Err(Error::ConnectionClosed))
                    }
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
                };
            }
        })
        .await
    }

    pub(crate) async fn close(mut self) {
        timeout(PATIENCE, self.0.close(None)).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_servers() {
        let at = "ws://a:1/socket.io/?EIO=4&transport=websocket";
        for url in ["ws://a:1", "http://a:1/"] {
            assert_eq!(address(url).unwrap(), at);
        }
        for url in ["a:1", "wss://a", "ws://", ""] {
            assert!(matches!(address(url), Err(ConnectError::Url { .. })), "{url}");
        }
    }
}

//! What both peers need: how clients say in which rooms they are, and a listener.

use std::net::Ipv4Addr;

use axum::Router;
use axum::serve::ListenerExt;
use serde::Deserialize;
use socketioxide::layer::SocketIoLayer;
use tokio::net::TcpListener;

/// The room of clients that name none; what is sent to it goes to everybody, as in the tutorial.
pub(crate) const EVERYBODY: &str = "general";

/// What a client says when it connects.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Handshake {
    /// The offset of the last message that it has; only a peer with a store looks at it.
    #[allow(dead_code, reason = "the peer without a store has no offsets")]
    pub(crate) server_offset: i64,
    pub(crate) rooms: Vec<String>,
}

/// The last argument of a message.
#[derive(Debug, Deserialize)]
pub(crate) struct Options {
    pub(crate) room: String,
}

/// Serves on a free port, and prints it, until the process is killed.
pub(crate) async fn serve(layer: SocketIoLayer) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|connection| {
        // Without it a small packet waits up to 40 ms for the client to confirm the one before.
        if let Err(error) = connection.set_nodelay(true) {
            eprintln!("TCP_NODELAY cannot be set: {error}");
        }
    });
    axum::serve(listener, Router::new().layer(layer)).await?;
    Ok(())
}

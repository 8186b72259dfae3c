//! An axum application with the chat beside its own page, its own routes and its own Socket.IO events.
//!
//! `cargo run -p own_application`, then open <http://127.0.0.1:3000>.

use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use chat_server::{Chat, ConnectError, recovery};
use chat_store::MemoryStore;
use socketioxide::extract::{AckSender, Data, SocketRef};
use tokio::net::TcpListener;

const PAGE: &str = r#"<!doctype html>
<title>My own page</title>
<ul id="messages"></ul>
<script src="/socket.io/socket.io.js"></script>
<script>
  const socket = io({ auth: { serverOffset: 0 } });
  socket.on("chat message", (content, serverOffset) => {
    socket.auth.serverOffset = serverOffset;
    document.getElementById("messages").append(
      Object.assign(document.createElement("li"), { textContent: content }));
  });
  socket.emit("dice", 6, (number) => socket.emit("chat message", `rolled a ${number}`));
</script>"#;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let chat = Chat::builder(Arc::new(MemoryStore::new()))
        // Whoever may not connect gets nothing, not even by recovery.
        .authenticate(async |_socket, auth| match auth["banned"].as_bool() {
            Some(true) => Err(ConnectError::new("you are banned")),
            _ => Ok(()),
        })
        .on_connect(own_events)
        .start()
        .await?;
    chat.io().ns("/admin", async |socket: SocketRef| {
        println!("{} is an admin", recovery::public_id(&socket))
    });

    // Of the chat's routes, those that its clients need, and the client library beside them.
    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        .merge(chat.socket_router())
        .merge(chat.client_router());
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    chat.serve_router(listener, app, stop).await?;
    Ok(())
}

/// Events of the application's own, on the connections of the chat.
fn own_events(socket: &SocketRef) {
    socket.on("dice", async |Data::<u64>(sides), ack: AckSender| {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        ack.send(&(1 + u64::from(now.subsec_nanos()) % sides.max(1))).ok();
    });
    socket.on("whisper", async |socket: SocketRef, Data::<String>(text)| {
        // Through this helper: an event that ends with a string would become the client's offset.
        recovery::emit(&socket, "whisper", &(text,)).ok();
    });
}

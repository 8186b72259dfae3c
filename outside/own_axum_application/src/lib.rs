//! Somebody's application: a page and a route of its own, and on the connections of the chat an event and a
//! namespace of its own. The chat is mounted beside all that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use chat_server::{Chat, ChatError, ConnectError, recovery};
use chat_store::MemoryStore;
use socketioxide::extract::{AckSender, Data, SocketRef};

const PAGE: &str = r#"<!doctype html>
<title>My own page</title>
<script src="/socket.io/socket.io.js"></script>
<script>
  const socket = io({ auth: { serverOffset: 0 } });
  socket.on("chat message", (content, serverOffset) => {
    socket.auth.serverOffset = serverOffset;
    document.body.append(Object.assign(document.createElement("p"), { textContent: content }));
  });
  socket.emit("add", [1, 2, 3], (sum) => socket.emit("chat message", `1 + 2 + 3 = ${sum}`));
</script>"#;

/// The application's routes, and the chat, to be shut down before the program ends.
///
/// # Errors
/// When the chat cannot be started.
pub async fn application() -> Result<(Router, Chat), ChatError> {
    let online = Arc::new(AtomicUsize::new(0));
    let (came, left) = (Arc::clone(&online), Arc::clone(&online));
    let chat = Chat::builder(Arc::new(MemoryStore::new()))
        // Whoever may not connect gets nothing, not even by recovery.
        .authenticate(async |_socket, auth| match auth["banned"].as_bool() {
            Some(true) => Err(ConnectError::new("you are banned")),
            _ => Ok(()),
        })
        .on_connect(move |socket| {
            came.fetch_add(1, Ordering::Relaxed);
            socket.on("add", async |Data::<Vec<u32>>(numbers), ack: AckSender| {
                ack.send(&numbers.iter().sum::<u32>()).ok();
            });
            socket.on("whisper", async |socket: SocketRef, Data::<String>(text)| {
                // Not `socket.emit`: its last argument, a string, would become the client's recovery offset.
                recovery::emit(&socket, "whisper", &(text,)).ok();
            });
        })
        .on_disconnect(move |_socket, _reason| {
            left.fetch_sub(1, Ordering::Relaxed);
        })
        .start()
        .await?;

    chat.io().ns("/admin", async |socket: SocketRef| {
        socket.on("sure?", async |ack: AckSender| {
            ack.send("sure").ok();
        });
    });

    // Of the chat's routes, those that its clients need, and the client library beside them.
    let online = async move || online.load(Ordering::Relaxed).to_string();
    let routes = Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/online", get(online))
        .merge(chat.socket_router())
        .merge(chat.client_router());
    Ok((routes, chat))
}

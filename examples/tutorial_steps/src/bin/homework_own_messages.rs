//! Homework: who sends a message shows it at once, and does not get it back.
//!
//! `cargo run -p tutorial_steps --bin homework_own_messages`, then open <http://127.0.0.1:3000> in two
//! tabs.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use tokio::net::TcpListener;

const PAGE: &str = concat!(
    include_str!("../../pages/head.html"),
    include_str!("../../pages/homework_own_messages.html")
);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (service, io) = SocketIo::new_svc();
    io.ns("/", connected);

    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        .merge(chat_server::client_router())
        .route_service("/socket.io/", service);

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn connected(socket: SocketRef) {
    socket.on("chat message", say);
    println!("a user connected: {}", socket.id);
}

/// The ack is what turns the sender's own copy from "on its way" to "sent".
async fn say(socket: SocketRef, Data(content): Data<String>, ack: AckSender) {
    socket.broadcast().emit("chat message", &content).await.ok();
    ack.send(&()).ok();
}

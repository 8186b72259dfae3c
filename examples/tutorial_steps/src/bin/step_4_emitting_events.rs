//! Step 4: what a user writes arrives at the server, which prints it.
//!
//! `cargo run -p tutorial_steps --bin step_4_emitting_events`, then open <http://127.0.0.1:3000>.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};
use socketioxide::socket::DisconnectReason;
use tokio::net::TcpListener;

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_4.html"));

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
    socket.on_disconnect(async |socket: SocketRef, reason: DisconnectReason| {
        println!("a user disconnected: {}, {reason}", socket.id);
    });
    // Not called when the first argument is no text: types are checked before.
    socket.on("chat message", async |Data::<String>(content)| {
        println!("message: {content}");
    });
    println!("a user connected: {}", socket.id);
}

//! Step 5: a message goes to everybody, or to everybody else.
//!
//! `cargo run -p tutorial_steps --bin step_5_broadcasting`, then open <http://127.0.0.1:3000> in two
//! tabs.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};
use socketioxide::socket::DisconnectReason;
use tokio::net::TcpListener;

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_5.html"));

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
    socket.on("chat message", async |io: SocketIo, Data::<String>(content)| {
        // Whoever is not connected at this moment, or reads too slowly, never gets it; see step 7.
        io.emit("chat message", &content).await.ok();
    });
    socket.on("message to the others", async |socket: SocketRef, Data::<String>(content)| {
        socket.broadcast().emit("chat message", &content).await.ok();
    });
    println!("a user connected: {}", socket.id);
}

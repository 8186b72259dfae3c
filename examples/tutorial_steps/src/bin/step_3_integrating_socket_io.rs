//! Step 3: the page connects, and the server says who comes and goes.
//!
//! `cargo run -p tutorial_steps --bin step_3_integrating_socket_io`, then open
//! <http://127.0.0.1:3000> in two tabs and close one.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use socketioxide::socket::DisconnectReason;
use tokio::net::TcpListener;

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_3.html"));

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (service, io) = SocketIo::new_svc();
    io.ns("/", connected);

    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        // The client for the browser, `/socket.io/socket.io.js`, and the endpoint that it talks to.
        .merge(chat_server::client_router())
        .route_service("/socket.io/", service);

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// Called for each client that connects to the namespace `/`.
async fn connected(socket: SocketRef) {
    // First the handlers, then anything that waits: what comes before its handler is lost.
    socket.on_disconnect(async |socket: SocketRef, reason: DisconnectReason| {
        println!("a user disconnected: {}, {reason}", socket.id);
    });
    println!("a user connected: {}", socket.id);
}

//! Homework: everybody is told when somebody connects or disconnects.
//!
//! `cargo run -p tutorial_steps --bin homework_comings_and_goings`, then open
//! <http://127.0.0.1:3000> in two tabs and close one.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};
use tokio::net::TcpListener;

const PAGE: &str = concat!(
    include_str!("../../pages/head.html"),
    include_str!("../../pages/homework_comings_and_goings.html")
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
    // Not `socket.id`, which others are not to know: with it they could send in the visitor's name.
    static VISITORS: AtomicU32 = AtomicU32::new(1);
    let visitor = format!("visitor {}", VISITORS.fetch_add(1, Ordering::Relaxed));
    socket.on("chat message", async |io: SocketIo, Data::<String>(content)| {
        io.emit("chat message", &content).await.ok();
    });
    let leaving = visitor.clone();
    socket.on_disconnect(async move |socket: SocketRef| {
        socket.broadcast().emit("user left", &leaving).await.ok();
    });
    println!("a user connected: {}", socket.id);
    // All but the one who comes: that one knows.
    socket.broadcast().emit("user joined", &visitor).await.ok();
}

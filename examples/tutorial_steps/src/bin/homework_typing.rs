//! Homework: "Ada is typing".
//!
//! `cargo run -p tutorial_steps --bin homework_typing`, then open <http://127.0.0.1:3000> in two tabs.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde::Deserialize;
use socketioxide::SocketIo;
use socketioxide::extract::{Data, Extension, SocketRef, TryData};
use tokio::net::TcpListener;

const PAGE: &str = concat!(
    include_str!("../../pages/head.html"),
    include_str!("../../pages/homework_typing.html")
);

/// What the page says in `auth` when it connects.
#[derive(Clone, Deserialize)]
struct User {
    nickname: String,
}

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

async fn connected(socket: SocketRef, TryData(user): TryData<User>) {
    socket.extensions.insert(user.unwrap_or(User { nickname: "somebody".to_owned() }));
    socket.on("chat message", say);
    socket.on("typing", async |socket: SocketRef, user: Extension<User>, Data(typing)| {
        tell(&socket, &user, typing).await;
    });
    // Who goes away in the middle of a word types no more.
    socket.on_disconnect(async |socket: SocketRef, user: Extension<User>| {
        tell(&socket, &user, false).await;
    });
    println!("a user connected: {}", socket.id);
}

/// Tells the others. This may be lost: pages forget it by themselves after a while.
async fn tell(socket: &SocketRef, user: &User, typing: bool) {
    socket.broadcast().emit("typing", &(&user.nickname, typing)).await.ok();
}

async fn say(io: SocketIo, user: Extension<User>, Data(content): Data<String>) {
    io.emit("chat message", &(content, &user.nickname)).await.ok();
}

//! Homework: private messages.
//!
//! `cargo run -p tutorial_steps --bin homework_private_messages`, then open <http://127.0.0.1:3000> in
//! several tabs.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde::Deserialize;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, Extension, SocketRef, TryData};
use tokio::net::TcpListener;

const PAGE: &str = concat!(
    include_str!("../../pages/head.html"),
    include_str!("../../pages/homework_private_messages.html")
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

/// A room for each nickname: a user may have several tabs, and all of them get what is sent to it.
fn room_of(nickname: &str) -> String {
    format!("nickname: {nickname}")
}

async fn connected(socket: SocketRef, TryData(user): TryData<User>) {
    let user = user.unwrap_or(User { nickname: "somebody".to_owned() });
    socket.join(room_of(&user.nickname));
    socket.extensions.insert(user);
    socket.on("private message", say);
    println!("a user connected: {}", socket.id);
}

/// The ack says whether anybody of that name is here.
async fn say(
    io: SocketIo,
    user: Extension<User>,
    Data((to, content)): Data<(String, String)>,
    ack: AckSender,
) {
    let receivers = io.to(room_of(&to)).sockets().len();
    // The sender's own tabs get it too. Who is in both rooms gets it once.
    let both = vec![room_of(&to), room_of(&user.nickname)];
    io.to(both).emit("private message", &(content, &user.nickname, &to)).await.ok();
    ack.send(&(receivers > 0)).ok();
}

//! Homework: users have nicknames.
//!
//! `cargo run -p tutorial_steps --bin homework_nicknames`, then open <http://127.0.0.1:3000>.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, MaybeExtension, SocketRef};
use tokio::net::TcpListener;

const PAGE: &str = concat!(
    include_str!("../../pages/head.html"),
    include_str!("../../pages/homework_nicknames.html")
);

/// The most characters of a nickname.
const LONGEST: usize = 30;

/// What a connection is called. It lives as long as the connection.
#[derive(Clone)]
struct Nickname(String);

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
    socket.on("nickname", async |socket: SocketRef, Data::<String>(name), ack: AckSender| {
        ack.send(&rename(&socket, &name)).ok();
    });
    socket.on("chat message", say);
    println!("a user connected: {}", socket.id);
}

/// Gives a connection its nickname, and returns the answer: what it is called now, or what is wrong.
fn rename(socket: &SocketRef, name: &str) -> Value {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST {
        return json!({ "error": format!("a nickname has 1 to {LONGEST} characters") });
    }
    socket.extensions.insert(Nickname(name.to_owned()));
    json!({ "nickname": name })
}

/// The server adds who it is from; what a client says about that would be worth nothing.
async fn say(
    io: SocketIo,
    MaybeExtension(nickname): MaybeExtension<Nickname>,
    Data(content): Data<String>,
) {
    let from = nickname.map_or("somebody".to_owned(), |Nickname(name)| name);
    io.emit("chat message", &(content, from)).await.ok();
}

//! The API overview: what events can carry, acks in both directions, and rooms.
//!
//! `cargo run -p tutorial_steps --bin api_overview`, then open <http://127.0.0.1:3000> in two tabs.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, Event, SocketRef};
use tokio::net::TcpListener;

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/api_overview.html"));

/// How long clients may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

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
    socket.on("repeat", repeat);
    socket.on("reverse", reverse);
    socket.on("ask me", ask_me);
    socket.on("ask everybody", ask_everybody);
    socket.on("join", async |socket: SocketRef, Data::<String>(room)| socket.join(room));
    socket.on("leave", async |socket: SocketRef, Data::<String>(room)| socket.leave(room));
    socket.on("to room", to_room);
    socket.on("to all but room", to_all_but_room);
    socket.on_fallback(anything_else);
    println!("a user connected: {}", socket.id);
}

/// Several arguments are a tuple, in both directions. The ack answers the sender alone.
async fn repeat(socket: SocketRef, Data((word, times)): Data<(String, u8)>, ack: AckSender) {
    let repeated = word.repeat(times.into());
    socket.emit("repeated", &(&word, times, &repeated)).ok();
    ack.send(&repeated).ok();
}

/// Bytes stay bytes. At the client they are an `ArrayBuffer`, or a `Buffer` in Node.js.
async fn reverse(Data(bytes): Data<Bytes>, ack: AckSender) {
    let reversed: Bytes = bytes.iter().rev().copied().collect();
    ack.send(&reversed).ok();
}

/// The server asks and the client's ack is the answer. A client that does not give one in time, or goes
/// away, is an error here and does not keep the server waiting.
async fn ask_me(socket: SocketRef, ack: AckSender) {
    let question = socket.timeout(PATIENCE).emit_with_ack::<_, String>("question", "How are you?");
    let Ok(answer) = question else { return };
    let reply = match answer.await {
        Ok(answer) => format!("you said: {answer}"),
        Err(error) => format!("you said nothing: {error}"),
    };
    ack.send(&reply).ok();
}

/// One question to all, one answer from each. They come as a stream, each as soon as it is there.
async fn ask_everybody(io: SocketIo, Data(question): Data<String>, ack: AckSender) {
    let asked = io.timeout(PATIENCE).emit_with_ack::<_, String>("question", &question).await;
    let Ok(answers) = asked else { return };
    let answers: Vec<_> = answers.filter_map(async |(_, answer)| answer.ok()).collect().await;
    ack.send(&[answers]).ok();
}

/// To whoever has joined the room.
async fn to_room(io: SocketIo, Data((room, content)): Data<(String, String)>) {
    io.to(room).emit("notice", &content).await.ok();
}

/// To whoever has not.
async fn to_all_but_room(io: SocketIo, Data((room, content)): Data<(String, String)>) {
    io.except(room).emit("notice", &content).await.ok();
}

/// Called for each event that has no handler. The client's side of this is `socket.onAny`.
async fn anything_else(Event(name): Event, Data(argument): Data<Value>) {
    println!("nobody handles {name:?}, which came with {argument}");
}

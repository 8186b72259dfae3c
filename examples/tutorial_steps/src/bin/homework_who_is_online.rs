//! Homework: who is online.
//!
//! `cargo run -p tutorial_steps --bin homework_who_is_online`, then open <http://127.0.0.1:3000> in
//! several tabs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde::Deserialize;
use socketioxide::SocketIo;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::socket::Sid;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

const PAGE: &str = concat!(
    include_str!("../../pages/head.html"),
    include_str!("../../pages/homework_who_is_online.html")
);

/// What the page says in `auth` when it connects.
#[derive(Deserialize)]
struct User {
    nickname: String,
}

/// Who is here, by connection. The list that everybody gets has each user once.
///
/// The list is sent while it is locked: of two lists the newer one arrives last.
#[derive(Clone, Default)]
struct Online(Arc<Mutex<BTreeMap<Sid, String>>>);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (service, io) = SocketIo::new_svc();
    let online = Online::default();
    io.ns("/", async move |io: SocketIo, socket: SocketRef, TryData(user): TryData<User>| {
        let nickname = user.map_or("somebody".to_owned(), |user| user.nickname);
        online.clone().connected(io, socket, nickname).await;
    });

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

impl Online {
    async fn connected(self, io: SocketIo, socket: SocketRef, nickname: String) {
        let leaving = self.clone();
        socket.on_disconnect(async move |io: SocketIo, socket: SocketRef| {
            leaving.change(&io, |online| online.remove(&socket.id)).await;
        });
        println!("a user connected: {}", socket.id);
        // Who has gone already would stay on the list for ever.
        self.change(&io, |online| socket.connected().then(|| online.insert(socket.id, nickname)))
            .await;
    }

    /// Changes who is here, and tells everybody.
    async fn change<T>(&self, io: &SocketIo, change: impl FnOnce(&mut BTreeMap<Sid, String>) -> T) {
        let mut online = self.0.lock().await;
        change(&mut online);
        // One user may have several tabs.
        let nicknames: BTreeSet<_> = online.values().collect();
        io.emit("online", &[nicknames]).await.ok();
    }
}

//! Step 7: messages are kept in a durable log, and a client gets what it missed of any age.
//!
//! `cargo run -p tutorial_steps --bin step_7_server_delivery`, then open <http://127.0.0.1:3000>.
//! Stop it, start it again: the page goes on where it was. The messages are in `chat.db`.

use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use chat_server::Chat;
use chat_server::recovery::public_id;
use chat_store::{MessageStore, SqliteStore};
use tokio::net::TcpListener;

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_7.html"));

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open("chat.db").await?);
    let messages = Arc::<SqliteStore>::clone(&store);
    let chat = Chat::builder(messages)
        .on_connect(|socket| println!("a user connected: {}", public_id(socket)))
        .start()
        .await?;

    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        .merge(chat_server::client_router())
        .merge(chat.socket_router());

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    chat.serve_router(listener, app, stop).await?;
    store.close().await;
    Ok(())
}

//! Step 10: a shared to-do list, made of events of your own that last like messages.
//!
//! `cargo run -p tutorial_steps --bin step_10_events_of_your_own`, then open <http://127.0.0.1:3000> in two tabs. End the
//! program or a tab with `kill -9` at any moment: each task is on the list once.

use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use chat_core::TypedEvent;
use chat_server::Chat;
use chat_store::{MessageStore, SqliteStore};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_10.html"));

/// A task for the list. Its number is the offset of this event.
#[derive(Serialize, Deserialize)]
struct TaskAdded {
    text: Text,
}

impl TypedEvent for TaskAdded {
    const NAME: &'static str = "task added";
}

/// A task is done, or not done after all.
#[derive(Serialize, Deserialize)]
struct TaskTicked {
    task: u64,
    done: bool,
}

impl TypedEvent for TaskTicked {
    const NAME: &'static str = "task ticked";
}

/// What a task says: something.
#[derive(Serialize, Deserialize)]
#[serde(try_from = "String")]
struct Text(String);

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.trim().is_empty() { Err("a task needs a text") } else { Ok(Self(text)) }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open("chat.db").await?);
    let messages = Arc::<SqliteStore>::clone(&store);
    let chat = Chat::builder(messages)
        .client_event::<TaskAdded>()
        .client_event::<TaskTicked>()
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

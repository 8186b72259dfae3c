//! Step 12: other programs write here, and hear what is written.
//!
//! `cargo run -p tutorial_steps --bin step_12_other_programs`, then open <http://127.0.0.1:3000>. Have the build server
//! report with `curl -X POST http://127.0.0.1:3000/builds/123 -d "has failed"`, and remind Ada with
//! `curl -X POST http://127.0.0.1:3000/reminders/Ada -d "Lunch at noon"`. The bot is `step_12_bot`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use chat_core::{Message, Nickname, RoomId, TypedEvent};
use chat_server::{Chat, Consumer, ConsumerError, Consumption};
use chat_store::{MessageStore, SqliteStore};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_12.html"));

/// A task for the list, as in step 10.
#[derive(Serialize, Deserialize)]
struct TaskAdded {
    text: String,
}

impl TypedEvent for TaskAdded {
    const NAME: &'static str = "task added";
}

/// Gets everything that is stored, in order, and goes on where it was when the program starts again.
struct Diary;

#[async_trait::async_trait]
impl Consumer for Diary {
    async fn consume(&self, messages: &[Message]) -> Result<(), ConsumerError> {
        for added in messages.iter().filter_map(TaskAdded::read) {
            println!("a new task: {}", added.map_err(ConsumerError::new)?.text);
        }
        Ok(())
    }
}

type Answer = Result<String, StatusCode>;

/// The build server calls this, perhaps several times: the number of the build is the key.
async fn build(State(chat): State<Chat>, Path(number): Path<u32>, result: String) -> Answer {
    let text = format!("Build {number} {result}");
    let sent = chat.room(RoomId::general()).send(text).key(&format!("build {number}")).await;
    sent.map(|ack| ack.offset.to_string()).map_err(|_| StatusCode::CONFLICT)
}

/// An event for one user, on all devices, also if the user is away now.
async fn remind(State(chat): State<Chat>, Path(name): Path<Nickname>, text: String) -> Answer {
    let user = chat.user(&name).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let sent = user.ok_or(StatusCode::NOT_FOUND)?.emit("reminder", &text).await;
    sent.map(|ack| ack.offset.to_string()).map_err(|_| StatusCode::BAD_REQUEST)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open("chat.db").await?);
    let messages = Arc::<SqliteStore>::clone(&store);
    let chat = Chat::builder(messages).client_event::<TaskAdded>().start().await?;
    chat.consume(Consumption::new("diary").from_the_beginning(), Diary);

    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/builds/{number}", post(build))
        .route("/reminders/{name}", post(remind))
        .with_state(chat.clone())
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

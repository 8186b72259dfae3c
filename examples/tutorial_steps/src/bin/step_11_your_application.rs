//! Step 11: what your application says and hears, kept and delivered like what people write.
//!
//! `cargo run -p tutorial_steps --bin step_11_your_application`, then open <http://127.0.0.1:3000> and play. Have the build
//! server report with `curl -X POST http://127.0.0.1:3000/builds/123 -d "has failed"`, and send Ada an invoice with
//! `curl -X POST http://127.0.0.1:3000/invoices/Ada -d 12.50`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use chat_core::{Content, Message, NewMessage, Nickname, Refusal, RefusalCode, RoomId, TypedEvent};
use chat_server::{Chat, Consumer, ConsumerError, Consumption, Identity, Interceptor};
use chat_store::{MessageStore, SqliteStore};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_11.html"));

/// A move in a game, which players send, and which lasts.
#[derive(Serialize, Deserialize)]
struct Move {
    piece: String,
    to: String,
}

impl TypedEvent for Move {
    const NAME: &'static str = "move";
}

/// Looks at what clients write before it is stored.
struct Referee;

#[async_trait::async_trait]
impl Interceptor for Referee {
    async fn before(
        &self,
        _who: &Identity,
        message: &NewMessage,
    ) -> Result<Option<Content>, Refusal> {
        match message.content.as_str().contains("cheat") {
            true => Err(Refusal::new(RefusalCode::Forbidden, "fair play, please")),
            false => Ok(None),
        }
    }
}

/// Gets everything that is stored, in order, and goes on where it was when the program starts again.
struct Scoreboard;

#[async_trait::async_trait]
impl Consumer for Scoreboard {
    async fn consume(&self, messages: &[Message]) -> Result<(), ConsumerError> {
        for played in messages.iter().filter_map(Move::read) {
            let Move { piece, to } = played.map_err(ConsumerError::new)?;
            println!("{piece} goes to {to}");
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
async fn invoice(State(chat): State<Chat>, Path(name): Path<Nickname>, total: String) -> Answer {
    let user = chat.user(&name).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let sent = user.ok_or(StatusCode::NOT_FOUND)?.emit("invoice", &total).await;
    sent.map(|ack| ack.offset.to_string()).map_err(|_| StatusCode::BAD_REQUEST)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open("chat.db").await?);
    let messages = Arc::<SqliteStore>::clone(&store);
    let chat = Chat::builder(messages).client_event::<Move>().intercept(Referee).start().await?;
    chat.consume(Consumption::new("scoreboard").from_the_beginning(), Scoreboard);

    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/builds/{number}", post(build))
        .route("/invoices/{name}", post(invoice))
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

//! The server of the Socket.IO chat tutorial, steps 7 and 8, put into Rust line by line: each
//! message is a row of its own, committed before it is acked and broadcast, and who connects gets
//! all rows after its offset in a loop.
//!
//! `peer_naive FILE` keeps its messages in an SQLite file.

mod serve;

use std::env;

use anyhow::Context;
use serve::{EVERYBODY, Handshake, Options};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef, TryData};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_offset TEXT UNIQUE,
    content TEXT
)";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let file = env::args().nth(1).context("name the SQLite file")?;
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let messages = SqlitePool::connect_with(options).await?;
    sqlx::query(TABLE).execute(&messages).await?;

    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async move |socket: SocketRef, TryData::<Handshake>(auth)| {
        let Handshake { server_offset, rooms } = auth.unwrap_or_default();
        socket.join(rooms);
        let written = messages.clone();
        socket.on("chat message", async move |io: SocketIo, data: Data<_>, ack: AckSender| {
            let sent = chat_message(&written, &io, data, ack).await;
            if let Err(error) = sent {
                eprintln!("a message was not stored: {error}");
            }
        });
        if let Err(error) = replay(&messages, &socket, server_offset).await {
            eprintln!("the history could not be read: {error}");
        }
    });
    serve::serve(layer).await
}

async fn chat_message(
    messages: &SqlitePool,
    io: &SocketIo,
    Data((content, client_offset, options)): Data<(String, String, Options)>,
    ack: AckSender,
) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query("INSERT INTO messages (content, client_offset) VALUES (?, ?)")
        .bind(&content)
        .bind(client_offset)
        .execute(messages)
        .await?;
    let offset = inserted.last_insert_rowid();
    // What does not fit into the buffer of a receiver is lost, as a program in this style has it.
    let _ = match &*options.room {
        EVERYBODY => io.emit("chat message", &(content, offset)).await,
        _ => io.to(options.room).emit("chat message", &(content, offset)).await,
    };
    let _ = ack.send(&());
    Ok(())
}

async fn replay(messages: &SqlitePool, socket: &SocketRef, after: i64) -> Result<(), sqlx::Error> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, content FROM messages WHERE id > ? ORDER BY id")
            .bind(after)
            .fetch_all(messages)
            .await?;
    for (offset, content) in rows {
        let _ = socket.emit("chat message", &(content, offset));
    }
    Ok(())
}

//! Stores with a history, made once and kept for later runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use chat_core::{Content, NewMessage, RoomId};
use chat_store::{MessageStore, SqliteStore};
use rusqlite::Connection;

use crate::client::Stamp;

/// How many messages are written in one commit.
const BATCH: u64 = 4096;

/// How long a store has for what it does after the last message.
const SETTLE: Duration = Duration::from_secs(1);

/// How often progress is shown.
const SHOWN: u64 = 1_000_000;

/// The form in which messages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// That of this project's store.
    Ours,
    /// That of the tutorial.
    Tutorial,
}

/// A file with so many messages in the room `general`, all of the sender 0: the one at offset 1 is
/// its message 0.
pub(crate) async fn prepare(cache: &Path, table: Table, messages: u64) -> anyhow::Result<PathBuf> {
    let name = match table {
        Table::Ours => format!("history-{messages}.db"),
        Table::Tutorial => format!("history-{messages}-tutorial.db"),
    };
    let file = cache.join(name);
    if file.is_file() {
        return Ok(file);
    }
    eprintln!("writing a history of {messages} messages …");
    let unfinished = tempfile::tempdir_in(cache).context("there is no folder for a history")?;
    let path = unfinished.path().join("chat.db");
    match table {
        Table::Ours => fill_ours(&path, messages).await?,
        Table::Tutorial => fill_tutorial(&path, messages)?,
    }
    fs::rename(&path, &file).context("a history cannot be kept")?;
    Ok(file)
}

fn content(sequence: u64) -> anyhow::Result<String> {
    let mut content = Vec::new();
    Stamp { sender: 0, sequence, sent_at: 0 }.write(&mut content);
    Ok(String::from_utf8(content)?)
}

/// The key of a message, as stock clients make them.
fn key(sequence: u64) -> String {
    format!("history-{sequence}")
}

async fn fill_ours(path: &Path, messages: u64) -> anyhow::Result<()> {
    let store = SqliteStore::open(path).await?;
    let mut next = 0;
    while next < messages {
        let end = messages.min(next + BATCH);
        let batch = (next..end).map(|sequence| {
            let content = Content::try_from(content(sequence)?)?;
            let key = key(sequence).parse()?;
            anyhow::Ok(NewMessage::new(RoomId::general(), content).with_client_offset(key))
        });
        store.append(&batch.collect::<Result<Vec<_>, _>>()?).await?;
        show(next, end);
        next = end;
    }
    // The store brings its table of rooms up to date a little later; a history has been there for longer.
    tokio::time::sleep(SETTLE).await;
    // What is in the write-ahead log goes into the file itself.
    store.close().await;
    Ok(())
}

fn fill_tutorial(path: &Path, messages: u64) -> anyhow::Result<()> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch(
        "CREATE TABLE messages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            client_offset TEXT UNIQUE,
            content TEXT
        )",
    )?;
    let transaction = connection.transaction()?;
    let mut insert =
        transaction.prepare("INSERT INTO messages (client_offset, content) VALUES (?, ?)")?;
    for sequence in 0..messages {
        insert.execute((key(sequence), content(sequence)?))?;
        show(sequence, sequence + 1);
    }
    drop(insert);
    transaction.commit()?;
    Ok(())
}

fn show(before: u64, now: u64) {
    if now / SHOWN > before / SHOWN {
        eprintln!("{now} messages …");
    }
}

//! What an export or import does in its own way with SQLite.

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _, Sqlite, SqliteConnection, Transaction};

use crate::dump::{Column, Header, Kept, Table, Type};

pub(super) type Db = Sqlite;

/// The state of a session.
pub(super) type State = String;

macro_rules! sessions {
    () => {
        "sessions"
    };
}
pub(super) use sessions;

/// The epoch, the tail, the horizon, and up to where contents are removed and keys are kept unchanged.
pub(super) const LOG: &str = "SELECT
    (SELECT value FROM chat_meta WHERE name = 'epoch'),
    max(coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'messages'), 0),
        coalesce((SELECT max(id) FROM messages), 0)),
    coalesce((SELECT CAST(value AS INTEGER) FROM chat_meta WHERE name = 'horizon'), 0),
    coalesce((SELECT CAST(value AS INTEGER) FROM chat_meta WHERE name = 'wiped'), 0),
    (SELECT CAST(value AS INTEGER) FROM chat_meta WHERE name = 'plain_keys_upto')";

pub(super) const ABOVE: &str = "SELECT count(*) FROM messages WHERE id > $1";

const META: &str = "INSERT OR REPLACE INTO chat_meta (name, value) VALUES ($1, $2)";

/// Numbers that were used and whose messages are gone are not used again.
const SEQUENCE: [&str; 2] = [
    "DELETE FROM sqlite_sequence WHERE name = 'messages'",
    "INSERT INTO sqlite_sequence (name, seq) VALUES ('messages', $1)",
];

pub(super) async fn begin_reading(
    connection: &mut SqliteConnection,
) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
    connection.begin().await
}

pub(super) fn name(table: &Table) -> &'static str {
    table.sqlite
}

pub(super) fn selected(column: &Column) -> String {
    let name = column.name;
    match column.kind {
        Type::Number => format!("CAST({name} AS INTEGER)"),
        Type::Room => format!("CAST(nullif({name}, '') AS BLOB)"),
        // Texts may be bytes that are not valid text.
        Type::Text | Type::Content | Type::Bytes => format!("CAST({name} AS BLOB)"),
    }
}

pub(super) fn kept(row: &SqliteRow, index: usize, column: &Column) -> Result<Kept, sqlx::Error> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(match column.kind {
        Type::Number => Kept::Number(row.try_get(index)?),
        Type::Bytes => Kept::Bytes(row.try_get(index)?),
        Type::Text | Type::Room => Kept::Text(row.try_get::<Option<Vec<u8>>, _>(index)?.map(text)),
        Type::Content => {
            Kept::Text(Some(text(row.try_get::<Option<_>, _>(index)?.unwrap_or_default())))
        }
    })
}

pub(super) fn content(text: String) -> String {
    text
}

pub(super) fn room(room: Option<String>) -> String {
    room.unwrap_or_default()
}

pub(super) fn state(text: &str) -> State {
    text.to_owned()
}

pub(super) fn text(state: State) -> String {
    state
}

/// Sets what the log is.
pub(super) async fn finish(
    header: &Header,
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    let number = |number: i64| Some(number).filter(|it| *it > 0).map(|it| it.to_string());
    for (name, value) in [
        ("epoch", Some(header.epoch.as_str().to_owned())),
        ("horizon", number(header.horizon)),
        ("wiped", number(header.wiped)),
        ("plain_keys_upto", header.plain_keys_upto.map(|it| it.to_string())),
    ] {
        if let Some(value) = value {
            sqlx::query(META).bind(name).bind(value).execute(&mut *connection).await?;
        }
    }
    sqlx::query(SEQUENCE[0]).execute(&mut *connection).await?;
    sqlx::query(SEQUENCE[1]).bind(header.tail).execute(connection).await.map(drop)
}

//! What an export or import does in its own way with PostgreSQL.

use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Postgres, Row as _, Transaction};

use super::read::text as utf8;
use crate::dump::{Column, Header, Kept, Table, Type};

pub(super) type Db = Postgres;

/// The state of a session.
pub(super) type State = Vec<u8>;

macro_rules! sessions {
    () => {
        "chat_sessions"
    };
}
pub(super) use sessions;

/// The epoch, the tail, the horizon, and up to where contents are removed and keys are kept unchanged.
pub(super) const LOG: &str = "SELECT epoch,
    greatest(last_deleted, (SELECT max(id) FROM chat_messages)), horizon, wiped, plain_keys_upto
    FROM chat_log";

pub(super) const ABOVE: &str = "SELECT count(*) FROM chat_messages WHERE id > $1";

/// One state of all tables, however long it takes.
const SNAPSHOT: [&str; 3] = [
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
];

const FINISH: &str = "UPDATE chat_log
    SET epoch = $1, last_deleted = CASE
            WHEN $2 > coalesce((SELECT max(id) FROM chat_messages), 0) THEN $2 ELSE 0 END,
        horizon = $3, wiped = $4, plain_keys_upto = $5";

pub(super) async fn begin_reading(
    connection: &mut PgConnection,
) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for sql in SNAPSHOT {
        sqlx::query(sql).execute(&mut *transaction).await?;
    }
    Ok(transaction)
}

pub(super) fn name(table: &Table) -> &'static str {
    table.postgres
}

pub(super) fn selected(column: &Column) -> String {
    column.name.to_owned()
}

pub(super) fn kept(row: &PgRow, index: usize, column: &Column) -> Result<Kept, sqlx::Error> {
    Ok(match column.kind {
        Type::Number => Kept::Number(row.try_get(index)?),
        Type::Bytes => Kept::Bytes(row.try_get(index)?),
        Type::Text | Type::Room => Kept::Text(row.try_get(index)?),
        Type::Content => Kept::Text(Some(utf8(row.try_get(index)?)?)),
    })
}

pub(super) fn content(text: String) -> Vec<u8> {
    text.into_bytes()
}

pub(super) fn room(room: Option<String>) -> Option<String> {
    room
}

pub(super) fn state(text: &str) -> State {
    text.as_bytes().to_vec()
}

pub(super) fn text(state: State) -> String {
    String::from_utf8_lossy(&state).into_owned()
}

/// Sets what the log is.
pub(super) async fn finish(
    header: &Header,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let finish = sqlx::query(FINISH)
        .bind(header.epoch.as_str().to_owned())
        .bind(header.tail)
        .bind(header.horizon)
        .bind(header.wiped)
        .bind(header.plain_keys_upto);
    finish.execute(connection).await.map(drop)
}

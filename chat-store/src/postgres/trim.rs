//! Deletes the beginning of the log: the horizon moves first, then contents are removed, and last the rows that were kept for
//! their keys.
//!
//! Nobody changes a message below the horizon, so only deleting rows has to wait for those who append.

use chat_core::{Content, ContentDigest};
use sqlx::{Connection as _, PgConnection, Row as _};

use super::read::{horizon, tail, text};
use crate::{Trim, Trimmed};

/// The maximum number of rows of a step. Messages wait for the deletion of rows.
const ROWS: i64 = 512;

/// A step ends with the row that brings its contents to this many bytes.
const BYTES: usize = 512 * 1024;

const MOVE_HORIZON: &str = "UPDATE chat_log SET horizon = $1 WHERE horizon < $1";

const MARKS: &str = "SELECT horizon, wiped FROM chat_log";

pub(super) const ROWS_TO_WIPE: &str = "SELECT id, content, original,
        client_offset IS NOT NULL AND at >= $3 AS is_kept
    FROM chat_messages WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $4";

/// The rows that are kept for their keys, from the first one on.
pub(super) const KEPT: &str = "SELECT id, client_offset IS NOT NULL AND at >= $2 AS is_kept
    FROM chat_messages WHERE id <= $1 ORDER BY id LIMIT $3";

const WIPE: &str =
    "UPDATE chat_messages AS one SET content = '', sender = NULL, original = new.original
    FROM unnest($1::bigint[], $2::bigint[]) AS new (id, original) WHERE one.id = new.id";

const FORGET_REACTIONS: &str = "DELETE FROM chat_reactions WHERE message > $1 AND message <= $2";

const SET_WIPED: &str = "UPDATE chat_log SET wiped = $1 WHERE wiped < $1";

const DELETE: &str = "DELETE FROM chat_messages WHERE id = ANY ($1)";

/// Does the next step.
pub(super) async fn step(
    trim: &Trim,
    connection: &mut PgConnection,
) -> Result<Trimmed, sqlx::Error> {
    let upto = trim.upto.min(tail(connection).await?);
    if upto > horizon(connection).await? {
        let upto = upto.as_u64().cast_signed();
        sqlx::query(MOVE_HORIZON).bind(upto).execute(&mut *connection).await?;
    }
    let (horizon, wiped) = sqlx::query_as(MARKS).fetch_one(&mut *connection).await?;
    let cutoff = trim.forget_keys_before.as_millis();
    if wiped < horizon {
        wipe(wiped, horizon, cutoff, connection).await?;
        return Ok(Trimmed::More);
    }
    forget(wiped, cutoff, connection).await
}

/// Removes the contents of the next messages, and whole messages that have no key to keep.
async fn wipe(
    wiped: i64,
    horizon: i64,
    cutoff: i64,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let found = sqlx::query(ROWS_TO_WIPE).bind(wiped).bind(horizon).bind(cutoff).bind(ROWS);
    let found = found.fetch_all(&mut *connection).await?;
    let (mut gone, mut kept, mut originals) = (Vec::new(), Vec::new(), Vec::new());
    let (mut upto, mut bytes) = (horizon, 0);
    for (row, next) in found.iter().zip(1..) {
        let id: i64 = row.try_get(0)?;
        let content: Vec<u8> = row.try_get(1)?;
        bytes += content.len();
        if row.try_get("is_kept")? {
            let original: Option<i64> = row.try_get(2)?;
            let content = Content::from_stored(text(content)?);
            kept.push(id);
            originals.push(original.unwrap_or(ContentDigest::of(&content).as_u32().into()));
        } else {
            gone.push(id);
        }
        if bytes >= BYTES || next == ROWS {
            upto = id;
            break;
        }
    }
    let mut transaction = begin(connection).await?;
    sqlx::query(WIPE).bind(kept).bind(originals).execute(&mut *transaction).await?;
    sqlx::query(FORGET_REACTIONS).bind(wiped).bind(upto).execute(&mut *transaction).await?;
    if !gone.is_empty() {
        delete(gone, &mut transaction).await?;
    }
    sqlx::query(SET_WIPED).bind(upto).execute(&mut *transaction).await?;
    transaction.commit().await
}

/// Deletes the first rows that are kept for their keys, as far as these may be forgotten.
async fn forget(
    wiped: i64,
    cutoff: i64,
    connection: &mut PgConnection,
) -> Result<Trimmed, sqlx::Error> {
    let found = sqlx::query(KEPT).bind(wiped).bind(cutoff).bind(ROWS);
    let mut gone: Vec<i64> = Vec::new();
    for row in found.fetch_all(&mut *connection).await? {
        if row.try_get("is_kept")? {
            break;
        }
        gone.push(row.try_get(0)?);
    }
    if gone.is_empty() {
        return Ok(Trimmed::All);
    }
    let mut transaction = begin(connection).await?;
    delete(gone, &mut transaction).await?;
    transaction.commit().await?;
    Ok(Trimmed::More)
}

/// Those who append wait from here to the end of the transaction.
async fn delete(ids: Vec<i64>, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("LOCK TABLE chat_log IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *connection)
        .await?;
    sqlx::query(DELETE).bind(ids).execute(&mut *connection).await.map(drop)
}

/// A crash takes back the newest steps, which are done again.
async fn begin(
    connection: &mut PgConnection,
) -> Result<sqlx::Transaction<'_, sqlx::Postgres>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut *transaction).await?;
    Ok(transaction)
}

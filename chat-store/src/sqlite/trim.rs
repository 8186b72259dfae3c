//! Deletes the beginning of the log, in steps that are as long as a commit.
//!
//! ```text
//!   forgotten    │ kept for their keys      │ with contents, read by nobody │ the log
//!   ─────────────┴──────────────────────────┴───────────────────────────────┴────────▶
//!                                           └ wiped                         └ horizon
//! ```
//!
//! The horizon moves first, so that no reader ever sees a part of it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chat_core::{Content, ContentDigest};
use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};
use tokio::time::Instant;

use super::read::{horizon, tail};
use super::transaction::begin;
use crate::{Trim, Trimmed};

/// How long a step should take: messages wait for it.
const STEP: Duration = Duration::from_millis(5);

/// The number of rows of the first step.
const FIRST_ROWS: usize = 64;

/// The minimum and maximum number of rows of a step.
const ROWS: (usize, usize) = (4, 1024);

/// A step ends with the row that brings its contents to this many bytes.
const BYTES: usize = 128 * 1024;

/// The file keeps so many free pages, or an eighth of its pages, for messages to come.
const SPARE_PAGES: i64 = 256;

const WIPED: &str = "SELECT coalesce(
    (SELECT CAST(value AS INTEGER) FROM chat_meta WHERE name = 'wiped'), 0)";

const SET_MARK: &str = "INSERT OR REPLACE INTO chat_meta (name, value) VALUES (?1, ?2)";

const ROWS_TO_WIPE: &str = "SELECT id, CAST(content AS BLOB), original, room,
        client_offset IS NOT NULL AND at >= ?3
    FROM messages WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?4";

/// The rows that are kept for their keys, from the first one on.
const KEPT: &str = "SELECT id, room, at >= ?2 FROM messages WHERE id <= ?1 ORDER BY id LIMIT ?3";

const WIPE: &str = "UPDATE messages SET content = '', sender = NULL, original = ?2 WHERE id = ?1";

const DELETE: &str = "DELETE FROM messages WHERE id IN (SELECT value FROM json_each(?1))";

const FORGET_ROOM: &str = "DELETE FROM room_messages WHERE room = ?1 AND id <= ?2";

const FORGET_REACTIONS: &str = "DELETE FROM chat_reactions WHERE message > ?1 AND message <= ?2";

/// How far deleting has come.
#[derive(Debug)]
pub(super) struct Pace {
    /// How many rows the next step has.
    rows: AtomicUsize,
    /// Whether something was deleted since the write-ahead log was wiped.
    has_deleted: AtomicBool,
}

impl Pace {
    /// Returns whether the write-ahead log has to be wiped after a step: once everything is deleted.
    pub(super) fn is_to_wipe(&self, trimmed: Trimmed) -> bool {
        match trimmed {
            Trimmed::More => {
                self.has_deleted.store(true, Ordering::Relaxed);
                false
            }
            Trimmed::All => self.has_deleted.swap(false, Ordering::Relaxed),
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self { rows: AtomicUsize::new(FIRST_ROWS), has_deleted: AtomicBool::new(false) }
    }
}

/// Does the next step.
pub(super) async fn step(
    trim: &Trim,
    pace: &Pace,
    connection: &mut SqliteConnection,
) -> Result<Trimmed, sqlx::Error> {
    let (began, rows) = (Instant::now(), pace.rows.load(Ordering::Relaxed));
    let done = delete(trim, rows, connection).await?;
    let is_done = done == Trimmed::All && !give_back(rows, connection).await?;
    let next = match began.elapsed() {
        taken if taken > STEP => rows / 2,
        taken if taken < STEP / 2 => rows * 2,
        _ => rows,
    };
    pace.rows.store(next.clamp(ROWS.0, ROWS.1), Ordering::Relaxed);
    Ok(if is_done { Trimmed::All } else { Trimmed::More })
}

/// Deletes at most so many rows.
async fn delete(
    trim: &Trim,
    rows: usize,
    connection: &mut SqliteConnection,
) -> Result<Trimmed, sqlx::Error> {
    let mut transaction = begin(connection).await?;
    let tail = tail(&mut transaction).await?;
    let mut horizon = horizon(&mut transaction).await?;
    let upto = trim.upto.min(tail);
    if upto > horizon {
        set("horizon", upto.as_u64().cast_signed(), &mut transaction).await?;
        horizon = upto;
    }
    let horizon = horizon.as_u64().cast_signed();
    let wiped: i64 = sqlx::query_scalar(WIPED).fetch_one(&mut *transaction).await?;
    let cutoff = trim.forget_keys_before.as_millis();
    let is_all = if wiped < horizon {
        wipe(wiped, horizon, cutoff, rows, &mut transaction).await?;
        false
    } else {
        forget(wiped, cutoff, rows, &mut transaction).await?
    };
    transaction.commit().await?;
    Ok(if is_all { Trimmed::All } else { Trimmed::More })
}

/// Removes the contents of the next messages, and whole messages that have no key to keep.
async fn wipe(
    wiped: i64,
    horizon: i64,
    cutoff: i64,
    most: usize,
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    let (mut upto, mut bytes, mut count) = (wiped, 0, 0);
    let (mut gone, mut kept, mut rooms) = (Vec::new(), Vec::new(), BTreeSet::new());
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let found = sqlx::query(ROWS_TO_WIPE).bind(wiped).bind(horizon).bind(cutoff).bind(limit);
    let mut found = found.fetch(&mut *connection);
    while bytes < BYTES
        && let Some(row) = found.try_next().await?
    {
        upto = row.try_get(0)?;
        count += 1;
        let content = row.try_get::<Option<Vec<u8>>, _>(1)?.unwrap_or_default();
        bytes += content.len();
        rooms.insert(row.try_get::<Vec<u8>, _>(3)?);
        if row.try_get::<Option<bool>, _>(4)? == Some(true) {
            let content = Content::from_stored(String::from_utf8_lossy(&content));
            let original: Option<i64> = row.try_get(2)?;
            kept.push((upto, original.unwrap_or(ContentDigest::of(&content).as_u32().into())));
        } else {
            gone.push(upto);
        }
    }
    drop(found);
    if bytes < BYTES && count < most {
        // Nothing is there up to it.
        upto = horizon;
    }
    for (id, original) in kept {
        sqlx::query(WIPE).bind(id).bind(original).execute(&mut *connection).await?;
    }
    remove(&gone, rooms, upto, connection).await?;
    sqlx::query(FORGET_REACTIONS).bind(wiped).bind(upto).execute(&mut *connection).await?;
    set("wiped", upto, connection).await
}

/// Deletes the first rows that are kept for their keys, as far as these may be forgotten. Returns whether there are no more.
async fn forget(
    wiped: i64,
    cutoff: i64,
    most: usize,
    connection: &mut SqliteConnection,
) -> Result<bool, sqlx::Error> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let found = sqlx::query(KEPT).bind(wiped).bind(cutoff).bind(limit);
    let (mut gone, mut rooms) = (Vec::new(), BTreeSet::new());
    for row in found.fetch_all(&mut *connection).await? {
        if row.try_get::<Option<bool>, _>(2)? == Some(true) {
            break;
        }
        gone.push(row.try_get(0)?);
        rooms.insert(row.try_get::<Vec<u8>, _>(1)?);
    }
    let Some(&upto) = gone.last() else { return Ok(true) };
    remove(&gone, rooms, upto, connection).await?;
    Ok(false)
}

/// Deletes these rows, and the entries of these rooms up to an id.
async fn remove(
    ids: &[i64],
    rooms: BTreeSet<Vec<u8>>,
    upto: i64,
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    if !ids.is_empty() {
        let ids = serde_json::to_string(ids).map_err(|error| sqlx::Error::Encode(error.into()))?;
        sqlx::query(DELETE).bind(ids).execute(&mut *connection).await?;
    }
    // The entries of the room without a name say up to where the table is complete.
    for room in rooms.into_iter().filter(|room| !room.is_empty()) {
        let room = String::from_utf8_lossy(&room).into_owned();
        sqlx::query(FORGET_ROOM).bind(room).bind(upto).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Gives free pages at the end of the file back to the disk, if there are many. Returns whether there may be more.
async fn give_back(rows: usize, connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    const PAGES: &str = "SELECT auto_vacuum, freelist_count, page_count
        FROM pragma_auto_vacuum, pragma_freelist_count, pragma_page_count";
    /// `PRAGMA auto_vacuum = INCREMENTAL`. A file of an earlier version keeps its free pages, and uses them again.
    const INCREMENTAL: i64 = 2;
    let (mode, free, all): (i64, i64, i64) =
        sqlx::query_as(PAGES).fetch_one(&mut *connection).await?;
    let excess = free - SPARE_PAGES.max(all / 8);
    if mode != INCREMENTAL || excess <= 0 {
        return Ok(false);
    }
    let pages = excess.min(i64::try_from(rows).unwrap_or(i64::MAX));
    let vacuum = AssertSqlSafe(format!("PRAGMA incremental_vacuum({pages})"));
    sqlx::query(vacuum).fetch_all(&mut *connection).await?;
    Ok(excess > pages)
}

async fn set(
    name: &'static str,
    value: i64,
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    let set = sqlx::query(SET_MARK).bind(name).bind(value.to_string());
    set.execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[tokio::test]
    async fn rows_are_found_by_their_numbers() {
        for sql in [ROWS_TO_WIPE, KEPT, DELETE] {
            let plan = plan(sql).await;
            assert!(plan.contains("messages USING INTEGER PRIMARY KEY"), "{plan}");
            assert!(!plan.contains("SCAN messages"), "{plan}");
        }
        for sql in [FORGET_ROOM, FORGET_REACTIONS, WIPED] {
            let plan = plan(sql).await;
            assert!(plan.contains("USING PRIMARY KEY"), "{plan}");
        }
    }
}

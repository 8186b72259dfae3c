//! The schema of the database: checked before anything is written, then migrated.

use chat_core::Epoch;
use sqlx::{Connection, PgConnection};

use super::error::Place;
use super::skeletons::fill_skeletons;
use crate::StoreError;

/// Step `i` leads from version `i` to `i + 1`.
pub(super) const MIGRATIONS: [&str; 16] = [
    include_str!("../../migrations/postgres/0001_log.sql"),
    include_str!("../../migrations/postgres/0002_sessions.sql"),
    include_str!("../../migrations/postgres/0003_session_versions.sql"),
    include_str!("../../migrations/postgres/0004_people.sql"),
    include_str!("../../migrations/postgres/0005_authors.sql"),
    include_str!("../../migrations/postgres/0006_skeletons.sql"),
    include_str!("../../migrations/postgres/0007_users.sql"),
    include_str!("../../migrations/postgres/0008_message_users.sql"),
    include_str!("../../migrations/postgres/0009_rooms.sql"),
    include_str!("../../migrations/postgres/0010_read_positions.sql"),
    include_str!("../../migrations/postgres/0011_device_code_makers.sql"),
    include_str!("../../migrations/postgres/0012_events.sql"),
    include_str!("../../migrations/postgres/0013_changes.sql"),
    include_str!("../../migrations/postgres/0014_current_nicknames.sql"),
    include_str!("../../migrations/postgres/0015_search.sql"),
    include_str!("../../migrations/postgres/0016_horizon.sql"),
];

/// Held while a node migrates a database (`pg_advisory_xact_lock`): "chat log" in ASCII.
const LOCK: i64 = i64::from_be_bytes(*b"chat log");

/// What a store has to know about its log.
pub(super) struct Prepared {
    /// Its identity.
    pub(super) epoch: Epoch,
    /// Whether it may have messages of users whose keys are kept unchanged, from before authors were kept.
    pub(super) has_plain_keys: bool,
}

/// Makes the database ready for use, completely or not at all.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    place: &Place,
) -> Result<Prepared, StoreError> {
    let sql = |error| place.error(error);
    let mut transaction = connection.begin().await.map_err(sql)?;
    // Several nodes that start at once wait here for the first one.
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *transaction)
        .await
        .map_err(sql)?;
    let version = version(&mut transaction, place).await?;
    for migration in MIGRATIONS.iter().skip(version) {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await.map_err(sql)?;
    }
    if version < MIGRATIONS.len() {
        fill_skeletons(&mut transaction).await.map_err(sql)?;
        sqlx::query("UPDATE chat_log SET version = $1")
            .bind(MIGRATIONS.len() as i32)
            .execute(&mut *transaction)
            .await
            .map_err(sql)?;
    }
    // A read-only server should be noticed now, not with the first message.
    sqlx::query("UPDATE chat_log SET epoch = epoch WHERE false")
        .execute(&mut *transaction)
        .await
        .map_err(sql)?;
    const LOG: &str = "SELECT epoch, plain_keys_upto IS NOT NULL FROM chat_log";
    let log: Option<(String, bool)> =
        sqlx::query_as(LOG).fetch_optional(&mut *transaction).await.map_err(sql)?;
    transaction.commit().await.map_err(sql)?;
    log.and_then(|(epoch, has_plain_keys)| Some((epoch.parse().ok()?, has_plain_keys)))
        .map(|(epoch, has_plain_keys)| Prepared { epoch, has_plain_keys })
        .ok_or_else(|| place.corrupt("has lost the identity of its log"))
}

/// Gives the log a new identity. Consumers go on where they are, as their cursors name the new one.
pub(super) async fn renew_epoch(
    connection: &mut PgConnection,
    place: &Place,
) -> Result<(), StoreError> {
    const EPOCH: &str = "UPDATE chat_log
        SET epoch = left(replace(gen_random_uuid()::text, '-', ''), 16) RETURNING epoch";
    // A consumer's cursor is a session whose state begins with the epoch.
    const CURSORS: &str =
        "UPDATE chat_sessions SET state = $2 || substring(state from length($1) + 1)
        WHERE substring(state from 1 for length($1)) = $1";
    let sql = |error| place.error(error);
    let begin = |epoch: &str| format!("{{\"epoch\":\"{epoch}\"").into_bytes();
    let before = prepare(connection, place).await?.epoch;
    let mut transaction = connection.begin().await.map_err(sql)?;
    let after: String =
        sqlx::query_scalar(EPOCH).fetch_one(&mut *transaction).await.map_err(sql)?;
    let cursors = sqlx::query(CURSORS).bind(begin(before.as_str())).bind(begin(&after));
    cursors.execute(&mut *transaction).await.map_err(sql)?;
    transaction.commit().await.map_err(sql)
}

/// Returns how many of the migrations the database has seen.
pub(super) async fn version(
    connection: &mut PgConnection,
    place: &Place,
) -> Result<usize, StoreError> {
    const LOOK: &str =
        "SELECT current_setting('server_encoding'), to_regclass('chat_log') IS NOT NULL";
    let (encoding, ours): (String, bool) =
        sqlx::query_as(LOOK).fetch_one(&mut *connection).await.map_err(|e| place.error(e))?;
    if encoding != "UTF8" {
        return Err(place.corrupt(format!("keeps its text in {encoding} instead of UTF8")));
    }
    if !ours {
        return Ok(0);
    }
    let version: Option<i32> = sqlx::query_scalar("SELECT version FROM chat_log")
        .fetch_optional(connection)
        .await
        .map_err(|error| place.error(error))?;
    match version.map(usize::try_from) {
        Some(Ok(version)) if version <= MIGRATIONS.len() => Ok(version),
        Some(Ok(_)) => Err(place.newer()),
        _ => Err(place.corrupt("has lost the version of its tables")),
    }
}

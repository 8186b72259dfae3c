//! The schema of the file: checked before anything is written, then migrated.

use std::time::Instant;

use chat_core::Epoch;
use sqlx::{Connection, SqliteConnection};
use tokio::time::{Duration, sleep};

use super::error::{Place, is_busy};
use super::skeletons::fill_skeletons;
use crate::StoreError;

/// How long a call waits for another process to release the file before it fails with [`StoreError::Locked`].
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Step `i` leads from `user_version` `i` to `i + 1`.
pub(super) const MIGRATIONS: [&str; 16] = [
    include_str!("../../migrations/sqlite/0001_tutorial.sql"),
    include_str!("../../migrations/sqlite/0002_rooms.sql"),
    include_str!("../../migrations/sqlite/0003_sessions.sql"),
    include_str!("../../migrations/sqlite/0004_session_versions.sql"),
    include_str!("../../migrations/sqlite/0005_people.sql"),
    include_str!("../../migrations/sqlite/0006_room_messages.sql"),
    include_str!("../../migrations/sqlite/0007_authors.sql"),
    include_str!("../../migrations/sqlite/0008_skeletons.sql"),
    include_str!("../../migrations/sqlite/0009_users.sql"),
    include_str!("../../migrations/sqlite/0010_message_users.sql"),
    include_str!("../../migrations/sqlite/0011_rooms.sql"),
    include_str!("../../migrations/sqlite/0012_read_positions.sql"),
    include_str!("../../migrations/sqlite/0013_device_code_makers.sql"),
    include_str!("../../migrations/sqlite/0014_events.sql"),
    include_str!("../../migrations/sqlite/0015_changes.sql"),
    include_str!("../../migrations/sqlite/0016_current_nicknames.sql"),
];

/// Marks the file as ours (`PRAGMA application_id`), so that the version of another program's file is not mistaken
/// for one of ours: "chat" in ASCII.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"chat");

/// Makes the file ready for use, or refuses it and leaves it unchanged.
pub(super) async fn prepare(
    connection: &mut SqliteConnection,
    place: &Place,
) -> Result<(), StoreError> {
    let mut looking = connection.begin().await.map_err(|error| place.error(error))?;
    version(&mut looking, place).await?;
    looking.rollback().await.map_err(|error| place.error(error))?;

    use_write_ahead_log(connection, place).await?;
    migrate(connection, place).await
}

/// Checks that the file is a log of ours or of the tutorial, whatever its version.
pub(super) async fn check(
    connection: &mut SqliteConnection,
    place: &Place,
) -> Result<(), StoreError> {
    const IS_LOG: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'messages')";
    version(connection, place).await?;
    let is_log = sqlx::query_scalar(IS_LOG).fetch_one(connection).await;
    if is_log.map_err(|error| place.error(error))? {
        Ok(())
    } else {
        Err(place.corrupt("has no messages"))
    }
}

/// Gives the log a new identity. Consumers go on where they are, as their cursors name the new one.
pub(super) async fn renew_epoch(
    connection: &mut SqliteConnection,
    place: &Place,
) -> Result<(), StoreError> {
    // A consumer's cursor is a session whose state begins with the epoch.
    const CURSORS: &str = r#"UPDATE sessions
        SET state = '{"epoch":"' || (SELECT value FROM chat_meta WHERE name = 'epoch')
            || substr(state, length('{"epoch":"' || ?1) + 1)
        WHERE state LIKE '{"epoch":"' || ?1 || '"%'"#;
    const EPOCH: &str =
        "UPDATE chat_meta SET value = lower(hex(randomblob(8))) WHERE name = 'epoch'";
    let sql = |error| place.error(error);
    // The tutorial's file has no identity yet.
    if version(connection, place).await? < MIGRATIONS.len() {
        migrate(connection, place).await?;
    }
    let before = epoch(connection, place).await?;
    let mut transaction = connection.begin().await.map_err(sql)?;
    sqlx::query(EPOCH).execute(&mut *transaction).await.map_err(sql)?;
    let cursors = sqlx::query(CURSORS).bind(before.as_str().to_owned());
    cursors.execute(&mut *transaction).await.map_err(sql)?;
    transaction.commit().await.map_err(sql)
}

/// Returns the identity of the log, which the migrations created.
pub(super) async fn epoch(
    connection: &mut SqliteConnection,
    place: &Place,
) -> Result<Epoch, StoreError> {
    let epoch: Option<String> =
        sqlx::query_scalar("SELECT value FROM chat_meta WHERE name = 'epoch'")
            .fetch_optional(connection)
            .await
            .map_err(|error| place.error(error))?;
    epoch
        .and_then(|epoch| epoch.parse().ok())
        .ok_or_else(|| place.corrupt("has lost the identity of its log"))
}

/// Returns whether the log may have messages of users whose keys are kept unchanged, from before authors were kept.
pub(super) async fn has_plain_keys(
    connection: &mut SqliteConnection,
    place: &Place,
) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM chat_meta WHERE name = 'plain_keys_upto')")
        .fetch_one(connection)
        .await
        .map_err(|error| place.error(error))
}

/// Returns how many of the migrations the file has seen.
pub(super) async fn version(
    connection: &mut SqliteConnection,
    place: &Place,
) -> Result<usize, StoreError> {
    const QUERY: &str = "SELECT application_id, user_version, encoding
        FROM pragma_application_id, pragma_user_version, pragma_encoding";
    let (application_id, version, encoding): (i32, i32, String) =
        sqlx::query_as(QUERY).fetch_one(&mut *connection).await.map_err(|e| place.error(e))?;
    if encoding != "UTF-8" {
        return Err(place.corrupt(format!("keeps its text in {encoding} instead of UTF-8")));
    }
    match (application_id, usize::try_from(version)) {
        (APPLICATION_ID, Ok(version)) if version <= MIGRATIONS.len() => Ok(version),
        (APPLICATION_ID, _) => Err(place.newer()),
        (0, Ok(0)) => check_tutorial_table(connection, place).await.map(|()| 0),
        _ => Err(place.corrupt("belongs to another program")),
    }
}

/// Checks that a `messages` table from before ours is that of the tutorial, with what we rely on: ids that are not
/// reused, unique keys, and no columns with our names.
async fn check_tutorial_table(
    connection: &mut SqliteConnection,
    place: &Place,
) -> Result<(), StoreError> {
    const QUERY: &str = "SELECT type = 'table' AND sql LIKE '%AUTOINCREMENT%'
            AND EXISTS (SELECT 1 FROM pragma_table_info('messages') WHERE name = 'id' AND pk = 1)
            AND EXISTS (SELECT 1 FROM pragma_table_info('messages') WHERE name = 'content')
            AND NOT EXISTS (SELECT 1 FROM pragma_table_info('messages')
                WHERE name IN
                    ('room', 'sender', 'at', 'sender_id', 'receiver_id', 'receiver', 'author',
                    'user_id'))
            AND EXISTS (SELECT 1 FROM pragma_index_list('messages') AS list
                WHERE list.[unique] AND NOT list.partial AND 'client_offset' =
                    (SELECT group_concat(name) FROM pragma_index_info(list.name)))
        FROM sqlite_schema WHERE name = 'messages'";
    let as_expected: Option<bool> =
        sqlx::query_scalar(QUERY).fetch_optional(connection).await.map_err(|e| place.error(e))?;
    match as_expected {
        None | Some(true) => Ok(()),
        Some(false) => Err(place.corrupt("has a `messages` table that is not the tutorial's")),
    }
}

/// Switches to the mode in which readers and the writer do not wait for each other.
pub(super) async fn use_write_ahead_log(
    connection: &mut SqliteConnection,
    place: &Place,
) -> Result<(), StoreError> {
    let give_up = Instant::now() + BUSY_TIMEOUT;
    loop {
        let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL")
            .fetch_one(&mut *connection)
            .await;
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => return Err(place.unusable("its file system cannot keep a write-ahead log")),
            // SQLite's own busy timeout does not cover the switch, which needs exclusive use of the file, while a
            // second process may be starting.
            Err(error) if is_busy(&error) && Instant::now() < give_up => {
                sleep(Duration::from_millis(10)).await;
            }
            Err(error) => return Err(place.error(error)),
        }
    }
}

/// Applies missing migrations, completely or not at all.
async fn migrate(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let sql = |error| place.error(error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(sql)?;
    // Another process may have done it while this one waited for its turn.
    let version = version(&mut transaction, place).await?;
    for migration in MIGRATIONS.iter().skip(version) {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await.map_err(sql)?;
    }
    if version < MIGRATIONS.len() {
        fill_skeletons(&mut transaction).await.map_err(sql)?;
        let marks = format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}",
            MIGRATIONS.len()
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut *transaction).await.map_err(sql)?;
    }
    // A read-only file should be noticed now, not with the first message. BEGIN IMMEDIATE does not report it.
    sqlx::query("UPDATE chat_meta SET value = value WHERE false")
        .execute(&mut *transaction)
        .await
        .map_err(sql)?;
    transaction.commit().await.map_err(sql)
}

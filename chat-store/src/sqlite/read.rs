//! Pages of the log, and rows as messages.

use chat_core::{ClientOffset, Content, Message, Offset, RoomId, Timestamp};
use futures_util::TryStreamExt;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use crate::Page;

/// With how many rooms the rooms are merged. SQLite takes 500 queries in one statement; a reader of
/// more rooms than this is served from the whole log, leaving out the other rooms.
const MERGED_ROOMS: usize = 100;

const ALL_ROOMS: &str = "SELECT id, room, content, client_offset, sender, at FROM messages
    WHERE id > ?1 ORDER BY id LIMIT ?2";

/// The sign before `room` keeps SQLite from collecting and sorting all rows of all these rooms.
const MANY_ROOMS: &str = "SELECT id, room, content, client_offset, sender, at FROM messages
    WHERE id > ?1 AND +room IN (SELECT value FROM json_each(?3)) ORDER BY id LIMIT ?2";

/// One walk along the index for each room, merged: it ends when the page is full, however much there
/// is. With `IN` SQLite would read all that follows `?1` and sort it, for every page.
fn merged_rooms(count: usize) -> String {
    let mut sql = String::new();
    for index in 0..count {
        let union = if index == 0 { "" } else { " UNION ALL " };
        let parameter = index + 3;
        sql += &format!(
            "{union}SELECT id, room, content, client_offset, sender, at FROM messages
             WHERE room = ?{parameter} AND id > ?1"
        );
    }
    sql + " ORDER BY id LIMIT ?2"
}

pub(super) async fn read_after(
    connection: &mut SqliteConnection,
    rooms: Option<&[RoomId]>,
    after: Offset,
    limit: usize,
) -> Result<Page, sqlx::Error> {
    let mut rooms = rooms.map(<[RoomId]>::to_vec);
    if let Some(rooms) = &mut rooms {
        rooms.sort_unstable();
        rooms.dedup();
    }
    let sql = match rooms.as_deref() {
        None => ALL_ROOMS.to_owned(),
        Some([]) => return Ok(Page::default()),
        Some(rooms) if rooms.len() > MERGED_ROOMS => MANY_ROOMS.to_owned(),
        Some(rooms) => merged_rooms(rooms.len()),
    };
    // One more than asked for tells whether there is more.
    let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(after.as_u64().cast_signed()).bind(rows);
    match rooms.as_deref().unwrap_or_default() {
        rooms if rooms.len() > MERGED_ROOMS => {
            let rooms = serde_json::to_string(rooms).map_err(|e| sqlx::Error::Encode(e.into()))?;
            query = query.bind(rooms);
        }
        rooms => {
            for room in rooms {
                query = query.bind(room.as_str());
            }
        }
    }

    let mut rows = query.fetch(connection);
    let mut page = Page::default();
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await? {
        if page.messages.len() == limit || bytes >= Page::MAX_BYTES {
            page.more = true;
            break;
        }
        let message = message(&row)?;
        bytes += message.content.as_str().len();
        page.messages.push(message);
    }
    Ok(page)
}

/// The number of the last message there ever was, also when it has been deleted.
pub(super) async fn tail(connection: &mut SqliteConnection) -> Result<Offset, sqlx::Error> {
    const TAIL: &str = "SELECT max(
        coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'messages'), 0),
        coalesce((SELECT max(id) FROM messages), 0))";
    offset(sqlx::query_scalar(TAIL).fetch_one(connection).await?)
}

/// The message in a row of `id, room, content, client_offset, sender, at`.
///
/// The tutorial stores what a client sends, whatever it is: nothing at all reads as an empty text,
/// bytes as text as far as they are.
pub(super) fn message(row: &SqliteRow) -> Result<Message, sqlx::Error> {
    let room: String = row.try_get(1)?;
    let sender: Option<String> = row.try_get(4)?;
    Ok(Message {
        offset: offset(row.try_get(0)?)?,
        room: room.try_into().map_err(undecodable)?,
        content: Content::from_stored(text(row, 2)?.unwrap_or_default()),
        client_offset: text(row, 3)?.map(ClientOffset::from_stored),
        from: sender.map(TryInto::try_into).transpose().map_err(undecodable)?,
        at: row.try_get::<Option<i64>, _>(5)?.map(Timestamp::from_millis),
    })
}

fn text(row: &SqliteRow, column: usize) -> Result<Option<String>, sqlx::Error> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    Ok(bytes.map(|bytes| match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }))
}

/// The offset with a number from the database.
pub(super) fn offset(number: i64) -> Result<Offset, sqlx::Error> {
    let number = u64::try_from(number).map_err(undecodable)?;
    Offset::new(number).map_err(undecodable)
}

fn undecodable(error: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;
    use crate::sqlite::error::Place;
    use crate::sqlite::{append, schema};

    async fn plan(sql: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        schema::prepare(&mut connection, &Place::new(&path)).await.unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>("detail") + "\n").collect()
    }

    #[tokio::test]
    async fn a_page_is_found_by_an_index_and_nothing_is_sorted() {
        for (sql, searches) in [
            (ALL_ROOMS.to_owned(), "SEARCH messages USING INTEGER PRIMARY KEY (rowid>?)"),
            (MANY_ROOMS.to_owned(), "SEARCH messages USING INTEGER PRIMARY KEY (rowid>?)"),
            (merged_rooms(1), "SEARCH messages USING INDEX messages_by_room (room=? AND rowid>?)"),
            (
                merged_rooms(MERGED_ROOMS),
                "SEARCH messages USING INDEX messages_by_room (room=? AND rowid>?)",
            ),
        ] {
            let plan = plan(&sql).await;
            assert!(plan.contains(searches), "{sql}\n{plan}");
            assert!(!plan.contains("SCAN messages"), "{sql}\n{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
        }
    }

    #[tokio::test]
    async fn keys_are_found_by_their_index() {
        for sql in [append::INSERT, append::KNOWN] {
            let plan = plan(sql).await;
            assert!(plan.contains("sqlite_autoindex_messages_1 (client_offset=?"), "{plan}");
            assert!(!plan.contains("SCAN messages"), "{plan}");
        }
    }
}

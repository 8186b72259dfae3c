//! Rows of the log, and their conversion to messages.

use chat_core::{
    Audience, AuthorId, Content, Feed, Message, Nickname, Offset, RoomId, Timestamp, UserId,
};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::feeds::{Reading, Side};
use crate::sql::rows::{at_most, digest, kind, offset, undecodable};
use crate::{PageBuilder, key_from_kept};

/// A connection to the server.
pub(super) type Connection = PgConnection;

/// Maximum number of rows per query: the server collects them before it sends the first.
const ROWS: usize = 1000;

pub(super) const TAIL: &str = "SELECT greatest(
    (SELECT last_deleted FROM chat_log), (SELECT max(id) FROM chat_messages))";

/// Returns the messages next to an offset, in the order in which they are read, and the horizon.
pub(super) async fn page(
    connection: &mut PgConnection,
    feeds: Option<&[Feed]>,
    side: Side,
    limit: usize,
) -> Result<(PageBuilder, Offset), sqlx::Error> {
    let reading = Reading::new(feeds);
    let mut page = PageBuilder::new(limit);
    loop {
        let side = page.last().map_or(side, |last| side.beyond(last.offset));
        let asked = page.wanted().min(ROWS);
        let statement = reading.statement(side, asked, page.wanted_bytes());
        let rows = statement.fetch_all(&mut *connection).await?;
        let mut is_full = false;
        for row in &rows {
            if !page.push_with(|| message(row))? {
                is_full = true;
                break;
            }
        }
        // Even if the server stopped early, it sent the row that shows that there are more.
        if is_full || rows.len() < asked {
            // Of the last read: what is missing in an earlier one is below it, too.
            let horizon = match rows.last() {
                Some(row) => offset(row.try_get("horizon")?)?,
                None => horizon(connection).await?,
            };
            return Ok((page, horizon));
        }
    }
}

/// The names of rooms, each found by one search after the one before.
pub(super) const ROOM_NAMES: &str = "WITH RECURSIVE names(room) AS (
        (SELECT room FROM chat_messages WHERE room > $1 ORDER BY room LIMIT 1)
        UNION ALL
        SELECT (
            SELECT next.room FROM chat_messages AS next
            WHERE next.room > names.room ORDER BY next.room LIMIT 1
        ) FROM names WHERE names.room IS NOT NULL
    )
    SELECT room FROM names WHERE room IS NOT NULL LIMIT $2";

/// Returns the names of rooms that have messages after one, at most `limit`.
pub(super) async fn room_names(
    connection: &mut PgConnection,
    after: Option<&RoomId>,
    limit: usize,
) -> Result<Vec<RoomId>, sqlx::Error> {
    let names = sqlx::query_scalar(ROOM_NAMES).bind(after.map_or("", RoomId::as_str));
    let names: Vec<String> = names.bind(at_most(limit)).fetch_all(connection).await?;
    Ok(names.into_iter().map(RoomId::from_stored).collect())
}

/// Returns the number of the last message there ever was, even if it has been deleted.
pub(super) async fn tail(connection: &mut PgConnection) -> Result<Offset, sqlx::Error> {
    offset(sqlx::query_scalar(TAIL).fetch_one(connection).await?)
}

/// Returns the last message that was deleted from the beginning.
pub(super) async fn horizon(connection: &mut PgConnection) -> Result<Offset, sqlx::Error> {
    const HORIZON: &str = "SELECT horizon FROM chat_log";
    offset(sqlx::query_scalar(HORIZON).fetch_one(connection).await?)
}

/// Converts a row of [`columns`](super::feeds::columns) to a message.
pub(super) fn message(row: &PgRow) -> Result<Message, sqlx::Error> {
    let sender: Option<String> = row.try_get(4)?;
    let content = Content::from_stored(text(row.try_get(2)?)?);
    let mut message = Message::new(offset(row.try_get(0)?)?, audience(row)?, content);
    message.client_offset = row.try_get::<Option<&str>, _>(3)?.map(key_from_kept);
    message.from = sender.map(Nickname::from_stored);
    message.author = row.try_get::<Option<i64>, _>(9)?.map(AuthorId::from_stored);
    message.user = row.try_get::<Option<i64>, _>(10)?.map(UserId::from_stored);
    message.kind = kind(row.try_get(11)?, row.try_get(12)?)?;
    message.original = row.try_get::<Option<i64>, _>(13)?.map(digest).transpose()?;
    message.at = Some(Timestamp::from_millis(row.try_get(5)?));
    Ok(message)
}

fn audience(row: &PgRow) -> Result<Audience, sqlx::Error> {
    if let Some(room) = row.try_get::<Option<String>, _>(1)? {
        return Ok(RoomId::from_stored(room).into());
    }
    Ok(Audience::Private {
        from: UserId::from_stored(row.try_get(6)?),
        to: UserId::from_stored(row.try_get(7)?),
        nickname: Nickname::from_stored(row.try_get::<String, _>(8)?),
    })
}

/// Converts stored bytes to text.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, sqlx::Error> {
    String::from_utf8(bytes).map_err(undecodable)
}

//! Rows of the log, and their conversion to messages.

use chat_core::{
    Audience, AuthorId, Content, Feed, Message, Nickname, Offset, RoomId, Timestamp, UserId,
};
use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::feeds::{self, Form, Side};
use super::packed;
use crate::sql::rows::{digest, kind, offset};
use crate::{PageBuilder, key_from_kept};

/// A connection to the file.
pub(super) type Connection = SqliteConnection;

/// The largest page that is read in one piece, which is in memory as a whole.
const MAX_PACKED_ROWS: usize = 1024;

/// Returns the messages next to an offset, in the order in which they are read, and the horizon: in one piece if they are
/// small.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    feeds: Option<&[Feed]>,
    side: Side,
    limit: usize,
) -> Result<(PageBuilder, Offset), sqlx::Error> {
    if limit <= MAX_PACKED_ROWS
        && let Some(packed) = packed::page(connection, feeds, side, limit).await?
    {
        return Ok(packed);
    }
    let page = row_by_row(connection, feeds, side, limit).await?;
    // Read last: what is missing in the page is below it.
    Ok((page, horizon(connection).await?))
}

/// Returns the messages next to an offset, row by row.
pub(super) async fn row_by_row(
    connection: &mut SqliteConnection,
    feeds: Option<&[Feed]>,
    side: Side,
    limit: usize,
) -> Result<PageBuilder, sqlx::Error> {
    let mut page = PageBuilder::new(limit);
    let statement = feeds::statement(feeds, side, page.wanted(), Form::Rows);
    let (statement, most) = statement.map_err(|error| sqlx::Error::Encode(error.into()))?;
    let mut rows = statement.fetch(connection);
    let mut seen = 0;
    while let Some(row) = rows.try_next().await? {
        seen += 1;
        let offset = offset(row.try_get(0)?)?;
        if let Some(last) = page.last()
            && !side.moves_on(last.offset, offset)?
        {
            continue;
        }
        if !page.push_with(|| message(&row))? {
            break;
        }
    }
    if seen >= most {
        page.cut();
    }
    Ok(page)
}

/// Returns how many messages of a feed there are after an offset, at most `max`.
pub(super) async fn count_after(
    connection: &mut SqliteConnection,
    feed: &Feed,
    after: Offset,
    max: u64,
) -> Result<u64, sqlx::Error> {
    let after = after.max(horizon(connection).await?);
    let mut rows = feeds::count_after(feed, after, max).fetch(connection);
    let count = rows.try_next().await?.map_or(Ok(0), |row| row.try_get::<i64, _>(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Returns the number of the last message there ever was, even if it has been deleted.
pub(super) async fn tail(connection: &mut SqliteConnection) -> Result<Offset, sqlx::Error> {
    const TAIL: &str = "SELECT max(
        coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'messages'), 0),
        coalesce((SELECT max(id) FROM messages), 0))";
    offset(sqlx::query_scalar(TAIL).fetch_one(connection).await?)
}

/// Returns the last message that was deleted from the beginning.
pub(super) async fn horizon(connection: &mut SqliteConnection) -> Result<Offset, sqlx::Error> {
    const HORIZON: &str = concat!("SELECT ", feeds::horizon!());
    offset(sqlx::query_scalar(HORIZON).fetch_one(connection).await?)
}

/// Converts a row of [`columns`](super::feeds::columns) to a message.
///
/// The tutorial stores whatever a client sends: NULL reads as an empty text, and bytes as text as far as they are
/// valid.
pub(super) fn message(row: &SqliteRow) -> Result<Message, sqlx::Error> {
    let sender: Option<String> = row.try_get(4)?;
    let content = Content::from_stored(text(row, 2)?.unwrap_or_default());
    let mut message = Message::new(offset(row.try_get(0)?)?, audience(row)?, content);
    message.client_offset = text(row, 3)?.as_deref().map(key_from_kept);
    message.from = sender.map(Nickname::from_stored);
    message.author = row.try_get::<Option<i64>, _>(9)?.map(AuthorId::from_stored);
    message.user = row.try_get::<Option<i64>, _>(10)?.map(UserId::from_stored);
    message.kind = kind(row.try_get(11)?, row.try_get(12)?)?;
    message.original = row.try_get::<Option<i64>, _>(13)?.map(digest).transpose()?;
    message.at = row.try_get::<Option<i64>, _>(5)?.map(Timestamp::from_millis);
    Ok(message)
}

fn audience(row: &SqliteRow) -> Result<Audience, sqlx::Error> {
    let Some(from) = row.try_get(6)? else {
        return Ok(RoomId::from_stored(row.try_get::<String, _>(1)?).into());
    };
    Ok(Audience::Private {
        from: UserId::from_stored(from),
        to: UserId::from_stored(row.try_get(7)?),
        nickname: Nickname::from_stored(row.try_get::<String, _>(8)?),
    })
}

fn text(row: &SqliteRow, column: usize) -> Result<Option<String>, sqlx::Error> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    Ok(bytes.map(|bytes| match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }))
}

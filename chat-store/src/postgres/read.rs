//! Pages of the log, and conversion of rows to messages.

use chat_core::{
    Audience, AuthorId, Content, ContentDigest, Feed, Kind, Message, Nickname, Offset, RoomId,
    Timestamp, UserId,
};
use sqlx::error::BoxDynError;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::feeds::{Reading, Side};
use crate::{Page, PageBuilder, key_from_kept};

/// Maximum number of rows per query: the server collects them before it sends the first.
const ROWS: usize = 1000;

pub(super) const TAIL: &str = "SELECT greatest(
    (SELECT last_deleted FROM chat_log), (SELECT max(id) FROM chat_messages))";

/// Returns the messages of `feeds` after an offset, or all with `None`, and none that were deleted from the beginning.
pub(super) async fn read_above_horizon(
    connection: &mut PgConnection,
    feeds: Option<&[Feed]>,
    mut after: Offset,
    limit: usize,
) -> Result<Page, sqlx::Error> {
    loop {
        let page = read_after(connection, feeds, after, limit).await?;
        if after >= page.horizon {
            return Ok(page);
        }
        after = page.horizon;
    }
}

/// Returns the last messages of a feed before an offset, and none that were deleted from the beginning.
pub(super) async fn read_down_to_horizon(
    connection: &mut PgConnection,
    feed: &Feed,
    before: Option<Offset>,
    limit: usize,
) -> Result<Page, sqlx::Error> {
    let mut page = read_before(connection, feed, before, limit).await?;
    if page.more && page.horizon > Offset::ZERO {
        let before = page.messages.first().map(|message| message.offset).or(before);
        let earlier = read_before(connection, feed, before, 1).await?;
        page.more = !earlier.messages.is_empty();
    }
    Ok(page)
}

/// Returns the messages of `feeds` after an offset, or all with `None`, with the horizon: what is missing is below it.
async fn read_after(
    connection: &mut PgConnection,
    feeds: Option<&[Feed]>,
    after: Offset,
    limit: usize,
) -> Result<Page, sqlx::Error> {
    if feeds.is_some_and(<[Feed]>::is_empty) {
        return Ok(Page::default().with_horizon(horizon(connection).await?));
    }
    let (page, horizon) = page(connection, feeds, Side::After(after), limit).await?;
    Ok(page.build().with_horizon(horizon))
}

/// Returns the last messages of a feed before an offset, as far as they are above the horizon.
async fn read_before(
    connection: &mut PgConnection,
    feed: &Feed,
    before: Option<Offset>,
    limit: usize,
) -> Result<Page, sqlx::Error> {
    let feeds = Some(std::slice::from_ref(feed));
    let (page, horizon) = page(connection, feeds, Side::Before(before), limit).await?;
    Ok(page.build_reversed().above(horizon))
}

/// Returns the messages next to an offset, in the order in which they are read, and the horizon.
async fn page(
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
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let names: Vec<String> = names.bind(limit).fetch_all(connection).await?;
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
    let target = row.try_get::<Option<i64>, _>(12)?.map(offset).transpose()?;
    message.kind = Kind::from_stored(row.try_get(11)?, target);
    let original = row.try_get::<Option<i64>, _>(13)?.map(u32::try_from).transpose();
    message.original = original.map_err(undecodable)?.map(ContentDigest::from_stored);
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

/// Converts a number from the database to an offset.
pub(super) fn offset(number: i64) -> Result<Offset, sqlx::Error> {
    let number = u64::try_from(number).map_err(undecodable)?;
    Offset::new(number).map_err(undecodable)
}

fn undecodable(error: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

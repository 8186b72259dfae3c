//! Pages of the log, and rows as messages.

use chat_core::{ClientOffset, Content, Message, Offset, RoomId, Timestamp};
use sqlx::error::BoxDynError;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::Page;

/// At most so many rows are asked for at once: the server collects them before it sends the first.
const ROWS: usize = 1000;

/// `$1` and the messages after it, `$2` at most, and not more than the first two after those that have
/// `$3` bytes: one belongs to the page, and the next one tells that there are more.
macro_rules! page {
    ($from:literal) => {
        concat!(
            "SELECT id, room, content, client_offset, sender, at FROM (
                SELECT *, sum(octet_length(content)) OVER (
                    ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING
                ) AS bytes
                FROM (",
            $from,
            ") AS page
            ) AS page WHERE bytes IS NULL OR bytes < $3 ORDER BY id"
        )
    };
}

pub(super) const ALL_ROOMS: &str =
    page!("SELECT * FROM chat_messages WHERE id > $1 ORDER BY id LIMIT $2");

/// One walk along the index for each room, as far as the page may go; of the rows that are found so
/// only those of the page are read.
pub(super) const SOME_ROOMS: &str = page!(
    "SELECT chat_messages.* FROM (
        SELECT found.id FROM unnest($4) AS rooms (name) CROSS JOIN LATERAL (
            SELECT id FROM chat_messages WHERE room = rooms.name AND id > $1 ORDER BY id LIMIT $2
        ) AS found ORDER BY found.id LIMIT $2
    ) AS found JOIN chat_messages USING (id)"
);

pub(super) const TAIL: &str = "SELECT greatest(
    (SELECT last_deleted FROM chat_log), (SELECT max(id) FROM chat_messages))";

pub(super) async fn read_after(
    connection: &mut PgConnection,
    rooms: Option<&[RoomId]>,
    after: Offset,
    limit: usize,
) -> Result<Page, sqlx::Error> {
    let rooms = rooms.map(|rooms| {
        let mut names: Vec<_> = rooms.iter().map(RoomId::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    });
    if rooms.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Page::default());
    }
    let mut page = Page::default();
    let mut bytes = 0;
    loop {
        let after = page.messages.last().map_or(after, |last| last.offset);
        // One more than asked for tells whether there is more.
        let asked = (limit - page.messages.len()).saturating_add(1).min(ROWS);
        let left = Page::MAX_BYTES.saturating_sub(bytes);
        let query = sqlx::query(if rooms.is_some() { SOME_ROOMS } else { ALL_ROOMS })
            .bind(after.as_u64().cast_signed())
            .bind(asked as i64)
            .bind(left as i64);
        let query = match &rooms {
            Some(rooms) => query.bind(rooms),
            None => query,
        };
        let rows = query.fetch_all(&mut *connection).await?;
        for row in &rows {
            if page.messages.len() == limit || bytes >= Page::MAX_BYTES {
                page.more = true;
                return Ok(page);
            }
            let message = message(row)?;
            bytes += message.content.as_str().len();
            page.messages.push(message);
        }
        // Also where the server stopped early, it sent the row that tells of more.
        if rows.len() < asked {
            return Ok(page);
        }
    }
}

/// The number of the last message there ever was, also when it has been deleted.
pub(super) async fn tail(connection: &mut PgConnection) -> Result<Offset, sqlx::Error> {
    offset(sqlx::query_scalar(TAIL).fetch_one(connection).await?)
}

/// The message in a row of `id, room, content, client_offset, sender, at`.
pub(super) fn message(row: &PgRow) -> Result<Message, sqlx::Error> {
    let room: String = row.try_get(1)?;
    let sender: Option<String> = row.try_get(4)?;
    Ok(Message {
        offset: offset(row.try_get(0)?)?,
        room: room.try_into().map_err(undecodable)?,
        content: Content::from_stored(text(row.try_get(2)?)?),
        client_offset: row.try_get::<Option<String>, _>(3)?.map(ClientOffset::from_stored),
        from: sender.map(TryInto::try_into).transpose().map_err(undecodable)?,
        at: Some(Timestamp::from_millis(row.try_get(5)?)),
    })
}

/// The text that is stored as these bytes.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, sqlx::Error> {
    String::from_utf8(bytes).map_err(undecodable)
}

/// The offset with a number from the database.
pub(super) fn offset(number: i64) -> Result<Offset, sqlx::Error> {
    let number = u64::try_from(number).map_err(undecodable)?;
    Offset::new(number).map_err(undecodable)
}

fn undecodable(error: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

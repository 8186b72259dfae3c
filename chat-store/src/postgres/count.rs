//! Counts the messages of a feed along its index.

use chat_core::{Feed, Offset, RoomId};
use sqlx::PgConnection;

use super::read::horizon;

/// One walk along an index, as far as the count may go.
macro_rules! walk {
    ($condition:literal) => {
        concat!(
            "(SELECT id FROM chat_messages WHERE ",
            $condition,
            " AND id > $1 AND (target IS NULL OR event IS NULL) AND (original IS NULL OR content <> '')
                ORDER BY id LIMIT $2)"
        )
    };
}

pub(super) const OF_ROOM: &str = concat!("SELECT count(*) FROM ", walk!("room = $3"), " AS found");

pub(super) const OF_USER: &str = concat!(
    "SELECT count(*) FROM (",
    walk!("sender_id = $3"),
    " UNION ",
    walk!("receiver_id = $3"),
    " LIMIT $2) AS found"
);

pub(super) const BETWEEN: &str = concat!(
    "SELECT count(*) FROM (",
    walk!("sender_id = $3 AND receiver_id = $4"),
    " UNION ",
    walk!("sender_id = $4 AND receiver_id = $3"),
    " LIMIT $2) AS found"
);

/// Returns how many messages of a feed that were said and are still there are after an offset, at most `max`.
pub(super) async fn count_after(
    connection: &mut PgConnection,
    feed: &Feed,
    after: Offset,
    max: u64,
) -> Result<u64, sqlx::Error> {
    let sql = match feed {
        Feed::Room(_) => OF_ROOM,
        Feed::User(_) => OF_USER,
        Feed::Between(..) => BETWEEN,
    };
    let after = after.max(horizon(connection).await?);
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let count = sqlx::query_scalar(sql).bind(after.as_u64().cast_signed()).bind(max);
    let count = match feed {
        Feed::Room(room) => count.bind(RoomId::as_str(room)),
        Feed::User(user) => count.bind(user.as_i64()),
        Feed::Between(one, other) => count.bind(one.as_i64()).bind(other.as_i64()),
    };
    let count: i64 = count.fetch_one(connection).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

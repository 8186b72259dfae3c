//! Rows of the table of read positions as values.

use chat_core::{Feed, Offset, UserId};

use crate::ReadPosition;
use crate::read_position_store::feed_from_kept;
use crate::sql::rows::{offset, undecodable};

pub(crate) const OF_USER: &str =
    "SELECT feed, position FROM chat_read_positions WHERE user_id = $1 ORDER BY feed LIMIT $2";

pub(crate) const OF_FEED: &str =
    "SELECT user_id, position FROM chat_read_positions WHERE feed = $1 ORDER BY user_id LIMIT $2";

pub(crate) const FORGET: &str = "DELETE FROM chat_read_positions WHERE user_id = $1";

pub(crate) fn positions(
    user: UserId,
    rows: Vec<(String, i64)>,
) -> Result<Vec<ReadPosition>, sqlx::Error> {
    let position = |(feed, position): (String, i64)| {
        Ok(ReadPosition { user, feed: self::feed(&feed)?, offset: offset(position)? })
    };
    rows.into_iter().map(position).collect()
}

pub(crate) fn readers(rows: Vec<(i64, i64)>) -> Result<Vec<(UserId, Offset)>, sqlx::Error> {
    let reader = |(user, position)| Ok((UserId::from_stored(user), offset(position)?));
    rows.into_iter().map(reader).collect()
}

fn feed(text: &str) -> Result<Feed, sqlx::Error> {
    feed_from_kept(text).ok_or_else(|| undecodable("an unknown kind of feed"))
}

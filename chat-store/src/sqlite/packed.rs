//! A page of messages in one row. Each row is sent from the connection's thread separately, with every value copied,
//! which for small messages is most of the work.

use std::borrow::Cow;

use chat_core::{
    Audience, AuthorId, Content, Feed, Message, Nickname, Offset, RoomId, Timestamp, UserId,
};
use serde::Deserialize;
use sqlx::{Row, SqliteConnection};

use super::feeds::{self, Form, MAX_PACKED_BYTES, Side};
use crate::sql::rows::{digest, kind, offset, undecodable};
use crate::{PageBuilder, key_from_kept};

/// A message in [`Form::Packed`].
#[derive(Deserialize)]
struct Record<'a>(
    i64,
    #[serde(borrow)] Cow<'a, str>,
    Option<String>,
    #[serde(borrow)] Option<Cow<'a, str>>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    #[serde(borrow)] Option<Cow<'a, str>>,
    Option<i64>,
    Option<i64>,
);

/// Returns the messages next to an offset, in the order in which they are read, and the horizon; none if one of them is
/// too long for this.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    feeds: Option<&[Feed]>,
    side: Side,
    limit: usize,
) -> Result<Option<(PageBuilder, Offset)>, sqlx::Error> {
    let mut page = PageBuilder::new(limit);
    let statement = feeds::statement(feeds, side, page.wanted(), Form::Packed);
    let (statement, most) = statement.map_err(|error| sqlx::Error::Encode(error.into()))?;
    let row = statement.fetch_one(connection).await?;
    let longest: Option<i64> = row.try_get(1)?;
    if longest.is_some_and(|bytes| bytes > MAX_PACKED_BYTES) {
        return Ok(None);
    }
    let json: Vec<u8> = row.try_get(0)?;
    // Bytes that are not valid text occur only inside of strings. They are rare, and searching for them takes longer
    // than finding that there are none.
    let json = match str::from_utf8(&json) {
        Ok(json) => Cow::Borrowed(json),
        Err(_) => String::from_utf8_lossy(&json),
    };
    let records: Vec<Record<'_>> = serde_json::from_str(&json).map_err(undecodable)?;
    let is_cut = records.len() >= most;
    unpack(records, side, &mut page)?;
    if is_cut {
        page.cut();
    }
    Ok(Some((page, offset(row.try_get(2)?)?)))
}

fn unpack(records: Vec<Record<'_>>, side: Side, page: &mut PageBuilder) -> Result<(), sqlx::Error> {
    // Usually the messages of a page are in one room; they share its name.
    let mut room: Option<RoomId> = None;
    for record in records {
        let Record(id, name, content, key, sender, at, from, to, nickname, author, user, ..) =
            record;
        let Record(.., event, target, original) = record;
        let offset = offset(id)?;
        if let Some(last) = page.last()
            && !side.moves_on(last.offset, offset)?
        {
            continue;
        }
        let audience = match (from, to, nickname) {
            (Some(from), Some(to), Some(nickname)) => Audience::Private {
                from: UserId::from_stored(from),
                to: UserId::from_stored(to),
                nickname: Nickname::from_stored(nickname),
            },
            _ => {
                let same = room.take().filter(|room| room.as_str() == name);
                let same = same.unwrap_or_else(|| RoomId::from_stored(&*name));
                Audience::Room(room.insert(same).clone())
            }
        };
        let content = Content::from_stored(content.unwrap_or_default());
        let mut message = Message::new(offset, audience, content);
        message.client_offset = key.as_deref().map(key_from_kept);
        message.from = sender.map(Nickname::from_stored);
        message.author = author.map(AuthorId::from_stored);
        message.user = user.map(UserId::from_stored);
        message.kind = kind(event.as_deref(), target)?;
        message.original = original.map(digest).transpose()?;
        message.at = at.map(Timestamp::from_millis);
        if !page.push(message) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection};

    use super::super::{pages, read};
    use super::*;
    use crate::SqliteStore;

    /// A connection to a log with these values of `room`, `content` and `sender_id`.
    async fn log_of(rows: &[&str]) -> (SqliteConnection, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db");
        drop(SqliteStore::open(&file).await.unwrap());
        let url = format!("sqlite:{}", file.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        for row in rows {
            let sql = format!(
                "INSERT INTO messages (room, content, sender_id, receiver_id, receiver, client_offset)
                 SELECT *, iif(column3 IS NULL, NULL, 2), iif(column3 IS NULL, NULL, 'bob'),
                     iif(column2 = 'keyed', 'key ' || char(0) || '\"', NULL)
                 FROM (VALUES ({row}))"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        }
        (connection, folder)
    }

    const ODD: [&str; 9] = [
        "'a', 'plain', NULL",
        "'a', 'keyed', NULL",
        "'b', 'of another room', NULL",
        "'a', NULL, NULL",
        "'a', CAST(x'c3a9ff00e2' AS BLOB), NULL",
        "'a', '\"\\' || char(0) || char(10) || 'é', NULL",
        "'', 'private', 1",
        "'', 'of others', 7",
        "'a', 'last', NULL",
    ];

    #[tokio::test]
    async fn a_packed_page_is_the_page_that_rows_give_whatever_they_hold() {
        let (mut connection, _folder) = log_of(&ODD).await;
        let user = Feed::User(UserId::from_stored(1));
        let feeds = [Feed::Room("a".parse().unwrap()), user, Feed::Room("c".parse().unwrap())];
        for feeds in [None, Some(&feeds[..]), Some(&feeds[..1]), Some(&feeds[1..])] {
            for limit in 0..=ODD.len() {
                for after in 0..=ODD.len() as u64 {
                    let after = Offset::new(after).unwrap();
                    // The whole log is read upwards only.
                    let down = feeds.map(|_| Side::Before(Some(after)));
                    for side in [Some(Side::After(after)), down].into_iter().flatten() {
                        let packed = page(&mut connection, feeds, side, limit).await.unwrap();
                        let rows =
                            read::row_by_row(&mut connection, feeds, side, limit).await.unwrap();
                        let packed = packed.map(|(page, horizon)| (page.build(), horizon));
                        let expected = Some((rows.build(), Offset::ZERO));
                        assert_eq!(packed, expected, "{feeds:?} {side:?} {limit}");
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn long_contents_are_left_to_rows() {
        let long = format!("'a', '{}', NULL", "x".repeat(4097));
        let (mut connection, _folder) = log_of(&["'a', 'short', NULL", &long]).await;
        let all = Side::After(Offset::ZERO);
        assert!(page(&mut connection, None, all, 9).await.unwrap().is_none());
        let page = pages::read_after(&mut connection, None, Offset::ZERO, 9).await.unwrap();
        assert_eq!(page.messages[1].content.as_str().len(), 4097);
    }
}

//! Which messages each room has: a table that is brought up to date for many messages at a time.
//!
//! ```text
//!   messages         1 2 3 4 5 6 7 8 9 10 11 12
//!   room_messages    ─────────────────┘ ▲
//!                    by room            └ read one by one, whatever their room
//! ```
//!
//! With an index each message would change a page of its own room, and a commit would write as many pages of
//! 4 KiB as it has rooms: with a hundred rooms, two thirds of the work.

use sqlx::SqliteConnection;

/// How many messages the table may be behind: few enough to look through for one page.
const BEHIND: i64 = 2048;

/// Up to which message the table is complete.
macro_rules! complete_upto {
    () => {
        "(SELECT max(id) FROM room_messages WHERE room = '')"
    };
}
pub(super) use complete_upto;

const COMPLETE_UPTO: &str = concat!("SELECT ", complete_upto!());

/// Sorted, so that a page is changed once. One statement, so that it is done as a whole or not at all, and
/// one process after the other.
pub(super) const COMPLETE: &str = concat!(
    "INSERT OR IGNORE INTO room_messages (room, id)
    SELECT room, id FROM messages WHERE sender_id IS NULL AND id > ",
    complete_upto!(),
    " UNION ALL SELECT '', max(id) FROM messages ORDER BY room, id"
);

/// What a connection that writes knows of the table.
#[derive(Debug)]
pub(super) struct RoomMessages {
    complete_upto: i64,
}

impl RoomMessages {
    pub(super) async fn new(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let complete_upto = sqlx::query_scalar(COMPLETE_UPTO).fetch_one(connection).await?;
        Ok(Self { complete_upto })
    }

    /// Completes the table if it is far behind the message `last`. When that fails, it is tried again as many
    /// messages later; until then readers look through more of them.
    pub(super) async fn complete(
        &mut self,
        last: i64,
        connection: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error> {
        if last - self.complete_upto >= BEHIND {
            self.complete_upto = last;
            sqlx::query(COMPLETE).execute(connection).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{NewMessage, Offset, RoomId};
    use sqlx::{AssertSqlSafe, Connection};

    use super::*;
    use crate::sqlite::plan::plan;
    use crate::{MessageStore, SqliteStore};

    fn messages(count: usize) -> Vec<NewMessage> {
        let room = |number: usize| RoomId::from_stored(["a", "b", "c"][number % 3].to_owned());
        (0..count).map(|number| NewMessage::new(room(number), "hi".parse().unwrap())).collect()
    }

    async fn count(connection: &mut SqliteConnection, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await.unwrap()
    }

    #[tokio::test]
    async fn the_table_is_completed_from_where_it_ends() {
        let plan = plan(COMPLETE).await;
        assert!(plan.contains("SEARCH messages USING INTEGER PRIMARY KEY (rowid>?)"), "{plan}");
        assert!(plan.contains("SEARCH room_messages USING PRIMARY KEY (room=?)"), "{plan}");
    }

    /// Two processes on one file, each of which believes that the table is far behind.
    #[tokio::test]
    async fn rooms_are_whole_wherever_the_table_ends() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db");
        let stores =
            [SqliteStore::open(&file).await.unwrap(), SqliteStore::open(&file).await.unwrap()];
        let url = format!("sqlite:{}", file.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let mut written = 0_usize;
        let behind = BEHIND as usize;
        for (turn, size) in
            [1, 700, behind - 702, 1, 1, behind, 5, behind + 3].into_iter().enumerate()
        {
            stores[turn % 2].append(&messages(size)).await.unwrap();
            written += size;
            let upto = count(&mut connection, COMPLETE_UPTO).await as usize;
            assert!(written - upto < behind, "{upto} of {written}");
            let rows = "SELECT count(*) FROM room_messages WHERE room <> ''";
            assert_eq!(count(&mut connection, rows).await as usize, upto);

            for feeds in [&["a"][..], &["c", "a"], &["a", "b", "c"]] {
                let feeds: Vec<_> =
                    feeds.iter().map(|&room| RoomId::from_stored(room.to_owned()).into()).collect();
                let (mut after, mut read) = (Offset::ZERO, 0);
                loop {
                    let page = stores[0].read_after(Some(&feeds), after, 1000).await.unwrap();
                    read += page.messages.len();
                    let Some(last) = page.messages.last() else { break };
                    after = last.offset;
                }
                let all = stores[0].read_after(None, Offset::ZERO, written).await.unwrap().messages;
                let expected = all
                    .iter()
                    .filter(|message| feeds.iter().any(|feed| feed.contains(&message.audience)));
                assert_eq!(read, expected.count());
            }
        }
    }
}

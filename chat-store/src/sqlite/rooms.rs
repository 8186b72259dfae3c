//! The table of the messages of each room, which is updated for many messages at a time.
//!
//! ```text
//!   messages         1 2 3 4 5 6 7 8 9 10 11 12
//!   room_messages    ─────────────────┘ ▲
//!                    by room            └ read one by one, whatever their room
//! ```
//!
//! With an index, each message would change a page of its own room, and a commit would write as many pages of 4 KiB
//! as it has rows: with a hundred rooms, two thirds of the work.
//!
//! A reader collects the rows and the writer adds them, some at a time, between commits. So a commit waits for about
//! a millisecond. Rows beyond the offset up to which the table is complete mean nothing yet.
use crate::sql::rows::undecodable;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chat_core::RoomId;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, SqliteConnection};

use super::statements::{MAX_ROWS, Statements};

/// How many messages the table may be behind: few enough to search for one page.
const BEHIND: i64 = 2048;

/// The minimum delay before it is completed: the more is written, the more is done in one go, and the fewer pages are
/// written for it.
const PAUSE: Duration = Duration::from_millis(200);

/// Maximum number of messages collected at a time, so that they take little memory however many are missing.
const COLLECTED: i64 = 16_384;

/// The last message up to which the table is complete.
macro_rules! complete_upto {
    () => {
        "(SELECT max(id) FROM room_messages WHERE room = '')"
    };
}
pub(super) use complete_upto;

/// The names of rooms, each found by one search after the one before. Those that are not in the table yet are few.
const NAMES: &str = concat!(
    "WITH RECURSIVE names(room) AS (
        SELECT (SELECT min(room) FROM room_messages WHERE room > ?1)
        UNION ALL
        SELECT (SELECT min(room) FROM room_messages WHERE room > names.room)
        FROM names WHERE room IS NOT NULL
    )
    SELECT CAST(room AS TEXT) FROM (SELECT room FROM names WHERE room IS NOT NULL LIMIT ?2)
    UNION
    SELECT CAST(room AS TEXT) FROM messages
    WHERE id > ",
    complete_upto!(),
    " AND sender_id IS NULL AND +room > ?1
    ORDER BY 1 LIMIT ?2"
);

const COMPLETE_UPTO: &str = concat!("SELECT ", complete_upto!());

/// The same, and the last message. The newest ones may have been deleted.
const ENDS: &str = concat!(
    "SELECT upto, max(upto, coalesce((SELECT max(id) FROM messages), 0)) FROM (SELECT ",
    complete_upto!(),
    " AS upto)"
);

/// In the order of the table, so that each of its pages is changed once.
const MISSING: &str = "SELECT CAST(room AS BLOB), json_group_array(id) FROM messages
    WHERE sender_id IS NULL AND id > ?1 AND id <= ?2
    GROUP BY room ORDER BY room";

/// Another process may have added some of them, and unbound rows are rejected as NULL.
static ADD: LazyLock<Statements> = LazyLock::new(|| {
    Statements::new(|rows| {
        let rows = vec!["(?,?)"; rows].join(",");
        format!("INSERT OR IGNORE INTO room_messages (room, id) VALUES {rows}")
    })
});

/// The progress of the table as a writing connection knows it.
#[derive(Debug)]
pub(super) struct Progress {
    complete_upto: i64,
    completing: bool,
    /// The last message.
    last: i64,
}

impl Progress {
    /// Returns the progress at the start. The caller has to check whether the table is far behind, and complete it
    /// then.
    pub(super) async fn begun(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let complete_upto = sqlx::query_scalar(COMPLETE_UPTO).fetch_one(connection).await?;
        Ok(Self { complete_upto, completing: true, last: complete_upto })
    }

    /// Notes that there are messages up to this one. Returns whether the table is far behind, and the caller has to
    /// complete it now.
    pub(super) fn begin(&mut self, last: i64) -> bool {
        self.last = last.max(self.last);
        let begin = !self.completing && self.last - self.complete_upto >= BEHIND;
        self.completing |= begin;
        begin
    }

    /// Returns how many parts to add before the next batch of messages: more than one if messages arrive faster than
    /// rows are added. `seen` is the last message at the previous call; none at the first one.
    pub(super) fn due(&self, seen: &mut Option<i64>) -> usize {
        let messages = self.last - seen.replace(self.last).unwrap_or(self.last);
        1 + usize::try_from(messages).unwrap_or_default() / MAX_ROWS
    }

    /// Notes that the table is complete up to there. Returns whether it is far behind again, and the caller has to
    /// continue.
    pub(super) fn end(&mut self, upto: i64) -> bool {
        (self.complete_upto, self.completing) = (upto, false);
        self.begin(self.last)
    }

    /// Notes that it could not be completed. The next attempt is when it would be far behind if this one had
    /// succeeded; until then readers search more messages.
    pub(super) fn fail(&mut self) {
        self.end(self.last);
    }
}

/// A row of the table.
type Row = (Arc<str>, i64);

/// The messages missing in the table: after the first offset, up to the second.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) after: i64,
    last: i64,
}

impl Missing {
    pub(super) async fn find(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let (after, last) = sqlx::query_as(ENDS).fetch_one(connection).await?;
        Ok(Self { after, last })
    }

    /// Returns whether the table is far behind.
    pub(super) fn is_much(&self) -> bool {
        self.last - self.after >= BEHIND
    }

    /// Returns whether it is still far behind after the [rows](Self::rows) are added.
    pub(super) fn is_more(&self) -> bool {
        self.last - self.upto() >= COLLECTED
    }

    /// Returns the message up to which rows are collected at a time.
    fn upto(&self) -> i64 {
        self.last.min(self.after.saturating_add(COLLECTED))
    }

    /// Returns the first missing rows, in the order of the table. Add them in this order, in commits of at most
    /// [`MAX_ROWS`].
    pub(super) async fn rows(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let rooms: Vec<(Vec<u8>, String)> = sqlx::query_as(MISSING)
            .bind(self.after)
            .bind(self.upto())
            .fetch_all(connection)
            .await?;
        let mut rows = Vec::new();
        for (room, ids) in rooms {
            let mut ids: Vec<i64> = serde_json::from_str(&ids).map_err(undecodable)?;
            ids.sort_unstable();
            // Invalid text is the name of no room, and nobody asks for it.
            let room: Arc<str> = String::from_utf8_lossy(&room).into();
            rows.extend(ids.into_iter().map(|id| (Arc::clone(&room), id)));
        }
        // Last, when all others are there.
        rows.push(("".into(), self.upto()));
        Ok(rows)
    }
}

/// Returns the names of rooms that have messages after one, at most `limit`.
pub(super) async fn names(
    connection: &mut SqliteConnection,
    after: Option<&RoomId>,
    limit: usize,
) -> Result<Vec<RoomId>, sqlx::Error> {
    let after = after.map_or("", RoomId::as_str);
    let names = sqlx::query_scalar(NAMES).bind(after.to_owned());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let names: Vec<String> = names.bind(limit).fetch_all(connection).await?;
    Ok(names.into_iter().map(RoomId::from_stored).collect())
}

/// Adds a part of the rows.
pub(super) async fn add(
    rows: &[Row],
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(2 * rows.len(), 0);
    for (room, id) in rows {
        arguments.add(Arc::clone(room)).map_err(sqlx::Error::Encode)?;
        arguments.add(*id).map_err(sqlx::Error::Encode)?;
    }
    sqlx::query_with(ADD.for_rows(rows.len()), arguments).execute(connection).await?;
    Ok(())
}

/// Waits until it is time to complete the table. Processes that share the file wait for different times, so that one
/// of them does it and the others find little left to do.
pub(super) async fn pause() {
    let turn = std::process::id() % 8;
    tokio::time::sleep(PAUSE + turn * PAUSE / 8).await;
}

#[cfg(test)]
mod tests {
    use chat_core::{Feed, NewMessage, Offset, RoomId};
    use sqlx::Connection;

    use super::*;
    use crate::sqlite::plan::plan;
    use crate::{MessageStore, SqliteStore};

    #[tokio::test]
    async fn names_of_rooms_are_found_one_by_one() {
        let plan = plan(NAMES).await;
        assert!(plan.contains("SEARCH room_messages USING PRIMARY KEY (room>?)"), "{plan}");
        assert!(!plan.contains("SCAN room_messages") && !plan.contains("SCAN messages"), "{plan}");
    }

    fn messages(count: usize) -> Vec<NewMessage> {
        let room = |number: usize| RoomId::from_stored(["a", "b", "c"][number % 3].to_owned());
        (0..count).map(|number| NewMessage::new(room(number), "hi".parse().unwrap())).collect()
    }

    async fn missing(connection: &mut SqliteConnection) -> Vec<Row> {
        Missing::find(connection).await.unwrap().rows(connection).await.unwrap()
    }

    async fn ends(connection: &mut SqliteConnection) -> (i64, i64) {
        let Missing { after, last } = Missing::find(connection).await.unwrap();
        (after, last)
    }

    /// Asserts that rooms have exactly their messages, in both directions, each once.
    async fn assert_whole(store: &SqliteStore) {
        let all = store.read_after(None, Offset::ZERO, usize::MAX).await.unwrap().messages;
        for rooms in [&["a"][..], &["c", "a"], &["a", "b", "c"]] {
            let feeds: Vec<Feed> =
                rooms.iter().map(|&room| RoomId::from_stored(room.to_owned()).into()).collect();
            let expected = all
                .iter()
                .filter(|message| feeds.iter().any(|feed| feed.contains(&message.audience)));
            let expected: Vec<_> = expected.map(|message| message.offset).collect();
            let mut found = Vec::new();
            loop {
                let after = found.last().copied().unwrap_or(Offset::ZERO);
                let page = store.read_after(Some(&feeds), after, 1000).await.unwrap();
                found.extend(page.messages.iter().map(|message| message.offset));
                if !page.more {
                    break;
                }
            }
            assert_eq!(found, expected);

            let [feed] = &feeds[..] else { continue };
            let mut found = Vec::new();
            loop {
                let page = store.read_before(feed, found.last().copied(), 1000).await.unwrap();
                found.extend(page.messages.iter().rev().map(|message| message.offset));
                if !page.more {
                    break;
                }
            }
            found.reverse();
            assert_eq!(found, expected);
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_looked_for_from_where_the_table_ends() {
        let plan = plan(MISSING).await;
        let search = "SEARCH messages USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
        assert!(plan.contains(search), "{plan}");
    }

    #[tokio::test]
    async fn rooms_are_whole_between_any_two_parts_of_what_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let url = format!("sqlite:{}", file.display());
        let mut other = SqliteConnection::connect(&url).await.unwrap();
        for size in [1500, 1, 2500] {
            for messages in messages(size).chunks(1000) {
                store.append(messages).await.unwrap();
            }
            let rows = missing(&mut other).await;
            assert_eq!(rows.len(), size + 1);
            for part in rows.chunks(MAX_ROWS) {
                assert_whole(&store).await;
                add(part, &mut other).await.unwrap();
            }
            // As another process that was at it, too.
            for part in rows.chunks(MAX_ROWS) {
                assert_whole(&store).await;
                add(part, &mut other).await.unwrap();
            }
            assert_eq!(missing(&mut other).await.len(), 1);
        }
        store.close().await;
    }

    /// Two processes on one file, each of which believes that the table is far behind.
    #[tokio::test]
    async fn the_table_is_completed_while_others_write() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db");
        let stores =
            [SqliteStore::open(&file).await.unwrap(), SqliteStore::open(&file).await.unwrap()];
        let url = format!("sqlite:{}", file.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let mut written = 0;
        for (turn, size) in [1, 700, BEHIND, 1, 1, BEHIND, 5, BEHIND + 3].into_iter().enumerate() {
            stores[turn % 2].append(&messages(size as usize)).await.unwrap();
            written += size;
            let completed = async {
                loop {
                    assert_whole(&stores[1 - turn % 2]).await;
                    let (upto, last) = ends(&mut connection).await;
                    assert_eq!(last, written);
                    let rows = "SELECT count(*) FROM room_messages WHERE room <> '' AND id <= ?";
                    let rows = sqlx::query_scalar(rows).bind(upto).fetch_one(&mut connection);
                    let rows: i64 = rows.await.unwrap();
                    assert_eq!(rows, upto);
                    if written - upto < BEHIND {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            let completed = tokio::time::timeout(Duration::from_secs(20), completed);
            completed.await.expect("somebody completes the table");
        }
    }

    #[test]
    fn no_more_messages_come_than_rows_are_added() {
        let mut progress = Progress { complete_upto: 0, completing: false, last: 0 };
        assert!(!progress.begin(BEHIND - 1));
        assert!(progress.begin(BEHIND));
        assert!(!progress.begin(BEHIND), "somebody is at it");
        let mut seen = None;
        assert_eq!(progress.due(&mut seen), 1, "what came before is not made up for at once");
        assert_eq!(progress.due(&mut seen), 1);
        assert!(!progress.begin(BEHIND + 4096));
        assert_eq!(progress.due(&mut seen) * MAX_ROWS, 4096 + MAX_ROWS);
        assert!(progress.end(BEHIND), "4096 came meanwhile");
        assert!(!progress.end(BEHIND + 4096));
        assert!(progress.begin(2 * BEHIND + 4096));
        progress.fail();
        assert!(!progress.begin(BEHIND + 4096), "it is left alone for a while");
    }

    #[tokio::test]
    async fn the_table_is_completed_when_a_store_is_opened_that_was_closed_too_soon() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let count = COLLECTED + BEHIND;
        store.append(&messages(count as usize)).await.unwrap();
        store.close().await;
        let url = format!("sqlite:{}", file.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        assert_eq!(ends(&mut connection).await, (0, count));

        let store = SqliteStore::open(&file).await.unwrap();
        let completed = async {
            while ends(&mut connection).await != (count, count) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let completed = tokio::time::timeout(Duration::from_secs(20), completed);
        completed.await.expect("the table is completed");
        assert_whole(&store).await;
    }
}

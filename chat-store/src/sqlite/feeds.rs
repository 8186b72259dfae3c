//! The statements that read feeds.

use std::cmp::Ordering;

use chat_core::{Feed, Offset};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite};

use super::rooms::complete_upto;
use crate::parts::Parts;

/// Maximum number of walks along an index that are merged. SQLite takes 500 in one statement. For more feeds, the
/// whole log is read and the other messages are skipped.
const MERGED: usize = 100;

/// How often a row can occur: a private message is among those that one user has sent, those that the other has
/// received, and those between the two.
const MOST_OFTEN: usize = 3;

/// The columns that [`message`](super::read::message) reads.
macro_rules! columns {
    () => {
        "id, room, content, client_offset, sender, at, sender_id, receiver_id, receiver, author, user_id, event, target, original"
    };
}
pub(super) use columns;

/// The last message that was deleted from the beginning.
macro_rules! horizon {
    () => {
        "coalesce((SELECT CAST(value AS INTEGER) FROM chat_meta WHERE name = 'horizon'), 0)"
    };
}
pub(super) use horizon;

/// If a limit is a plain parameter, SQLite reads it when planning the statement, and then plans again for every page:
/// a tenth of its time, and more with many rooms.
macro_rules! limit {
    () => {
        "LIMIT ?2 + 0"
    };
}

const ALL: &str =
    concat!("SELECT ", columns!(), " FROM messages WHERE id > ?1 ORDER BY id ", limit!());

/// The signs before the columns keep SQLite from collecting and sorting all rows of all these feeds.
const MANY: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM messages WHERE id > ?1 AND (
        (+room IN (SELECT value FROM json_each(?3)) AND sender_id IS NULL)
        OR +sender_id IN (SELECT value FROM json_each(?4))
        OR +receiver_id IN (SELECT value FROM json_each(?4))
        OR (+sender_id, +receiver_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?5))
    ) ORDER BY id ",
    limit!()
);

/// The side of an offset on which a page is read, beginning next to it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    /// Upwards.
    After(Offset),
    /// Downwards; from the end of the log without an offset.
    Before(Option<Offset>),
}

impl Side {
    /// Returns whether `next` comes after `last`; false if they are equal.
    ///
    /// # Errors
    /// When it comes before: a message could be missing.
    pub(super) fn moves_on(self, last: Offset, next: Offset) -> Result<bool, sqlx::Error> {
        let order = match self {
            Self::After(_) => next.cmp(&last),
            Self::Before(_) => last.cmp(&next),
        };
        match order {
            Ordering::Greater => Ok(true),
            Ordering::Equal => Ok(false),
            Ordering::Less => Err(sqlx::Error::Decode("messages came out of their order".into())),
        }
    }
}

type Statement = Query<'static, Sqlite, SqliteArguments>;

/// The form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As rows.
    Rows,
    /// As one row: a JSON array with an array of the columns for each row, the length of the longest content, and the
    /// horizon. Rows whose content is longer than [`MAX_PACKED_BYTES`] are left out.
    Packed,
}

/// The longest content that is packed: a page of such contents is not too large.
pub(super) const MAX_PACKED_BYTES: i64 = 4096;

impl Form {
    fn of(self, rows: &str) -> String {
        match self {
            Self::Rows => rows.to_owned(),
            Self::Packed => {
                let rows = rows.replacen(columns!(), &packed_columns(), 1);
                let horizon = horizon!();
                format!(
                    "SELECT '[' || coalesce(group_concat(packed), '') || ']', max(bytes), {horizon}
                    FROM ({rows})"
                )
            }
        }
    }
}

/// Returns a row as JSON, and the length of its content. Of a row that is too long, only the beginning is read: the
/// columns after the content are stored behind it, and SQLite follows a chain of pages to get there.
fn packed_columns() -> String {
    // Texts may be bytes that are not valid text, which JSON would refuse.
    format!(
        "CASE WHEN octet_length(content) > {MAX_PACKED_BYTES} THEN NULL ELSE json_array(id, CAST(room AS TEXT),
            CAST(content AS TEXT), CAST(client_offset AS TEXT), CAST(sender AS TEXT), at,
            sender_id, receiver_id, CAST(receiver AS TEXT), author, user_id,
            CAST(event AS TEXT), target, original) END AS packed, octet_length(content) AS bytes"
    )
}

/// Returns the statement that reads this many messages of these feeds, or of the whole log with `None`. The rows of
/// one message may occur several times, one after the other; read rows as far as needed.
///
/// Also returns how many rows there are at the most: after so many there may be others.
///
/// There must be at least one feed; only feeds are read downwards.
pub(super) fn statement(
    feeds: Option<&[Feed]>,
    side: Side,
    rows: usize,
    form: Form,
) -> Result<(Statement, usize), serde_json::Error> {
    let offset = match side {
        Side::After(offset) => offset.as_u64().cast_signed(),
        Side::Before(offset) => offset.map_or(i64::MAX, |offset| offset.as_u64().cast_signed()),
    };
    let bound = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    let Some(feeds) = feeds else {
        let all = sqlx::query(AssertSqlSafe(form.of(ALL))).bind(offset).bind(bound(rows));
        return Ok((all, rows));
    };
    let parts = Parts::of(feeds);
    let walks = walks(&parts);
    if walks.len() > MERGED + 1 {
        let many = sqlx::query(AssertSqlSafe(form.of(MANY)))
            .bind(offset)
            .bind(bound(rows))
            .bind(serde_json::to_string(&parts.rooms)?)
            .bind(serde_json::to_string(&parts.users)?)
            .bind(serde_json::to_string(&parts.pairs)?);
        return Ok((many, rows));
    }
    // The messages of rooms and those of one user do not overlap. What the user alone was told occurs twice, and is
    // rare: a page that has some of that is shorter.
    let once = parts.users.len() <= 1 && parts.pairs.is_empty();
    let rows = if once { rows } else { rows.saturating_mul(MOST_OFTEN) };
    let sql = form.of(&merged(&walks, side));
    let merged = sqlx::query(AssertSqlSafe(sql)).bind(offset).bind(bound(rows));
    Ok((walks.iter().fold(merged, |query, walk| walk.bind(query)), rows))
}

/// Returns the statement that counts the messages of a feed after an offset, up to `max`.
pub(super) fn count_after(feed: &Feed, after: Offset, max: u64) -> Statement {
    let parts = Parts::of(std::slice::from_ref(feed));
    let walks = walks(&parts);
    let count = sqlx::query(AssertSqlSafe(counted(&walks)))
        .bind(after.as_u64().cast_signed())
        .bind(i64::try_from(max).unwrap_or(i64::MAX));
    walks.iter().fold(count, |query, walk| walk.bind(query))
}

/// A part of a feed that one index or table has in log order.
#[derive(Debug)]
enum Walk<'a> {
    /// The rows of [`room_messages`](super::rooms) for a room.
    Room(&'a str),
    /// The messages of this many rooms, those of the walks before, that are not in that table yet.
    Newest(usize),
    Sent(i64),
    Received(i64),
    Pair(i64, i64),
}

fn walks<'a>(parts: &Parts<'a>) -> Vec<Walk<'a>> {
    let rooms = parts.rooms.iter().map(|&room| Walk::Room(room));
    let newest = Some(Walk::Newest(parts.rooms.len())).filter(|_| !parts.rooms.is_empty());
    let users = parts.users.iter().flat_map(|&one| [Walk::Sent(one), Walk::Received(one)]);
    let pairs = parts.pairs.iter().map(|&(from, to)| Walk::Pair(from, to));
    rooms.chain(newest).chain(users).chain(pairs).collect()
}

impl Walk<'_> {
    /// Returns the ids of its messages on one side of `?1`; its parameters are numbered from `parameter` on.
    fn ids(&self, side: char, parameter: usize) -> String {
        const COMPLETE_UPTO: &str = complete_upto!();
        let next = parameter + 1;
        let condition = match self {
            Self::Room(_) => {
                // With two upper bounds, too, SQLite would search for one.
                let range = match side {
                    '>' => format!("id > ?1 AND id <= {COMPLETE_UPTO}"),
                    _ => format!("id < min(?1, {COMPLETE_UPTO} + 1)"),
                };
                return format!(
                    "SELECT id AS found FROM room_messages WHERE room = ?{parameter} AND {range}"
                );
            }
            // Private messages are in no room, whatever is asked for.
            Self::Newest(rooms) => {
                let rooms = (parameter - rooms..parameter).map(|room| format!("?{room}"));
                let rooms = rooms.collect::<Vec<_>>().join(", ");
                // Of two lower bounds SQLite would search for one.
                let from = if side == '>' { "max(?1, " } else { "(" };
                format!("id > {from}{COMPLETE_UPTO}) AND +room IN ({rooms}) AND sender_id IS NULL")
            }
            Self::Sent(_) => format!("sender_id = ?{parameter}"),
            Self::Received(_) => format!("receiver_id = ?{parameter}"),
            Self::Pair(..) => format!("sender_id = ?{parameter} AND receiver_id = ?{next}"),
        };
        format!("SELECT id AS found FROM messages WHERE {condition} AND id {side} ?1")
    }

    const fn parameters(&self) -> usize {
        match self {
            Self::Newest(_) => 0,
            Self::Pair(..) => 2,
            _ => 1,
        }
    }

    fn bind(&self, query: Statement) -> Statement {
        match *self {
            Self::Room(room) => query.bind(room.to_owned()),
            Self::Newest(_) => query,
            Self::Sent(user) | Self::Received(user) => query.bind(user),
            Self::Pair(from, to) => query.bind(from).bind(to),
        }
    }
}

/// Returns the walks merged by id, and their rows. It ends when the page is full, however much there is. With `IN`,
/// SQLite would read everything after the offset and sort it, for every page. An id that several walks find occurs
/// that many times, one after the other: `UNION` would remove repeats, and take longer.
///
/// The rows come in the order of the ids because the ids are the outer loop. Requesting the order would make SQLite
/// sort what is sorted already, so the order is checked where the rows are read.
fn merged(walks: &[Walk<'_>], side: Side) -> String {
    let (side, order) = match side {
        Side::After(_) => ('>', "found"),
        Side::Before(_) => ('<', "found DESC"),
    };
    let (columns, limit, ids) = (columns!(), limit!(), all_ids(walks, side));
    format!(
        "SELECT {columns} FROM ({ids} ORDER BY {order} {limit}) CROSS JOIN messages ON id = found"
    )
}

/// Returns how many messages that were said and are still there the walks find upwards, up to the limit.
fn counted(walks: &[Walk<'_>]) -> String {
    // What a user has sent to itself is in two walks.
    format!(
        "SELECT count(*) FROM (
            SELECT DISTINCT found FROM ({}) CROSS JOIN messages ON id = found
            WHERE (target IS NULL OR event IS NULL) AND (original IS NULL OR content <> '') {}
        )",
        all_ids(walks, '>'),
        limit!()
    )
}

/// Returns the ids of all walks on one side of `?1`. The parameters of the walks are numbered from 3 on.
fn all_ids(walks: &[Walk<'_>], side: char) -> String {
    let mut parameter = 3;
    let mut selects = Vec::with_capacity(walks.len());
    for walk in walks {
        selects.push(walk.ids(side, parameter));
        parameter += walk.parameters();
    }
    selects.join(" UNION ALL ")
}

#[cfg(test)]
mod tests {
    use chat_core::RoomId;

    use super::*;
    use crate::sqlite::plan::plan;

    const SIDES: [(Side, char); 2] = [(Side::After(Offset::ZERO), '>'), (Side::Before(None), '<')];

    /// Asserts that a statement goes about these searches and no other, and sorts nothing.
    async fn assert_walks(sql: &str, searches: &[String]) {
        let plan = plan(sql).await;
        for searches in searches {
            assert!(plan.contains(searches), "{searches}\n{sql}\n{plan}");
        }
        assert!(!plan.contains("SCAN messages"), "{sql}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    }

    /// What is searched for each kind of walk.
    fn searches(sign: char) -> [(Walk<'static>, String); 5] {
        let newest = if sign == '>' { "rowid>?" } else { "rowid>? AND rowid<?" };
        let complete = if sign == '>' { "id>? AND id<?" } else { "id<?" };
        let index = |name, columns| {
            format!(
                "SEARCH messages USING COVERING INDEX messages_by_{name} ({columns} AND rowid{sign}?)"
            )
        };
        [
            (
                Walk::Room("a"),
                format!("SEARCH room_messages USING PRIMARY KEY (room=? AND {complete})"),
            ),
            (Walk::Newest(1), format!("SEARCH messages USING INTEGER PRIMARY KEY ({newest})")),
            (Walk::Sent(1), index("sender", "sender_id=?")),
            (Walk::Received(1), index("receiver", "receiver_id=?")),
            (Walk::Pair(1, 2), index("pair", "sender_id=? AND receiver_id=?")),
        ]
    }

    #[tokio::test]
    async fn each_part_of_a_feed_is_walked_in_order_and_nothing_is_sorted() {
        for (side, sign) in SIDES {
            for (walk, search) in searches(sign) {
                let merged = merged(std::slice::from_ref(&walk), side);
                for form in [Form::Rows, Form::Packed] {
                    assert_walks(&form.of(&merged), std::slice::from_ref(&search)).await;
                }
            }
        }
    }

    #[tokio::test]
    async fn messages_are_counted_along_an_index() {
        for (walk, search) in searches('>') {
            assert_walks(&counted(&[walk]), &[search]).await;
        }
    }

    #[tokio::test]
    async fn walks_are_merged_without_sorting_as_many_as_there_may_be() {
        let walks: Vec<_> = (0..25)
            .flat_map(|n| [Walk::Room("a"), Walk::Sent(n), Walk::Received(n), Walk::Pair(n, n)])
            .chain([Walk::Newest(1)])
            .collect();
        assert_eq!(walks.len(), MERGED + 1);
        for (side, sign) in SIDES {
            let searches = searches(sign).map(|(_, search)| search);
            assert_walks(&merged(&walks, side), &searches).await;
        }
    }

    #[tokio::test]
    async fn the_newest_messages_of_rooms_are_looked_through_in_one_walk() {
        let feeds = ["a", "b"].map(|room| Feed::Room(RoomId::from_stored(room.to_owned())));
        let parts = Parts::of(&feeds);
        let sql = merged(&walks(&parts), Side::After(Offset::ZERO));
        assert_eq!(sql.matches("room IN (?3, ?4)").count(), 1, "{sql}");
        assert_eq!(sql.matches("room_messages WHERE room = ?").count(), 2, "{sql}");
    }

    #[tokio::test]
    async fn the_log_is_read_in_its_order_whoever_it_is_read_for() {
        let search = "SEARCH messages USING INTEGER PRIMARY KEY (rowid>?)".to_owned();
        for sql in [ALL, MANY] {
            for form in [Form::Rows, Form::Packed] {
                assert_walks(&form.of(sql), std::slice::from_ref(&search)).await;
            }
        }
    }
}

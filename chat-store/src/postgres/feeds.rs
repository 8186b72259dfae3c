//! The statements that read feeds.

use chat_core::{Feed, Offset};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use crate::parts::Parts;

/// The columns that [`message`](super::read::message) reads.
macro_rules! columns {
    () => {
        "id, room, content, client_offset, sender, at, sender_id, receiver_id, receiver, author, user_id, event, target, original"
    };
}
pub(super) use columns;

/// The messages of `$from`, at most `$2`, and at most the first two after those that have `$3` bytes: one belongs to
/// the page, and the next one shows that there are more. Each row has the horizon as its last column.
macro_rules! page {
    ($order:literal, $($from:expr),+) => {
        concat!(
            "SELECT ", columns!(), ", (SELECT horizon FROM chat_log) AS horizon FROM (
                SELECT *, sum(octet_length(content)) OVER (
                    ORDER BY ", $order, " ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING
                ) AS bytes
                FROM (", $($from),+, ") AS page
            ) AS page WHERE bytes IS NULL OR bytes < $3 ORDER BY ", $order
        )
    };
}

/// One walk along an index for each part of the feeds, as far as the page may go. Of the rows found, only those of
/// the page are read. `UNION` returns a row that several walks find once.
macro_rules! some_feeds {
    ($side:literal, $order:literal) => {
        page!(
            $order,
            "SELECT chat_messages.* FROM (",
            walks!("unnest($4) AS part (room)", "room = part.room", $side, $order),
            " UNION ",
            walks!("unnest($5) AS part (user_id)", "sender_id = part.user_id", $side, $order),
            " UNION ",
            walks!("unnest($5) AS part (user_id)", "receiver_id = part.user_id", $side, $order),
            " UNION ",
            walks!(
                "unnest($6, $7) AS part (sender, receiver)",
                "sender_id = part.sender AND receiver_id = part.receiver",
                $side,
                $order
            ),
            " ORDER BY ",
            $order,
            " LIMIT $2) AS found JOIN chat_messages USING (id)"
        )
    };
}

macro_rules! walks {
    ($parts:literal, $condition:literal, $side:literal, $order:literal) => {
        concat!(
            "SELECT found.id FROM ",
            $parts,
            " CROSS JOIN LATERAL (
                SELECT id FROM chat_messages WHERE ",
            $condition,
            " AND ",
            $side,
            " ORDER BY ",
            $order,
            " LIMIT $2) AS found"
        )
    };
}

pub(super) const ALL: &str =
    page!("id", "SELECT * FROM chat_messages WHERE id > $1 ORDER BY id LIMIT $2");
pub(super) const SOME_AFTER: &str = some_feeds!("id > $1", "id");
pub(super) const SOME_BEFORE: &str = some_feeds!("id < $1", "id DESC");

/// The side of an offset on which a page is read, beginning next to it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    /// Upwards.
    After(Offset),
    /// Downwards; from the end of the log without an offset.
    Before(Option<Offset>),
}

impl Side {
    /// Returns the side to continue with after the message at this offset.
    pub(super) const fn beyond(self, offset: Offset) -> Self {
        match self {
            Self::After(_) => Self::After(offset),
            Self::Before(_) => Self::Before(Some(offset)),
        }
    }
}

/// What is read: some feeds, at least one, or all messages. Only feeds are read downwards.
pub(super) struct Reading<'a>(Option<SomeFeeds<'a>>);

struct SomeFeeds<'a> {
    rooms: Vec<&'a str>,
    users: Vec<i64>,
    senders: Vec<i64>,
    receivers: Vec<i64>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(feeds: Option<&'a [Feed]>) -> Self {
        Self(feeds.map(|feeds| {
            let Parts { rooms, users, pairs } = Parts::of(feeds);
            let (senders, receivers) = pairs.into_iter().unzip();
            let (rooms, users) = (rooms.into_iter().collect(), users.into_iter().collect());
            SomeFeeds { rooms, users, senders, receivers }
        }))
    }

    /// Returns the statement that reads at most this many rows, and at most the first two after this many bytes.
    pub(super) fn statement(
        &self,
        side: Side,
        rows: usize,
        bytes: usize,
    ) -> Query<'_, Postgres, PgArguments> {
        let (some, offset) = match side {
            Side::After(offset) => (SOME_AFTER, offset.as_u64().cast_signed()),
            Side::Before(None) => (SOME_BEFORE, i64::MAX),
            Side::Before(Some(offset)) => (SOME_BEFORE, offset.as_u64().cast_signed()),
        };
        let sql = if self.0.is_some() { some } else { ALL };
        let query = sqlx::query(sql).bind(offset).bind(rows as i64).bind(bytes as i64);
        match &self.0 {
            None => query,
            Some(feeds) => query
                .bind(&feeds.rooms)
                .bind(&feeds.users)
                .bind(&feeds.senders)
                .bind(&feeds.receivers),
        }
    }
}

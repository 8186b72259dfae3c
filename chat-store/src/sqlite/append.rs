//! A batch becomes one statement, and one statement is one commit.

use std::collections::HashMap;
use std::ops::RangeFrom;
use std::sync::Arc;

use chat_core::{Audience, ClientOffset, Message, NewMessage};
use sqlx::SqliteConnection;

use super::feeds::columns;
use super::read::{message, offset};
use crate::Appended;

/// `?1` is a JSON array with one [`Record`] a row, `?2` the texts that the records point into.
///
/// Texts do not travel inside the JSON because SQLite ends a JSON string at a NUL character.
///
/// The row numbers go on from the largest number ever used, which `sqlite_sequence` keeps also when
/// the newest rows are deleted. `AUTOINCREMENT` alone would number the rows too, but only promises to
/// go up, not to leave nothing out.
macro_rules! insert {
    ($columns:literal, $values:literal) => {
        concat!(
            "INSERT INTO messages (id, client_offset, content, room, sender, at",
            $columns,
            ")
            SELECT
                (SELECT max(
                    coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'messages'), 0),
                    coalesce((SELECT max(id) FROM messages), 0)
                )) + row_number() OVER (ORDER BY position),
                new_key,
                CAST(substr(?2, value ->> 2, value ->> 3) AS TEXT),
                value ->> 4, value ->> 5, value ->> 6",
            $values,
            "
            FROM (
                SELECT
                    key AS position, value,
                    CAST(substr(?2, value ->> 0, value ->> 1) AS TEXT) AS new_key
                FROM jsonb_each(?1)
            )
            WHERE new_key IS NULL
                OR NOT EXISTS (SELECT 1 FROM messages WHERE client_offset = new_key)
            ORDER BY position"
        )
    };
}

pub(super) const INSERT: &str = insert!(
    ", sender_id, receiver_id, receiver",
    ", value ->> '$[7][0]', value ->> '$[7][1]', value ->> '$[7][2]'"
);

/// [`INSERT`] for batches without private messages: looking for what is not there is a tenth of the work.
pub(super) const INSERT_TO_ROOMS: &str = insert!("", "");

/// The rows that have a key of `?1` and `?2`, which are those of [`INSERT`].
pub(super) const KNOWN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM messages WHERE client_offset IN (
        SELECT CAST(substr(?2, value ->> 0, value ->> 1) AS TEXT) FROM jsonb_each(?1)
    ) AND id < ?3"
);

/// `(key start, key bytes, content start, content bytes, room, sender, at, people)`, as [`INSERT`] reads it. A
/// position counts from 1, as in SQL.
type Record<'a> =
    (Option<usize>, Option<usize>, usize, usize, &'a str, Option<&'a str>, i64, Option<People<'a>>);

/// `(sender id, receiver id, receiver)` of a private message.
type People<'a> = (i64, i64, &'a str);

/// A batch in the form that [`INSERT`] takes, without the messages that repeat a key of the batch.
pub(super) struct Batch<'a> {
    messages: &'a [NewMessage],
    /// The index of the first message with each key.
    first: HashMap<&'a ClientOffset, usize>,
    rows: u64,
    insert: &'static str,
    records: Arc<str>,
    texts: Arc<[u8]>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(messages: &'a [NewMessage]) -> Result<Self, sqlx::Error> {
        let mut first = HashMap::new();
        let mut texts = Vec::new();
        let mut to_rooms = true;
        let mut records: Vec<Record<'_>> = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            let key = message.client_offset.as_ref();
            if key.is_some_and(|key| *first.entry(key).or_insert(index) != index) {
                continue;
            }
            let key = key.map(|key| put(&mut texts, key.as_str()));
            let content = put(&mut texts, message.content.as_str());
            let (room, people) = match &message.audience {
                Audience::Room(room) => (room.as_str(), None),
                Audience::Private { from, to, nickname } => {
                    ("", Some((from.as_i64(), to.as_i64(), nickname.as_str())))
                }
            };
            to_rooms &= people.is_none();
            records.push((
                key.map(|(start, _)| start),
                key.map(|(_, bytes)| bytes),
                content.0,
                content.1,
                room,
                message.from.as_ref().map(|from| from.as_str()),
                message.at.as_millis(),
                people,
            ));
        }
        let rows = records.len() as u64;
        let records =
            serde_json::to_string(&records).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let insert = if to_rooms { INSERT_TO_ROOMS } else { INSERT };
        Ok(Self { messages, first, rows, insert, records: records.into(), texts: texts.into() })
    }

    /// Commits what the log does not have yet.
    ///
    /// A single statement runs to its end on the connection's own thread, also when this future is
    /// dropped, and it commits or fails as a whole.
    pub(super) async fn commit(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<Appended>, sqlx::Error> {
        let done = sqlx::query(self.insert)
            .bind(Arc::clone(&self.records))
            .bind(Arc::clone(&self.texts))
            .execute(&mut *connection)
            .await?;
        let stored = done.rows_affected();
        let numbers = done.last_insert_rowid().saturating_add(1).saturating_sub_unsigned(stored)..;
        if stored == self.rows {
            return self.outcome(numbers, &HashMap::new());
        }
        // Nothing was inserted: the number is one of an earlier batch.
        let first_new = if stored == 0 { i64::MAX } else { numbers.start };
        let known = self.known_before(first_new, connection).await?;
        if self.rows - stored != known.len() as u64 {
            // Somebody deleted a row between the two statements. A retry finds what is there now.
            return Err(sqlx::Error::RowNotFound);
        }
        self.outcome(numbers, &known)
    }

    /// The messages of the log, before `first_new`, that have keys of this batch.
    async fn known_before(
        &self,
        first_new: i64,
        connection: &mut SqliteConnection,
    ) -> Result<HashMap<ClientOffset, Message>, sqlx::Error> {
        let rows = sqlx::query(KNOWN)
            .bind(Arc::clone(&self.records))
            .bind(Arc::clone(&self.texts))
            .bind(first_new)
            .fetch_all(connection)
            .await?;
        let mut known = HashMap::with_capacity(rows.len());
        for row in &rows {
            let message = message(row)?;
            known.extend(message.client_offset.clone().map(|key| (key, message)));
        }
        Ok(known)
    }

    /// What became of each message, when those that are new got `numbers` in order.
    fn outcome(
        &self,
        mut numbers: RangeFrom<i64>,
        known: &HashMap<ClientOffset, Message>,
    ) -> Result<Vec<Appended>, sqlx::Error> {
        let mut outcome: Vec<Appended> = Vec::with_capacity(self.messages.len());
        for (index, new) in self.messages.iter().enumerate() {
            let key = new.client_offset.as_ref();
            let first = key.and_then(|key| self.first.get(key)).copied().unwrap_or(index);
            outcome.push(if let Some(stored) = key.and_then(|key| known.get(key)) {
                Appended::when_known(new, stored)
            } else if first == index {
                Appended::New(offset(numbers.next().unwrap_or(i64::MAX))?)
            } else {
                let stored = self.messages[first].clone();
                Appended::when_known(new, &Message::from_new(outcome[first].offset(), stored))
            });
        }
        Ok(outcome)
    }
}

/// Adds a text and returns where it begins, counted from 1, and its length.
pub(super) fn put(texts: &mut Vec<u8>, text: impl AsRef<[u8]>) -> (usize, usize) {
    let (start, text) = (texts.len() + 1, text.as_ref());
    texts.extend_from_slice(text);
    (start, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[tokio::test]
    async fn keys_are_found_by_their_index() {
        for sql in [INSERT, INSERT_TO_ROOMS, KNOWN] {
            let plan = plan(sql).await;
            assert!(plan.contains("sqlite_autoindex_messages_1 (client_offset=?"), "{plan}");
            assert!(!plan.contains("SCAN messages"), "{plan}");
        }
    }
}

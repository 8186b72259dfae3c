//! A batch becomes one statement, and one statement is one commit.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use chat_core::{Audience, ClientOffset, Message, NewMessage};
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Connection, SqliteConnection};

use super::feeds::columns;
use super::read::{message, offset};
use super::statements::{MAX_ROWS, Statements};
use crate::Appended;

/// The row numbers go on from the largest number ever used, which `sqlite_sequence` keeps also when
/// the newest rows are deleted. `AUTOINCREMENT` alone would number the rows too, but only promises to
/// go up, not to leave nothing out.
static INSERT: LazyLock<Statements> = LazyLock::new(|| {
    Statements::new(|rows| {
        let values: Vec<_> = (1..=rows).map(|row| format!("({row},?,?,?,?,?,?,?,?)")).collect();
        format!(
            "INSERT INTO messages
                (id, client_offset, content, room, sender, at, sender_id, receiver_id, receiver)
            SELECT
                (SELECT max(
                    coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'messages'), 0),
                    coalesce((SELECT max(id) FROM messages), 0)
                )) + column1,
                column2, column3, column4, column5, column6, column7, column8, column9
            FROM (VALUES {})
            WHERE column3 IS NOT NULL",
            values.join(",")
        )
    })
});

/// The messages that have one of these client offsets.
static KNOWN: LazyLock<Statements> = LazyLock::new(|| {
    Statements::new(|keys| {
        let keys = vec!["?"; keys].join(",");
        format!("SELECT {} FROM messages WHERE client_offset IN ({keys})", columns!())
    })
});

/// Commits what the log does not have yet, and says what became of each message.
///
/// When this future is dropped the batch is stored as a whole or not at all: a statement runs to its end on the
/// connection's own thread, and a transaction that was not committed is rolled back.
pub(super) async fn append(
    batch: &[NewMessage],
    connection: &mut SqliteConnection,
) -> Result<Vec<Appended>, sqlx::Error> {
    let all: Vec<_> = batch.iter().collect();
    match insert(&all, connection).await {
        Ok(first) => (first..).take(batch.len()).map(|id| Ok(Appended::New(offset(id)?))).collect(),
        // Rare enough not to be looked for before.
        Err(error) if is_key_taken(&error) => append_unknown(batch, connection).await,
        Err(error) => Err(error),
    }
}

/// [`append`] for a batch with client offsets that are in the log, or more than once in the batch.
async fn append_unknown(
    batch: &[NewMessage],
    connection: &mut SqliteConnection,
) -> Result<Vec<Appended>, sqlx::Error> {
    let mut first_with = HashMap::new();
    for (index, message) in batch.iter().enumerate() {
        if let Some(key) = &message.client_offset {
            first_with.entry(key).or_insert(index);
        }
    }
    let keys: Vec<_> = first_with.keys().copied().collect();
    let first_with =
        |index: usize| batch[index].client_offset.as_ref().map_or(index, |key| first_with[key]);

    let mut known = find(&keys, connection).await?;
    loop {
        let stored = |new: &NewMessage| known.get(new.client_offset.as_ref()?);
        let unknown: Vec<_> = (0..batch.len())
            .filter(|&index| first_with(index) == index)
            .map(|index| &batch[index])
            .filter(|&new| stored(new).is_none())
            .collect();
        match insert(&unknown, connection).await {
            Ok(first) => {
                let mut numbers = first..;
                let mut appended: Vec<Appended> = Vec::with_capacity(batch.len());
                for (index, new) in batch.iter().enumerate() {
                    let first = first_with(index);
                    appended.push(if let Some(stored) = stored(new) {
                        Appended::when_known(new, stored)
                    } else if first == index {
                        Appended::New(offset(numbers.next().unwrap_or(i64::MAX))?)
                    } else {
                        let stored =
                            Message::from_new(appended[first].offset(), batch[first].clone());
                        Appended::when_known(new, &stored)
                    });
                }
                return Ok(appended);
            }
            Err(error) if is_key_taken(&error) => {
                // Another process has appended one of them just now.
                let found = find(&keys, connection).await?;
                if found.len() == known.len() {
                    // And somebody has deleted it again. A retry finds what is there then.
                    return Err(sqlx::Error::RowNotFound);
                }
                known = found;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Commits all of these, and returns the number of the first.
async fn insert(
    messages: &[&NewMessage],
    connection: &mut SqliteConnection,
) -> Result<i64, sqlx::Error> {
    if messages.len() <= MAX_ROWS {
        return insert_rows(messages, connection).await;
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let (first, rest) = messages.split_at(MAX_ROWS);
    let first = insert_rows(first, &mut transaction).await?;
    for messages in rest.chunks(MAX_ROWS) {
        insert_rows(messages, &mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(first)
}

async fn insert_rows(
    messages: &[&NewMessage],
    connection: &mut SqliteConnection,
) -> Result<i64, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(8 * messages.len(), 0);
    for message in messages {
        bind(message, &mut arguments).map_err(sqlx::Error::Encode)?;
    }
    let insert = INSERT.for_rows(messages.len());
    let done = sqlx::query_with(insert, arguments).execute(connection).await?;
    Ok(done.last_insert_rowid().saturating_add(1).saturating_sub_unsigned(done.rows_affected()))
}

/// Adds the values of a row of [`INSERT`].
fn bind(message: &NewMessage, arguments: &mut SqliteArguments) -> Result<(), BoxDynError> {
    let NewMessage { audience, content, client_offset, from, at } = message;
    let (room, people) = match audience {
        Audience::Room(room) => (room.as_str(), None),
        Audience::Private { from, to, nickname } => ("", Some((from, to, nickname))),
    };
    arguments.add(client_offset.as_ref().map(|key| text(key.as_str())))?;
    arguments.add(text(content.as_str()))?;
    arguments.add(text(room))?;
    arguments.add(from.as_ref().map(|from| text(from.as_str())))?;
    arguments.add(at.as_millis())?;
    arguments.add(people.map(|(from, ..)| from.as_i64()))?;
    arguments.add(people.map(|(_, to, _)| to.as_i64()))?;
    arguments.add(people.map(|(.., nickname)| text(nickname.as_str())))
}

fn text(text: &str) -> Arc<str> {
    text.into()
}

/// The messages of the log that have these client offsets.
async fn find(
    keys: &[&ClientOffset],
    connection: &mut SqliteConnection,
) -> Result<HashMap<ClientOffset, Message>, sqlx::Error> {
    let mut found = HashMap::new();
    for keys in keys.chunks(MAX_ROWS) {
        let mut query = sqlx::query(KNOWN.for_rows(keys.len()));
        for key in keys {
            query = query.bind(text(key.as_str()));
        }
        for row in &query.fetch_all(&mut *connection).await? {
            let message = message(row)?;
            found.extend(message.client_offset.clone().map(|key| (key, message)));
        }
    }
    Ok(found)
}

fn is_key_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}

#[cfg(test)]
mod tests {
    use chat_core::{Offset, RoomId};

    use super::*;
    use crate::sqlite::plan::plan;
    use crate::{MessageStore, SqliteStore};

    fn numbered(number: usize) -> NewMessage {
        let key = format!("key {number}").parse().unwrap();
        let content = format!("message {number}").parse().unwrap();
        NewMessage::new(RoomId::general(), content).with_client_offset(key)
    }

    #[tokio::test]
    async fn a_batch_of_any_size_is_stored_in_its_order_without_those_that_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("chat.db")).await.unwrap();
        let mut stored = 0;
        // The later ones run a statement again that had more rows before.
        for size in [1, 2, MAX_ROWS, MAX_ROWS - 1, MAX_ROWS / 2 + 1, 2, 3, 2 * MAX_ROWS + 1, 5] {
            let known = stored.min(2);
            let batch: Vec<_> = (stored - known..stored + size).map(numbered).collect();
            let expected: Vec<_> = (stored - known..stored + size)
                .map(|number| {
                    let offset = Offset::new(number as u64 + 1).unwrap();
                    let new = number >= stored;
                    if new { Appended::New(offset) } else { Appended::Duplicate(offset) }
                })
                .collect();
            if size % 2 == 0 {
                let new = store.append(&batch[known..]).await.unwrap();
                assert_eq!(new, expected[known..]);
            } else {
                assert_eq!(store.append(&batch).await.unwrap(), expected);
            }
            stored += size;
        }
        let page = store.read_after(None, Offset::ZERO, stored + 1).await.unwrap();
        assert_eq!(page.messages.len(), stored);
        for (index, message) in page.messages.iter().enumerate() {
            assert_eq!(message.content, numbered(index).content);
            assert_eq!(message.offset.as_u64(), index as u64 + 1);
        }
    }

    #[tokio::test]
    async fn keys_are_found_by_their_index() {
        for keys in [1, 2, MAX_ROWS] {
            let plan = plan(KNOWN.for_rows(keys)).await;
            assert!(plan.contains("sqlite_autoindex_messages_1 (client_offset=?"), "{plan}");
            assert!(!plan.contains("SCAN messages"), "{plan}");
        }
    }
}

//! Appends a batch with one statement, which is one commit.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use chat_core::{Audience, Message, NewMessage, Offset, UserId};
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Row as _, SqliteConnection};

use super::feeds::columns;
use super::read::message;
use super::statements::{MAX_ROWS, Statements};
use super::transaction::begin;
use super::{apply_changes, changes};
use crate::key::{earlier_choices, first_choice};
use crate::sql::rows::offset;
use crate::{Appended, Plan};

/// The row numbers continue from the largest number ever used, which `sqlite_sequence` keeps even if the newest rows
/// are deleted. `AUTOINCREMENT` alone would number the rows too, but only guarantees increasing numbers, not numbers
/// without gaps.
static INSERT: LazyLock<Statements> =
    LazyLock::new(|| Statements::new(|rows| insert_text(rows, false)));

/// The same for a batch of which not all are plain texts: columns that are NULL for all of those cost each of them.
static INSERT_KINDS: LazyLock<Statements> =
    LazyLock::new(|| Statements::new(|rows| insert_text(rows, true)));

fn insert_text(rows: usize, has_kinds: bool) -> String {
    let (parameters, names, columns) = match has_kinds {
        true => (",?,?", ", event, target", ", column12, column13"),
        false => ("", "", ""),
    };
    let value = |row| format!("({row},?,?,?,?,?,?,?,?,?,?{parameters})");
    let values: Vec<_> = (1..=rows).map(value).collect();
    format!(
        "INSERT INTO messages
            (id, client_offset, content, room, sender, at, sender_id, receiver_id, receiver, author, user_id{names})
        SELECT
            (SELECT max(
                coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'messages'), 0),
                coalesce((SELECT max(id) FROM messages), 0)
            )) + column1,
            column2, column3, column4, column5, column6, column7, column8, column9, column10, column11{columns}
        FROM (VALUES {})
        WHERE column3 IS NOT NULL",
        values.join(",")
    )
}

/// The messages that have one of these texts as client offset.
static KNOWN: LazyLock<Statements> = LazyLock::new(|| {
    Statements::new(|texts| {
        let texts = vec!["?"; texts].join(",");
        format!("SELECT {} FROM messages WHERE client_offset IN ({texts})", columns!())
    })
});

/// A message, and the text to keep its key under.
type Row<'a> = (&'a NewMessage, Option<Cow<'a, str>>);

/// Messages of the log by the texts under which their keys are kept.
type Known = HashMap<String, Message>;

/// Commits the messages that the log does not have yet, and returns the outcome of each message. With
/// `has_plain_keys`, it also looks for users' messages as they were kept before the log knew authors.
///
/// If this future is dropped, the batch is stored completely or not at all: a statement runs to its end on the
/// connection's own thread, and a transaction that was not committed is rolled back.
pub(super) async fn append(
    batch: &[NewMessage],
    has_plain_keys: bool,
    connection: &mut SqliteConnection,
) -> Result<Vec<Appended>, sqlx::Error> {
    if Plan::has_conditions(batch) {
        return append_known(batch, connection).await;
    }
    let earlier = earlier_choices(batch, has_plain_keys);
    if batch.len() > MAX_ROWS || !earlier.is_empty() {
        return append_looking(batch, &earlier, connection).await;
    }
    match insert(&first_choices(batch), connection).await {
        Ok(first) => new(first, batch.len()),
        // Rare enough not to be looked up first.
        Err(error) if is_key_taken(&error) => append_known(batch, connection).await,
        Err(error) => Err(error),
    }
}

/// Like [`append`], for a batch with messages that the log may have under these texts, and for one that takes several
/// statements.
async fn append_looking(
    batch: &[NewMessage],
    earlier: &[&str],
    connection: &mut SqliteConnection,
) -> Result<Vec<Appended>, sqlx::Error> {
    // Nobody else can write between looking and storing.
    let mut transaction = begin(connection).await?;
    if find(earlier, &mut transaction).await?.is_empty() {
        match insert(&first_choices(batch), &mut transaction).await {
            Ok(first) => {
                transaction.commit().await?;
                return new(first, batch.len());
            }
            Err(error) if is_key_taken(&error) => {}
            Err(error) => return Err(error),
        }
    }
    transaction.rollback().await?;
    append_known(batch, connection).await
}

/// Like [`append`], for a batch with keys that are in the log, or more than once in the batch, and for one with messages
/// that depend on others.
async fn append_known(
    batch: &[NewMessage],
    connection: &mut SqliteConnection,
) -> Result<Vec<Appended>, sqlx::Error> {
    let mut transaction = begin(connection).await?;
    let texts: Vec<_> = batch.iter().flat_map(Plan::kept_texts).collect();
    let known = find(&texts, &mut transaction).await?;
    let targets = changes::targets(batch, &mut transaction).await?;
    let plan = Plan::with_targets(batch, |text| known.get(text), |of| targets.get(of));
    let rows: Vec<_> =
        plan.new_messages().map(|(new, text)| (new, text.map(Cow::Borrowed))).collect();
    let first = insert(&rows, &mut transaction).await?;
    // Nothing has this offset if nothing was stored.
    let first = if rows.is_empty() { Offset::ZERO } else { offset(first)? };
    apply_changes::react(&plan, first, &mut transaction).await?;
    apply_changes::replace(&plan, first, &mut transaction).await?;
    transaction.commit().await?;
    Ok(plan.outcome(first))
}

fn first_choices(batch: &[NewMessage]) -> Vec<Row<'_>> {
    batch.iter().map(|new| (new, first_choice(new))).collect()
}

fn new(first: i64, count: usize) -> Result<Vec<Appended>, sqlx::Error> {
    (first..).take(count).map(|id| Ok(Appended::New(offset(id)?))).collect()
}

/// Stores all of these, atomically if there are at most [`MAX_ROWS`], and returns the number of the first.
async fn insert(rows: &[Row<'_>], connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (first, rest) = rows.split_at(rows.len().min(MAX_ROWS));
    let first = insert_rows(first, connection).await?;
    for rows in rest.chunks(MAX_ROWS) {
        insert_rows(rows, connection).await?;
    }
    Ok(first)
}

async fn insert_rows(
    rows: &[Row<'_>],
    connection: &mut SqliteConnection,
) -> Result<i64, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(11 * rows.len(), 0);
    let has_kinds = rows.iter().any(|(message, _)| !message.kind.is_text());
    for row in rows {
        bind(row, has_kinds, &mut arguments).map_err(sqlx::Error::Encode)?;
    }
    let statements = if has_kinds { &INSERT_KINDS } else { &INSERT };
    let insert = statements.for_rows(rows.len());
    let done = sqlx::query_with(insert, arguments).execute(connection).await?;
    Ok(done.last_insert_rowid().saturating_add(1).saturating_sub_unsigned(done.rows_affected()))
}

/// Binds the values of a row of [`INSERT`].
fn bind(
    (message, key): &Row<'_>,
    has_kinds: bool,
    arguments: &mut SqliteArguments,
) -> Result<(), BoxDynError> {
    let NewMessage { audience, content, kind, from, author, user, at, .. } = message;
    let (room, users) = match audience {
        Audience::Room(room) => (room.as_str(), None),
        Audience::Private { from, to, nickname } => ("", Some((from, to, nickname))),
    };
    arguments.add(key.as_deref().map(text))?;
    arguments.add(text(content.as_str()))?;
    arguments.add(text(room))?;
    arguments.add(from.as_ref().map(|from| text(from.as_str())))?;
    arguments.add(at.as_millis())?;
    arguments.add(users.map(|(from, ..)| from.as_i64()))?;
    arguments.add(users.map(|(_, to, _)| to.as_i64()))?;
    arguments.add(users.map(|(.., nickname)| text(nickname.as_str())))?;
    arguments.add(author.map(|author| author.id().as_i64()))?;
    arguments.add(user.map(UserId::as_i64))?;
    if has_kinds {
        arguments.add(kind.stored_name().map(text))?;
        arguments.add(kind.target().map(|target| target.as_u64().cast_signed()))?;
    }
    Ok(())
}

fn text(text: &str) -> Arc<str> {
    text.into()
}

/// Returns the messages of the log whose keys are kept under these texts.
async fn find(
    texts: &[impl AsRef<str>],
    connection: &mut SqliteConnection,
) -> Result<Known, sqlx::Error> {
    let mut found = Known::new();
    for texts in texts.chunks(MAX_ROWS) {
        let mut query = sqlx::query(KNOWN.for_rows(texts.len()));
        for kept in texts {
            query = query.bind(text(kept.as_ref()));
        }
        for row in &query.fetch_all(&mut *connection).await? {
            found.insert(row.try_get(3)?, message(row)?);
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

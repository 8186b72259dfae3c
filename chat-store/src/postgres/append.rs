//! A batch becomes one call of a function on the server: one round trip and one commit.

use std::collections::HashMap;

use chat_core::{Audience, ClientOffset, Message, NewMessage, Offset, RoomId};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, PgConnection, Row};

use super::feeds::columns;
use super::read::{message, offset};
use crate::Appended;

/// The function is in `migrations/postgres/0004_people.sql`.
const APPEND: &str = concat!(
    "SELECT ",
    columns!(),
    ", tail_before FROM chat_append($1, $2, $3, $4, $5, $6, $7, $8)"
);

/// Commits something, as [`APPEND`] does, after trying whether there is room for a large message.
const TRY_COMMIT: &str = "DO $$ BEGIN
    LOCK TABLE chat_log IN SHARE ROW EXCLUSIVE MODE;
    BEGIN
        INSERT INTO chat_messages (id, room, content, at)
            VALUES (-1, 'general', convert_to(repeat('x', 65536), 'UTF8'), 0);
        RAISE 'taken back' USING ERRCODE = 'CHAT0';
    EXCEPTION WHEN SQLSTATE 'CHAT0' THEN
        UPDATE chat_log SET version = version;
    END;
END $$";

/// A batch, which knows what its parameters were made of.
pub(super) struct Batch<'a> {
    messages: &'a [NewMessage],
    /// The index of the first message with each key.
    first: HashMap<&'a ClientOffset, usize>,
}

/// What the log answers to [`commit`].
pub(super) struct Committed {
    tail_before: Offset,
    /// The messages of the log that have keys of the batch.
    known: HashMap<ClientOffset, Message>,
}

/// The parameters of [`APPEND`]. They own their bytes, so that the call can outlive its caller.
pub(super) struct Encoded(PgArguments);

impl<'a> Batch<'a> {
    /// The batch, and what of it is sent: without the messages that repeat one of its keys.
    pub(super) fn new(messages: &'a [NewMessage]) -> Result<(Self, Encoded), sqlx::Error> {
        let mut first = HashMap::new();
        let mut sent = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            let key = message.client_offset.as_ref();
            if key.is_none_or(|key| *first.entry(key).or_insert(index) == index) {
                sent.push(message);
            }
        }
        let keys: Vec<_> =
            sent.iter().map(|new| new.client_offset.as_ref().map(ClientOffset::as_str)).collect();
        let rooms: Vec<_> =
            sent.iter().map(|new| new.audience.room().map(RoomId::as_str)).collect();
        let senders: Vec<_> =
            sent.iter().map(|new| new.from.as_ref().map(|from| from.as_str())).collect();
        let contents: Vec<_> = sent.iter().map(|new| new.content.as_str().as_bytes()).collect();
        let times: Vec<_> = sent.iter().map(|new| new.at.as_millis()).collect();
        let private = sent.iter().map(|new| match &new.audience {
            Audience::Room(_) => (None, (None, None)),
            Audience::Private { from, to, nickname } => {
                (Some(from.as_i64()), (Some(to.as_i64()), Some(nickname.as_str())))
            }
        });
        let (sender_ids, (receiver_ids, receivers)): (Vec<_>, (Vec<_>, Vec<_>)) = private.unzip();
        let mut arguments = PgArguments::default();
        arguments
            .add(keys)
            .and_then(|()| arguments.add(rooms))
            .and_then(|()| arguments.add(senders))
            .and_then(|()| arguments.add(contents))
            .and_then(|()| arguments.add(times))
            .and_then(|()| arguments.add(sender_ids))
            .and_then(|()| arguments.add(receiver_ids))
            .and_then(|()| arguments.add(receivers))
            .map_err(sqlx::Error::Encode)?;
        Ok((Self { messages, first }, Encoded(arguments)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// What became of each message.
    pub(super) fn outcome(&self, committed: &Committed) -> Vec<Appended> {
        let mut last = committed.tail_before;
        let mut outcome: Vec<Appended> = Vec::with_capacity(self.messages.len());
        for (index, new) in self.messages.iter().enumerate() {
            let key = new.client_offset.as_ref();
            let first = key.and_then(|key| self.first.get(key)).copied().unwrap_or(index);
            outcome.push(if let Some(stored) = key.and_then(|key| committed.known.get(key)) {
                Appended::when_known(new, stored)
            } else if first == index {
                last = last.next();
                Appended::New(last)
            } else {
                let stored = self.messages[first].clone();
                Appended::when_known(new, &Message::from_new(outcome[first].offset(), stored))
            });
        }
        outcome
    }
}

/// Commits something that nobody sees.
pub(super) async fn try_commit(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(TRY_COMMIT).execute(connection).await.map(|_| ())
}

/// Stores what the log does not have yet.
pub(super) async fn commit(
    connection: &mut PgConnection,
    batch: Encoded,
) -> Result<Committed, sqlx::Error> {
    let rows = sqlx::query_with(APPEND, batch.0).fetch_all(connection).await?;
    let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let tail_before = offset(first.try_get("tail_before")?)?;
    let mut known = HashMap::new();
    for row in &rows {
        // When there are none, the numbers come alone.
        if row.try_get::<Option<i64>, _>(0)?.is_some() {
            let message = message(row)?;
            known.extend(message.client_offset.clone().map(|key| (key, message)));
        }
    }
    Ok(Committed { tail_before, known })
}

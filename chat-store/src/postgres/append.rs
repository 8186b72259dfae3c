//! Appends a batch with one call of a function on the server: one round trip and one commit.

use std::borrow::Cow;
use std::collections::HashMap;

use chat_core::{Audience, Message, NewMessage, Offset, RoomId, UserId};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, Connection, PgConnection, Row};

use super::feeds::columns;
use super::read::message;
use super::{apply_changes, changes};
use crate::key::{earlier_choices, is_shared};
use crate::sql::rows::offset;
use crate::{Appended, Plan};

/// The function is in `migrations/postgres/0013_changes.sql`.
const APPEND: &str = concat!(
    "SELECT ",
    columns!(),
    ", tail_before, stored FROM chat_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
);

/// The messages whose keys are kept under these texts.
pub(super) const KNOWN: &str =
    concat!("SELECT ", columns!(), " FROM chat_messages WHERE client_offset = ANY ($1)");

/// The function's error code when the owner of a key has to be determined first.
const CARE: &str = "CH001";

/// Commits something, as [`APPEND`] does, after checking that there is room for a large message.
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

/// The log's answer to [`commit`].
pub(super) struct Committed {
    tail_before: Offset,
    stored: usize,
    /// The messages of the log that have keys of the batch, by the texts under which they are kept.
    known: HashMap<String, Message>,
}

/// The parameters of [`APPEND`]. They own their bytes, so that the call can outlive its caller.
pub(super) struct Encoded(PgArguments);

impl Encoded {
    /// Encodes the batch for a call without a preceding lookup. `has_plain_keys` means that the log may have users'
    /// messages as they were kept before it knew authors.
    pub(super) fn new(batch: &[NewMessage], has_plain_keys: bool) -> Result<Self, sqlx::Error> {
        let plan = Plan::of(batch, |_| None);
        let earlier = earlier_choices(batch, has_plain_keys);
        // A repeated key of the batch is not sent. It may be a new message if that key belongs to another author.
        let care = if plan.new_messages().len() == batch.len() { 1 } else { 2 };
        Self::of(&plan, care, Some(earlier).filter(|earlier| !earlier.is_empty()))
    }

    /// Encodes the new messages. `care` tells how to treat the keys of others, see the function.
    fn of(plan: &Plan<'_>, care: i16, earlier: Option<Vec<&str>>) -> Result<Self, sqlx::Error> {
        let (new, keys): (Vec<_>, Vec<_>) = plan.new_messages().unzip();
        let rooms: Vec<_> = new.iter().map(|new| new.audience.room().map(RoomId::as_str)).collect();
        let senders: Vec<_> =
            new.iter().map(|new| new.from.as_ref().map(|from| from.as_str())).collect();
        let contents: Vec<_> = new.iter().map(|new| new.content.as_str().as_bytes()).collect();
        let times: Vec<_> = new.iter().map(|new| new.at.as_millis()).collect();
        let private = new.iter().map(|new| match &new.audience {
            Audience::Room(_) => (None, (None, None)),
            Audience::Private { from, to, nickname } => {
                (Some(from.as_i64()), (Some(to.as_i64()), Some(nickname.as_str())))
            }
        });
        let (sender_ids, (receiver_ids, receivers)): (Vec<_>, (Vec<_>, Vec<_>)) = private.unzip();
        let authors: Vec<_> =
            new.iter().map(|new| new.author.map(|author| author.id().as_i64())).collect();
        let users: Vec<_> = new.iter().map(|new| new.user.map(UserId::as_i64)).collect();
        let events: Vec<_> = new.iter().map(|new| new.kind.stored_name()).collect();
        let target = |new: &&NewMessage| Some(new.kind.target()?.as_u64().cast_signed());
        let targets: Vec<_> = new.iter().map(target).collect();
        let care: Vec<_> = new.iter().map(|new| if is_shared(new) { care } else { 0 }).collect();
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
            .and_then(|()| arguments.add(authors))
            .and_then(|()| arguments.add(users))
            .and_then(|()| arguments.add(events))
            .and_then(|()| arguments.add(targets))
            .and_then(|()| arguments.add(care))
            .and_then(|()| arguments.add(earlier))
            .map_err(sqlx::Error::Encode)?;
        Ok(Self(arguments))
    }
}

impl Committed {
    /// Returns the outcome of each message of the batch.
    pub(super) fn outcome(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, sqlx::Error> {
        let plan = Plan::of(batch, |text| self.known.get(text));
        if plan.new_messages().len() != self.stored {
            // Never acknowledged: the next try finds out.
            return Err(sqlx::Error::Protocol("the log has stored something else".into()));
        }
        Ok(plan.outcome(self.tail_before.next()))
    }
}

/// Commits something invisible.
pub(super) async fn try_commit(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(TRY_COMMIT).execute(connection).await.map(|_| ())
}

/// Stores the messages that the log does not have yet.
pub(super) async fn commit(
    connection: &mut PgConnection,
    batch: Encoded,
) -> Result<Committed, sqlx::Error> {
    let rows = sqlx::query_with(APPEND, batch.0).fetch_all(connection).await?;
    let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let tail_before = offset(first.try_get("tail_before")?)?;
    let stored: i64 = first.try_get("stored")?;
    let mut known = HashMap::new();
    for row in &rows {
        // If there are none, the numbers come alone.
        if row.try_get::<Option<i64>, _>(0)?.is_some() {
            known.insert(row.try_get(3)?, message(row)?);
        }
    }
    Ok(Committed { tail_before, stored: usize::try_from(stored).unwrap_or(usize::MAX), known })
}

/// Returns whether [`commit`] has stored nothing because the owner of a key has to be determined first.
pub(super) fn has_to_look(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some(CARE))
}

/// Looks up which messages of a batch the log has, and what they depend on, and stores the rest. Takes several round trips, during which
/// nobody else stores anything.
pub(super) async fn look_and_commit(
    connection: &mut PgConnection,
    batch: &[NewMessage],
) -> Result<Vec<Appended>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query("LOCK TABLE chat_log IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *transaction)
        .await?;
    let texts: Vec<String> = batch.iter().flat_map(Plan::kept_texts).map(Cow::into_owned).collect();
    let mut known = HashMap::new();
    for row in &sqlx::query(KNOWN).bind(texts).fetch_all(&mut *transaction).await? {
        known.insert(row.try_get::<String, _>(3)?, message(row)?);
    }
    let targets = changes::targets(batch, &mut transaction).await?;
    let plan = Plan::with_targets(batch, |text| known.get(text), |of| targets.get(of));
    let mut first = Offset::ZERO;
    if plan.new_messages().len() > 0 {
        let encoded = Encoded::of(&plan, 0, None)?;
        first = commit(&mut transaction, encoded).await?.tail_before.next();
    }
    apply_changes::react(&plan, first, &mut transaction).await?;
    apply_changes::replace(&plan, first, &mut transaction).await?;
    transaction.commit().await?;
    Ok(plan.outcome(first))
}

//! Edits and deletions: what they depend on, and the contents that they replace.

use std::collections::BTreeSet;

use chat_core::{Content, NewMessage};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::feeds::columns;
use super::read::{horizon, message, text};
use crate::Plan;
use crate::sql::rows::offset;
use crate::targets::Targets;

/// Messages, each with the deletion of it.
pub(super) const TARGETS: &str = concat!(
    "SELECT ",
    columns!(),
    ", (
        SELECT min(deletion.id) FROM chat_messages AS deletion
        WHERE deletion.target = one.id AND deletion.event = 'message deleted'
    ) AS deletion FROM chat_messages AS one WHERE id = ANY ($1)"
);

/// A message, and its edits before another one, as far as they have a content.
pub(super) const CONTENTS: &str = "SELECT id, content, original FROM chat_messages WHERE id = $1
    UNION ALL
    SELECT id, content, original FROM chat_messages
    WHERE target = $1 AND event = 'message edited' AND id < $2 AND content <> ''";

pub(super) const REPLACE: &str =
    "UPDATE chat_messages SET content = $2, original = $3 WHERE id = $1";

/// The reactions to messages, counted.
pub(super) const COUNTED: &str = "SELECT message, emoji, count(*), bool_or(author = $2)
    FROM chat_reactions WHERE message = ANY ($1) GROUP BY message, emoji ORDER BY message, min(id)";

/// Reads the messages that those of a batch depend on.
pub(super) async fn targets(
    batch: &[NewMessage],
    connection: &mut PgConnection,
) -> Result<Targets, sqlx::Error> {
    let of: BTreeSet<_> = Plan::depended_on(batch).map(|of| of.as_u64().cast_signed()).collect();
    let mut targets = Targets::default();
    if of.is_empty() {
        return Ok(targets);
    }
    let horizon = horizon(connection).await?.as_u64().cast_signed();
    let of: Vec<_> = of.into_iter().filter(|of| *of > horizon).collect();
    for row in &sqlx::query(TARGETS).bind(of).fetch_all(connection).await? {
        let deletion: Option<i64> = row.try_get("deletion")?;
        targets.add(message(row)?, deletion.map(offset).transpose()?);
    }
    Ok(targets)
}

/// Returns the content in a row of [`CONTENTS`].
pub(super) fn content(row: &PgRow) -> Result<Content, sqlx::Error> {
    Ok(Content::from_stored(text(row.try_get(1)?)?))
}

/// Returns a content as a parameter of [`REPLACE`].
pub(super) fn kept(content: &str) -> Vec<u8> {
    content.into()
}

/// Returns numbers of messages as a parameter of [`COUNTED`].
pub(super) fn list(ids: Vec<i64>) -> Result<Vec<i64>, sqlx::Error> {
    Ok(ids)
}

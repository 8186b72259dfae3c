//! Edits and deletions: what they depend on, and the contents that they replace.

use std::collections::BTreeSet;

use chat_core::{Content, NewMessage};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::feeds::columns;
use super::read::{horizon, message};
use super::skeletons::json;
use crate::Plan;
use crate::sql::rows::offset;
use crate::targets::Targets;

const FIND: &str = concat!("SELECT ", columns!(), " FROM messages WHERE id = ?1");

/// The deletion of a message.
pub(super) const DELETION: &str =
    "SELECT min(id) FROM messages WHERE target = ?1 AND event = 'message deleted'";

/// A message, and its edits before another one, as far as they have a content.
pub(super) const CONTENTS: &str = "SELECT id, CAST(content AS TEXT), original FROM messages
    WHERE id = ?1
    UNION ALL
    SELECT id, CAST(content AS TEXT), original FROM messages
    WHERE target = ?1 AND event = 'message edited' AND id < ?2 AND content <> ''";

pub(super) const REPLACE: &str = "UPDATE messages SET content = ?2, original = ?3 WHERE id = ?1";

/// The reactions to messages, counted.
pub(super) const COUNTED: &str = "SELECT message, emoji, count(*), max(author = ?2)
    FROM chat_reactions WHERE message IN (SELECT value FROM json_each(?1)) GROUP BY message, emoji ORDER BY message, min(id)";

/// Reads the messages that those of a batch depend on.
pub(super) async fn targets(
    batch: &[NewMessage],
    connection: &mut SqliteConnection,
) -> Result<Targets, sqlx::Error> {
    let mut targets = Targets::default();
    let of: BTreeSet<_> = Plan::depended_on(batch).collect();
    if of.is_empty() {
        return Ok(targets);
    }
    let horizon = horizon(connection).await?;
    for of in of.into_iter().filter(|of| *of > horizon) {
        let id = of.as_u64().cast_signed();
        let row = sqlx::query(FIND).bind(id).fetch_optional(&mut *connection).await?;
        let Some(target) = row.as_ref().map(message).transpose()? else { continue };
        let deletion = if target.is_deleted() {
            let id = sqlx::query_scalar(DELETION).bind(id).fetch_one(&mut *connection).await?;
            Option::<i64>::map(id, offset).transpose()?
        } else {
            None
        };
        targets.add(target, deletion);
    }
    Ok(targets)
}

/// Returns the content in a row of [`CONTENTS`].
pub(super) fn content(row: &SqliteRow) -> Result<Content, sqlx::Error> {
    Ok(Content::from_stored(row.try_get::<Option<String>, _>(1)?.unwrap_or_default()))
}

/// Returns a content as a parameter of [`REPLACE`].
pub(super) fn kept(content: &str) -> String {
    content.to_owned()
}

/// Returns numbers of messages as a parameter of [`COUNTED`].
pub(super) fn list(ids: Vec<i64>) -> Result<String, sqlx::Error> {
    json(&ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[tokio::test]
    async fn changes_are_found_by_their_index() {
        let counted = plan(COUNTED).await;
        assert!(counted.contains("chat_reactions USING PRIMARY KEY (message=?"), "{counted}");
        for sql in [DELETION, CONTENTS] {
            let plan = plan(sql).await;
            assert!(
                ["edited (target=?", "deleted (target=?"]
                    .iter()
                    .any(|index| plan.contains(&format!("messages_by_{index}"))),
                "{plan}"
            );
            assert!(!plan.contains("SCAN messages"), "{plan}");
        }
    }
}

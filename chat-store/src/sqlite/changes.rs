//! Edits and deletions: what they depend on, and the contents that they replace.

use std::collections::BTreeSet;

use chat_core::{AuthorId, Content, ContentDigest, NewMessage, Offset};
use sqlx::{Row as _, SqliteConnection};

use super::feeds::columns;
use super::read::{horizon, message};
use super::rows::offset;
use crate::sql::reactions;
use crate::targets::Targets;
use crate::{Plan, Reactions};

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

const REPLACE: &str = "UPDATE messages SET content = ?2, original = ?3 WHERE id = ?1";

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

/// Replaces the contents of the messages that a plan edits and deletes. The new messages are stored from `first` on.
pub(super) async fn replace(
    plan: &Plan<'_>,
    first: Offset,
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    for (of, number, content) in plan.replaced() {
        let (of, by) = (of.as_u64().cast_signed(), first.plus(number as u64));
        let contents = sqlx::query(CONTENTS).bind(of).bind(by.as_u64().cast_signed());
        for row in contents.fetch_all(&mut *connection).await? {
            let (id, before): (i64, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
            let before = Content::from_stored(before.unwrap_or_default());
            let original: Option<i64> = row.try_get(2)?;
            let original = original.unwrap_or(ContentDigest::of(&before).as_u32().into());
            let after = if id == of { content.as_str() } else { "" };
            let replace = sqlx::query(REPLACE).bind(id).bind(after.to_owned()).bind(original);
            replace.execute(&mut *connection).await?;
        }
        if content.as_str().is_empty() {
            sqlx::query(reactions::FORGET).bind(of).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Gives and takes back the reactions of a plan. The new messages are stored from `first` on. Call it before [`replace`].
pub(super) async fn react(
    plan: &Plan<'_>,
    first: Offset,
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    for it in reactions::statements(plan, first) {
        let query = sqlx::query(it.sql).bind(it.message).bind(it.emoji.to_owned()).bind(it.author);
        let query = match it.id {
            Some(id) => query.bind(id),
            None => query,
        };
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Returns the reactions to messages.
pub(super) async fn reactions(
    connection: &mut SqliteConnection,
    of: &[Offset],
    author: Option<AuthorId>,
) -> Result<Vec<Reactions>, sqlx::Error> {
    let horizon = horizon(connection).await?;
    let of = of.iter().filter(|of| **of > horizon);
    let ids: Vec<_> = of.map(|of| of.as_u64().cast_signed()).collect();
    let rows = sqlx::query(COUNTED)
        .bind(serde_json::to_string(&ids).map_err(|error| sqlx::Error::Encode(error.into()))?)
        // No author has this number.
        .bind(author.map_or(i64::MIN, AuthorId::as_i64))
        .fetch_all(connection)
        .await?;
    let reactions = rows.iter().map(|row| {
        let count = u64::try_from(row.try_get::<i64, _>(2)?).unwrap_or(0);
        let own = row.try_get(3)?;
        Ok(Reactions::new(offset(row.try_get(0)?)?, row.try_get(1)?, count, own))
    });
    reactions.collect()
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

//! Edits and deletions: what they depend on, and the contents that they replace.

use std::collections::BTreeSet;

use chat_core::{AuthorId, Content, ContentDigest, NewMessage, Offset};
use sqlx::{PgConnection, Row};

use super::feeds::columns;
use super::read::{horizon, message, offset, text};
use crate::sql::reactions;
use crate::targets::Targets;
use crate::{Plan, Reactions};

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

const REPLACE: &str = "UPDATE chat_messages SET content = $2, original = $3 WHERE id = $1";

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

/// Replaces the contents of the messages that a plan edits and deletes. The new messages are stored from `first` on.
pub(super) async fn replace(
    plan: &Plan<'_>,
    first: Offset,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    for (of, number, content) in plan.replaced() {
        let (of, by) = (of.as_u64().cast_signed(), first.plus(number as u64));
        let contents = sqlx::query(CONTENTS).bind(of).bind(by.as_u64().cast_signed());
        for row in contents.fetch_all(&mut *connection).await? {
            let id: i64 = row.try_get(0)?;
            let before = Content::from_stored(text(row.try_get(1)?)?);
            let original: Option<i64> = row.try_get(2)?;
            let original = original.unwrap_or(ContentDigest::of(&before).as_u32().into());
            let after = if id == of { content.as_str() } else { "" };
            let replace = sqlx::query(REPLACE).bind(id).bind(after.as_bytes()).bind(original);
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
    connection: &mut PgConnection,
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
    connection: &mut PgConnection,
    of: &[Offset],
    author: Option<AuthorId>,
) -> Result<Vec<Reactions>, sqlx::Error> {
    let horizon = horizon(connection).await?;
    let of = of.iter().filter(|of| **of > horizon);
    let ids: Vec<_> = of.map(|of| of.as_u64().cast_signed()).collect();
    let rows = sqlx::query(COUNTED)
        .bind(ids)
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

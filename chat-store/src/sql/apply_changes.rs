//! Carries out the edits, deletions and reactions of a batch, and counts reactions.

use chat_core::{AuthorId, ContentDigest, Offset};
use sqlx::Row as _;

use super::Connection;
use super::changes::{CONTENTS, COUNTED, REPLACE, content, kept, list};
use super::read::horizon;
use crate::sql::reactions;
use crate::sql::rows::offset;
use crate::{Plan, Reactions};

/// Replaces the contents of the messages that a plan edits and deletes. The new messages are stored from `first` on.
pub(super) async fn replace(
    plan: &Plan<'_>,
    first: Offset,
    connection: &mut Connection,
) -> Result<(), sqlx::Error> {
    for (of, number, new) in plan.replaced() {
        let (of, by) = (of.as_u64().cast_signed(), first.plus(number as u64));
        let contents = sqlx::query(CONTENTS).bind(of).bind(by.as_u64().cast_signed());
        for row in contents.fetch_all(&mut *connection).await? {
            let (id, before): (i64, _) = (row.try_get(0)?, content(&row)?);
            let original: Option<i64> = row.try_get(2)?;
            let original = original.unwrap_or(ContentDigest::of(&before).as_u32().into());
            let after = if id == of { new.as_str() } else { "" };
            let replace = sqlx::query(REPLACE).bind(id).bind(kept(after)).bind(original);
            replace.execute(&mut *connection).await?;
        }
        if new.as_str().is_empty() {
            sqlx::query(reactions::FORGET).bind(of).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Gives and takes back the reactions of a plan. The new messages are stored from `first` on. Call it before [`replace`].
pub(super) async fn react(
    plan: &Plan<'_>,
    first: Offset,
    connection: &mut Connection,
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
    connection: &mut Connection,
    of: &[Offset],
    author: Option<AuthorId>,
) -> Result<Vec<Reactions>, sqlx::Error> {
    let horizon = horizon(connection).await?;
    let of = of.iter().filter(|of| **of > horizon);
    let ids: Vec<_> = of.map(|of| of.as_u64().cast_signed()).collect();
    let rows = sqlx::query(COUNTED)
        .bind(list(ids)?)
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

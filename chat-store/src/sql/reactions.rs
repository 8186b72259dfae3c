//! The reactions that are given now. Compiled once for each SQL store.

use chat_core::{Author, Kind, Offset};

use super::Connection;
use crate::Plan;

const GIVE: &str = "INSERT INTO chat_reactions (message, emoji, author, id) VALUES ($1, $2, $3, $4)
    ON CONFLICT (message, emoji, author) DO NOTHING";

const TAKE_BACK: &str =
    "DELETE FROM chat_reactions WHERE message = $1 AND emoji = $2 AND author = $3";

const FORGET: &str = "DELETE FROM chat_reactions WHERE message = $1";

/// Gives and takes back the reactions of a plan. The new messages are stored from `first` on. Call it before
/// `replace` in `changes`: a message may be deleted in the same batch.
pub(super) async fn react(
    plan: &Plan<'_>,
    first: Offset,
    connection: &mut Connection,
) -> Result<(), sqlx::Error> {
    for (new, number) in plan.reactions() {
        let Kind::Reaction { to, on } = new.kind else { continue };
        let (to, emoji) = (to.as_u64().cast_signed(), new.content.as_str());
        // What the user gave before it had a name.
        if let Some(session) = new.author.and_then(Author::earlier) {
            sqlx::query(TAKE_BACK)
                .bind(to)
                .bind(emoji.to_owned())
                .bind(session.as_i64())
                .execute(&mut *connection)
                .await?;
        }
        let reaction = sqlx::query(if on { GIVE } else { TAKE_BACK })
            .bind(to)
            .bind(emoji.to_owned())
            .bind(new.author.map_or(0, |author| author.id().as_i64()));
        let reaction = match on {
            true => reaction.bind(first.plus(number as u64).as_u64().cast_signed()),
            false => reaction,
        };
        reaction.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Forgets those of a message that is deleted.
pub(super) async fn forget(of: Offset, connection: &mut Connection) -> Result<(), sqlx::Error> {
    let forget = sqlx::query(FORGET).bind(of.as_u64().cast_signed());
    forget.execute(connection).await.map(drop)
}

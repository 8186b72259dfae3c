//! Removes a user who is erased from messages.

use chat_core::{Offset, UserId};
use sqlx::SqliteConnection;

use super::skeletons::json;
use super::transaction::begin;

/// The deletions themselves keep the user, so that nodes that read them later know whom they forget.
const FORGET_AUTHOR: &str = "UPDATE messages SET sender = NULL, author = NULL,
        user_id = iif(event = 'message deleted' AND content = 'erased', user_id, NULL)
    WHERE id IN (SELECT value FROM json_each(?1)) AND (user_id = ?2 OR sender_id = ?2)";

const FORGET_RECEIVER: &str = "UPDATE messages SET receiver = ?3
    WHERE id IN (SELECT value FROM json_each(?1)) AND +receiver_id = ?2";

pub(super) async fn forget_user(
    user: UserId,
    of: &[Offset],
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    let ids = json(&of.iter().map(|of| of.as_u64()).collect::<Vec<_>>())?;
    let mut transaction = begin(connection).await?;
    let author = sqlx::query(FORGET_AUTHOR).bind(ids.clone()).bind(user.as_i64());
    author.execute(&mut *transaction).await?;
    let receiver = sqlx::query(FORGET_RECEIVER).bind(ids).bind(user.as_i64());
    let receiver = receiver.bind(user.name_when_erased().as_str().to_owned());
    receiver.execute(&mut *transaction).await?;
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::plan::plan;

    #[tokio::test]
    async fn messages_are_found_by_their_numbers() {
        for sql in [FORGET_AUTHOR, FORGET_RECEIVER] {
            let plan = plan(sql).await;
            assert!(plan.contains("messages USING INTEGER PRIMARY KEY"), "{plan}");
        }
    }
}

//! Removes a user who is erased from messages.

use chat_core::{Offset, UserId};
use sqlx::{Connection as _, PgConnection};

/// The deletions themselves keep the user, so that nodes that read them later know whom they forget.
const FORGET_AUTHOR: &str = "UPDATE chat_messages SET sender = NULL, author = NULL,
        user_id = CASE WHEN event = 'message deleted' AND content = 'erased' THEN user_id END
    WHERE id = ANY ($1) AND (user_id = $2 OR sender_id = $2)";

const FORGET_RECEIVER: &str =
    "UPDATE chat_messages SET receiver = $3 WHERE id = ANY ($1) AND receiver_id = $2";

pub(super) async fn forget_user(
    user: UserId,
    of: &[Offset],
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let ids: Vec<_> = of.iter().map(|of| of.as_u64().cast_signed()).collect();
    let mut transaction = connection.begin().await?;
    let author = sqlx::query(FORGET_AUTHOR).bind(&ids).bind(user.as_i64());
    author.execute(&mut *transaction).await?;
    let receiver = sqlx::query(FORGET_RECEIVER).bind(&ids).bind(user.as_i64());
    let receiver = receiver.bind(user.name_when_erased().as_str().to_owned());
    receiver.execute(&mut *transaction).await?;
    transaction.commit().await
}

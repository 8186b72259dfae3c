//! A commit that leaves nothing behind, to find out whether commits work.

use sqlx::SqliteConnection;

/// As much as the largest message needs: a disk that is nearly full may have room for less.
const WRITE: &str =
    "INSERT OR REPLACE INTO chat_meta (name, value) VALUES ('trial', zeroblob(65536))";

const TAKE_BACK: &str = "DELETE FROM chat_meta WHERE name = 'trial'";

/// Commits something, and takes it back in a second commit. If dropped in between, it leaves a row that nobody reads,
/// and that the next one replaces.
pub(super) async fn commit(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for statement in [WRITE, TAKE_BACK] {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    Ok(())
}

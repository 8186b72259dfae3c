use sqlx::{Connection, Database, Sqlite, SqliteConnection, Transaction};
use sqlx_core::transaction::TransactionManager;

/// Begins a transaction that writes.
///
/// SQLite rolls some back by itself, as when the disk is full
/// (<https://sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction>). sqlx then cannot roll it back, and
/// takes it for open for good, so that it would refuse every later one.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
    if connection.is_in_transaction() {
        // The connection's thread rolls back what was dropped, before this.
        connection.ping().await?;
    }
    if connection.is_in_transaction() {
        // What sqlx rolls back now. This fails if there is one after all.
        let _ = sqlx::raw_sql("BEGIN").execute(&mut *connection).await;
        <Sqlite as Database>::TransactionManager::rollback(connection).await?;
    }
    connection.begin_with("BEGIN IMMEDIATE").await
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;

    #[tokio::test]
    async fn a_transaction_begins_after_one_that_sqlite_has_rolled_back_by_itself() {
        let mut connection = SqliteConnectOptions::new().connect().await.unwrap();
        sqlx::raw_sql("CREATE TABLE kept (n)").execute(&mut connection).await.unwrap();
        for committed in 0..3 {
            // As it does when the disk is full.
            let mut ended = begin(&mut connection).await.unwrap();
            sqlx::raw_sql("INSERT INTO kept VALUES (0); ROLLBACK")
                .execute(&mut *ended)
                .await
                .unwrap();
            drop(ended);
            drop(begin(&mut connection).await.unwrap());
            let mut next = begin(&mut connection).await.unwrap();
            sqlx::raw_sql("INSERT INTO kept VALUES (1)").execute(&mut *next).await.unwrap();
            next.commit().await.unwrap();
            let kept = sqlx::query_scalar("SELECT count(*) FROM kept WHERE n = 1");
            let kept: i64 = kept.fetch_one(&mut connection).await.unwrap();
            assert_eq!(kept, committed + 1);
        }
        let all: i64 = sqlx::query_scalar("SELECT count(*) FROM kept")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(all, 3);
    }
}

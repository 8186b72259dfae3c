//! For tests: how Postgres goes about a statement.

use sqlx::{AssertSqlSafe, Row};

use super::connections::connect;
use super::{PostgresStore, read, sessions};
use crate::testkit::PostgresServer;

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn pages_and_sessions_are_found_by_an_index_also_in_tables_that_look_empty() {
    let server = PostgresServer::start();
    let url = server.create_database().await;
    PostgresStore::connect(&url).await.unwrap();
    let mut connection = connect(&url.parse().unwrap()).await.unwrap();
    for (name, types, values, sql, walks) in [
        ("all_rooms", "bigint, bigint, bigint", "1, 2, 3", read::ALL_ROOMS, "chat_messages_pkey"),
        (
            "some_rooms",
            "bigint, bigint, bigint, text[]",
            "1, 2, 3, '{a, b}'",
            read::SOME_ROOMS,
            "chat_messages_by_room",
        ),
        ("find", "bytea, bigint", "'', 1", sessions::FIND, "chat_sessions_pkey"),
        ("sweep", "bigint, bigint", "1, 2", sessions::SWEEP, "chat_sessions_by_expiry"),
    ] {
        let prepare =
            format!("SET plan_cache_mode = force_generic_plan; PREPARE {name} ({types}) AS {sql}");
        sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut connection).await.unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE {name} ({values})"));
        let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await.unwrap();
        let plan: String = rows.iter().map(|row| row.get::<String, _>(0) + "\n").collect();
        assert!(plan.contains(walks), "{plan}");
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
}

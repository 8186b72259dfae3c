//! For tests: how Postgres executes a statement.

use sqlx::{AssertSqlSafe, Row};

use super::connections::connect;
use super::{
    PostgresStore, access, access_read, access_write, append, changes, count, feeds, nicknames,
    sessions, users,
};
use crate::sql::read_positions;
use crate::testkit::PostgresServer;

const FEEDS: &str = "bigint, bigint, bigint, text[], bigint[], bigint[], bigint[]";
const SOME: &str = "1, 2, 3, '{a, b}', '{1, 2}', '{1, 2}', '{2, 1}'";
const WALKS: [&str; 4] = [
    "chat_messages_by_room",
    "chat_messages_by_sender",
    "chat_messages_by_receiver",
    "chat_messages_by_pair",
];

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn what_is_read_is_found_by_an_index_also_in_tables_that_look_empty() {
    let server = PostgresServer::start();
    let url = server.create_database().await;
    PostgresStore::connect(&url).await.unwrap();
    let mut connection = connect(&url.parse().unwrap()).await.unwrap();
    let [sweep_redeemed, sweep_invitations, sweep_sanctions] = access_write::SWEEP;
    for (name, types, values, sql, walks) in [
        ("whole_log", "bigint, bigint, bigint", "1, 2, 3", feeds::ALL, &["chat_messages_pkey"][..]),
        ("after", FEEDS, SOME, feeds::SOME_AFTER, &WALKS),
        ("before", FEEDS, SOME, feeds::SOME_BEFORE, &WALKS),
        ("known", "text[]", "'{a, b}'", append::KNOWN, &["chat_messages_by_key"]),
        (
            "targets",
            "bigint[]",
            "'{1, 2}'",
            changes::TARGETS,
            &["chat_messages_pkey", "chat_messages_by_deleted"],
        ),
        (
            "contents",
            "bigint, bigint",
            "1, 2",
            changes::CONTENTS,
            &["chat_messages_pkey", "chat_messages_by_edited"],
        ),
        (
            "reactions",
            "bigint[], bigint",
            "'{1, 2}', 3",
            changes::COUNTED,
            &["chat_reactions_pkey"],
        ),
        ("find", "bytea, bigint", "'', 1", sessions::FIND, &["chat_sessions_pkey"]),
        (
            "current_nicknames",
            "bigint[]",
            "'{1, 2}'",
            nicknames::CURRENT,
            &["chat_nicknames_by_person"],
        ),
        ("find_nickname", "text", "'a'", nicknames::FIND, &["chat_nicknames_pkey"]),
        (
            "sweep_nicknames",
            "bigint, text, bigint",
            "1, 'a', 10",
            nicknames::SWEEP,
            &["chat_nicknames_pkey", "chat_messages_by_pair", "chat_messages_by_receiver"],
        ),
        (
            "sweep_credentials",
            "bigint, bytea, bigint",
            "1, '', 10",
            users::SWEEP,
            &[
                "chat_credentials_pkey",
                "chat_credentials_by_user",
                "chat_nicknames_by_person",
                "chat_messages_by_pair",
                "chat_messages_by_receiver",
                "chat_members_by_user",
                "chat_sanctions_pkey",
            ],
        ),
        ("sweep", "bigint, bigint", "1, 2", sessions::SWEEP, &["chat_sessions_by_expiry"]),
        (
            "find_access",
            "text, bigint",
            "'a', 1",
            access_read::FIND,
            &["chat_rooms_pkey", "chat_members_"],
        ),
        (
            "list_rooms",
            "bigint, text, bigint",
            "1, 'a', 10",
            access_read::LIST_ROOMS,
            &["chat_rooms_by_visibility", "chat_members_by_user", "chat_rooms_pkey"],
        ),
        (
            "list_all_rooms",
            "text, bigint",
            "'a', 10",
            access_read::LIST_ALL_ROOMS,
            &["chat_rooms_pkey"],
        ),
        (
            "list_members",
            "text, bigint, bigint",
            "'a', 1, 10",
            access_read::LIST_MEMBERS,
            &["chat_members_pkey"],
        ),
        ("invitation", "bytea", "''", access_read::INVITATION, &["chat_invitations_"]),
        (
            "list_invitations",
            "text, bigint, bigint",
            "'a', 1, 10",
            access_read::LIST_INVITATIONS,
            &["chat_invitations_by_room"],
        ),
        (
            "sanctions_of",
            "text[], bigint",
            "'{a, b}', 1",
            access::SANCTIONS_OF,
            &["chat_sanctions_pkey"],
        ),
        (
            "list_sanctions",
            "text, bigint, text, text, bigint",
            "'a', 1, 'b', 'c', 10",
            access_read::LIST_SANCTIONS,
            &["chat_sanctions_"],
        ),
        (
            "count_room",
            "bigint, bigint, text",
            "1, 2, 'a'",
            count::OF_ROOM,
            &["chat_messages_by_room"],
        ),
        (
            "count_user",
            "bigint, bigint, bigint",
            "1, 2, 3",
            count::OF_USER,
            &["chat_messages_by_receiver"],
        ),
        (
            "count_between",
            "bigint, bigint, bigint, bigint",
            "1, 2, 3, 4",
            count::BETWEEN,
            &["chat_messages_by_pair"],
        ),
        (
            "read_positions",
            "bigint, bigint",
            "1, 2",
            read_positions::OF_USER,
            &["chat_read_positions_pkey"],
        ),
        (
            "readers",
            "text, bigint",
            "'a', 2",
            read_positions::OF_FEED,
            &["chat_read_positions_by_feed"],
        ),
        ("access_tail", "", "", access_read::TAIL, &["chat_access_log_pkey"]),
        ("access_after", "bigint, bigint", "1, 10", access_read::AFTER, &["chat_access_log_pkey"]),
        (
            "access_before",
            "bigint, bigint",
            "1, 10",
            access_read::BEFORE,
            &["chat_access_log_pkey"],
        ),
        (
            "access_before_in_room",
            "bigint, bigint, text",
            "1, 10, 'a'",
            access_read::BEFORE_IN_ROOM,
            &["chat_access_log_by_room"],
        ),
        (
            "sweep_redeemed",
            "bigint, bigint",
            "1, 2",
            sweep_redeemed,
            &["chat_invitations_by_expiry"],
        ),
        (
            "sweep_invited",
            "bigint, bigint",
            "1, 2",
            sweep_invitations,
            &["chat_invitations_by_expiry"],
        ),
        ("sweep_log", "bigint, bigint", "1, 2", access_write::SWEEP_LOG, &["chat_access_log_pkey"]),
        ("sweep_sanctions", "bigint, bigint", "1, 2", sweep_sanctions, &["chat_sanctions_by_end"]),
    ] {
        let types = if types.is_empty() { String::new() } else { format!("({types})") };
        let values = if values.is_empty() { String::new() } else { format!("({values})") };
        let prepare =
            format!("SET plan_cache_mode = force_generic_plan; PREPARE {name} {types} AS {sql}");
        sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut connection).await.unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE {name} {values}"));
        let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await.unwrap();
        let plan: String = rows.iter().map(|row| row.get::<String, _>(0) + "\n").collect();
        for index in walks {
            assert!(plan.contains(index), "{index}\n{plan}");
        }
        // The log is one row.
        let others = plan.replace("Seq Scan on chat_log ", "");
        assert!(!others.contains("Seq Scan"), "{plan}");
    }
}

//! Every store of this crate passes the suite.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

use std::sync::Arc;

use chat_store::testkit::{SessionBackend, async_trait};
use chat_store::{MemoryStore, Store};

struct Memory;

#[async_trait]
impl SessionBackend for Memory {
    async fn open_store(&self) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new())
    }
}

chat_store::conformance!(memory, Memory);
chat_store::session_conformance!(memory_sessions, Memory);
chat_store::nickname_conformance!(memory_nicknames, Memory, sweeping);
chat_store::room_conformance!(memory_rooms, Memory);
chat_store::read_position_conformance!(memory_read_positions, Memory);
chat_store::search_conformance!(memory_search, Memory);

#[cfg(feature = "sqlite")]
struct Sqlite(tempfile::TempDir);

#[cfg(feature = "sqlite")]
impl Sqlite {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }
}

#[cfg(feature = "sqlite")]
#[async_trait]
impl SessionBackend for Sqlite {
    async fn open_store(&self) -> Arc<dyn Store> {
        let path = self.0.path().join("chat.db");
        Arc::new(chat_store::SqliteStore::open(path).await.expect("the file opens"))
    }
}

#[cfg(feature = "sqlite")]
chat_store::conformance!(sqlite, Sqlite::new(), persistent, shared);
#[cfg(feature = "sqlite")]
chat_store::session_conformance!(sqlite_sessions, Sqlite::new(), persistent, shared);
#[cfg(feature = "sqlite")]
chat_store::nickname_conformance!(sqlite_nicknames, Sqlite::new(), persistent, shared, sweeping);
#[cfg(feature = "sqlite")]
chat_store::room_conformance!(sqlite_rooms, Sqlite::new(), persistent, shared);
#[cfg(feature = "sqlite")]
chat_store::read_position_conformance!(sqlite_read_positions, Sqlite::new(), persistent, shared);
#[cfg(feature = "sqlite")]
chat_store::search_conformance!(sqlite_search, Sqlite::new(), persistent, shared);

#[cfg(all(feature = "postgres", unix))]
mod postgres {
    use std::sync::{Arc, LazyLock};

    use chat_store::testkit::{PostgresServer, SessionBackend, async_trait};
    use chat_store::{PostgresStore, Store};
    use tokio::sync::OnceCell;

    static SERVER: LazyLock<PostgresServer> = LazyLock::new(PostgresServer::start);

    /// A database of its own for each case.
    #[derive(Default)]
    struct Postgres(OnceCell<String>);

    #[async_trait]
    impl SessionBackend for Postgres {
        async fn open_store(&self) -> Arc<dyn Store> {
            let url = self.0.get_or_init(|| SERVER.create_database()).await;
            Arc::new(PostgresStore::connect(url).await.expect("the database opens"))
        }
    }

    chat_store::conformance!(
        #[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
        messages,
        Postgres::default(),
        persistent,
        shared
    );
    chat_store::session_conformance!(
        #[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
        sessions,
        Postgres::default(),
        persistent,
        shared
    );
    chat_store::nickname_conformance!(
        #[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
        nicknames,
        Postgres::default(),
        persistent,
        shared,
        sweeping
    );
    chat_store::room_conformance!(
        #[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
        rooms,
        Postgres::default(),
        persistent,
        shared
    );
    chat_store::read_position_conformance!(
        #[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
        read_positions,
        Postgres::default(),
        persistent,
        shared
    );
    chat_store::search_conformance!(
        #[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
        search,
        Postgres::default(),
        persistent,
        shared
    );
}

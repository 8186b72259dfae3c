//! What `PostgresStore` does when its server restarts, hangs, is full or cannot be used, on servers that
//! these tests start.
#![cfg(all(feature = "postgres", unix))]
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::sync::LazyLock;

use chat_core::{NewMessage, RoomId};
use chat_store::testkit::PostgresServer;
use chat_store::{Appended, MessageStore, PostgresStore, StoreError};

#[path = "../../testing/certificates.rs"]
mod certificates;
#[path = "postgres_failures/errors.rs"]
mod errors;
#[path = "postgres_failures/network.rs"]
mod network;
#[path = "postgres_failures/restarts.rs"]
mod restarts;
#[path = "postgres_failures/schema.rs"]
mod schema;
#[path = "postgres_failures/tls.rs"]
mod tls;

static SERVER: LazyLock<PostgresServer> = LazyLock::new(PostgresServer::start);

/// The name of the database in a URL of the server.
fn database(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

fn keyed(key: &str) -> NewMessage {
    NewMessage::new(RoomId::general(), "a".parse().unwrap())
        .with_client_offset(key.parse().unwrap())
}

async fn append(store: &PostgresStore, key: &str) -> Result<Appended, StoreError> {
    store.append(&[keyed(key)]).await.map(|appended| appended[0])
}

async fn refusal(url: &str) -> StoreError {
    PostgresStore::connect(url).await.unwrap_err()
}

//! The suites of the traits, on both.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use chat_adapter::testkit::Nodes;
use chat_store::Store;
use chat_store::testkit::{SessionBackend, async_trait};
use own_backends::{JournalStore, TcpBroadcast};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// A journal in a folder of its own.
struct Journal(TempDir);

impl Journal {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }
}

#[async_trait]
impl SessionBackend for Journal {
    async fn open_store(&self) -> Arc<dyn Store> {
        Arc::new(JournalStore::open(self.0.path().join("chat.jsonl")).unwrap())
    }
}

chat_store::conformance!(messages, Journal::new(), persistent);
chat_store::session_conformance!(sessions, Journal::new(), persistent);
chat_store::nickname_conformance!(nicknames, Journal::new(), persistent);
chat_store::room_conformance!(rooms, Journal::new());

async fn two_nodes() -> Nodes {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [first.local_addr().unwrap(), second.local_addr().unwrap()];
    [
        Arc::new(TcpBroadcast::new(first, &addresses[1..])),
        Arc::new(TcpBroadcast::new(second, &addresses[..1])),
    ]
}

chat_adapter::conformance!(tcp, two_nodes);

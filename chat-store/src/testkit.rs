//! Test support: the contracts of [`MessageStore`], [`SessionStore`](crate::SessionStore),
//! [`NicknameStore`](crate::NicknameStore), [`RoomStore`](crate::RoomStore) and
//! [`ReadPositionStore`](crate::ReadPositionStore) as suites of test cases, and stores that stall or fail on demand.
//!
//! [`conformance!`](crate::conformance) creates a test for each case for messages. An in-memory store of another
//! crate runs the suite with this in its `tests/conformance.rs`:
//!
//! ```
//! use std::sync::Arc;
//!
//! use chat_store::testkit::{Backend, async_trait};
//! use chat_store::{MemoryStore, MessageStore};
//!
//! struct Memory;
//!
//! #[async_trait]
//! impl Backend for Memory {
//!     async fn open(&self) -> Arc<dyn MessageStore> {
//!         Arc::new(MemoryStore::new())
//!     }
//! }
//!
//! chat_store::conformance!(memory, Memory);
//! # fn main() {}
//! ```
//!
//! A store that keeps the rest too implements [`SessionBackend`] instead of [`Backend`];
//! [`session_conformance!`](crate::session_conformance), [`nickname_conformance!`](crate::nickname_conformance),
//! [`room_conformance!`](crate::room_conformance) and
//! [`read_position_conformance!`](crate::read_position_conformance) create the tests of the other suites. If it has a
//! [search index](crate::MessageStore::search_index), there is [`search_conformance!`](crate::search_conformance).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a case that fails panics")]

mod access_samples;
pub mod cases;
mod conformance;
mod dropping;
mod failing;
mod gate;
mod held;
mod nickname_conformance;
#[cfg(all(feature = "postgres", unix))]
mod postgres_server;
mod read_position_conformance;
mod room_conformance;
mod samples;
mod search_conformance;
mod session_conformance;

use std::sync::Arc;
use std::time::Duration;

pub use async_trait::async_trait;

pub use self::failing::FailingStore;
pub use self::gate::Gate;
pub use self::held::HeldStore;
#[cfg(all(feature = "postgres", unix))]
pub use self::postgres_server::PostgresServer;
use crate::{MessageStore, Store};

/// Provides stores to the suite for messages. Each case has a backend of its own.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Opens the log. The first call creates an empty one.
    ///
    /// Called once per case. Only the cases for `persistent` backends open the same log again after closing it, and
    /// those for `shared` ones open it several times at once.
    async fn open(&self) -> Arc<dyn MessageStore>;
}

/// Provides stores to all suites if the stores keep sessions, nicknames and rooms too. Every implementation is also a
/// [`Backend`].
#[async_trait]
pub trait SessionBackend: Send + Sync {
    /// Opens the log, the sessions, the nicknames and the rooms, like [`Backend::open`].
    async fn open_store(&self) -> Arc<dyn Store>;
}

#[async_trait]
impl<B: SessionBackend> Backend for B {
    async fn open(&self) -> Arc<dyn MessageStore> {
        self.open_store().await
    }
}

/// Runs a case to its end.
///
/// # Panics
/// When the case panics, or takes longer than a minute.
pub fn run(case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("threads can be started");
    runtime.block_on(async {
        let minute = Duration::from_secs(60);
        tokio::time::timeout(minute, case).await.expect("the case ends within a minute");
    });
}

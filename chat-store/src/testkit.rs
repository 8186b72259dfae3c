//! For tests: the contracts of [`MessageStore`], [`SessionStore`](crate::SessionStore) and
//! [`NicknameStore`](crate::NicknameStore) as suites of cases, and stores that stall or fail when they are told
//! to.
//!
//! [`conformance!`](crate::conformance) makes a test of each case for messages. A store in memory of
//! another crate passes the suite with this in its `tests/conformance.rs`:
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
//! A store that keeps sessions and nicknames too implements [`SessionBackend`] instead of [`Backend`], and has
//! [`session_conformance!`](crate::session_conformance) and
//! [`nickname_conformance!`](crate::nickname_conformance) make the tests of the other suites.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a case that fails panics")]

pub mod cases;
mod conformance;
mod dropping;
mod failing;
mod gate;
mod held;
mod nickname_conformance;
#[cfg(all(feature = "postgres", unix))]
mod postgres_server;
mod samples;
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

/// Where the suite for messages gets its stores from. Each case has a backend of its own.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Opens the log. The first call makes an empty one.
    ///
    /// Called once, except by the cases for `persistent` backends, which open the same log again after
    /// they closed it, and those for `shared` ones, which open it several times at once.
    async fn open(&self) -> Arc<dyn MessageStore>;
}

/// Where all suites get their stores from, when these keep sessions and nicknames too. It is a [`Backend`] by
/// itself.
#[async_trait]
pub trait SessionBackend: Send + Sync {
    /// Opens the log, the sessions and the nicknames, as [`Backend::open`] does.
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
/// When the case does, or when it takes longer than a minute.
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

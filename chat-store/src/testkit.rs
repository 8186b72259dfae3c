//! For tests: the contract of [`MessageStore`] as a suite of cases, and stores that stall or fail when
//! they are told to.
//!
//! [`conformance!`](crate::conformance) makes a test of each case. A store in memory of another crate
//! passes the suite with this in its `tests/conformance.rs`:
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
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a case that fails panics")]

pub mod cases;
mod conformance;
mod failing;
mod gate;
mod held;
mod samples;

use std::sync::Arc;
use std::time::Duration;

pub use async_trait::async_trait;

pub use self::failing::FailingStore;
pub use self::gate::Gate;
pub use self::held::HeldStore;
use crate::MessageStore;

/// Where the suite gets its stores from. Each case has a backend of its own.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Opens the log. The first call makes an empty one.
    ///
    /// Called once, except by the cases for `persistent` backends, which open the same log again after
    /// they closed it, and those for `shared` ones, which open it several times at once.
    async fn open(&self) -> Arc<dyn MessageStore>;
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

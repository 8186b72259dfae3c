//! A store and a broadcast of somebody's own for the chat, as small as they can be while they keep their promises.
//!
//! [`JournalStore`] keeps everything in one file of JSON lines; [`TcpBroadcast`] connects each node with each other
//! one. Both pass the suites of the traits that they implement, in `tests/conformance.rs`.
//!
//! ```
//! use std::sync::Arc;
//!
//! use chat_core::{NewMessage, RoomId};
//! use chat_store::MessageStore;
//! use own_backends::JournalStore;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("chat.jsonl");
//! let store = Arc::new(JournalStore::open(&path)?);
//! store.append(&[NewMessage::new(RoomId::general(), "hello".parse()?)]).await?;
//! // `Chat::builder(store)` takes it from here; a store of only messages, sessions or nicknames goes into `Stores`,
//! // beside others.
//! store.close().await;
//! assert!(std::fs::read_to_string(path)?.contains("hello"));
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod broadcast;
mod journal;
mod store;

pub use broadcast::TcpBroadcast;
pub use store::JournalStore;

#![doc = include_str!("../README.md")]

mod appended;
mod config;
mod error;
mod key;
mod memory;
mod nickname;
mod page_builder;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod parts;
mod plan;
#[cfg(feature = "postgres")]
mod postgres;
mod session;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
#[cfg(feature = "testkit")]
pub mod testkit;
mod user;

pub use appended::Appended;
pub use config::open;
pub use error::StoreError;
pub use key::key_from_kept;
pub use memory::MemoryStore;
pub use nickname::{ClaimKind, Claimed, NicknameClaim, NicknameStore, OwnerKey};
pub use page_builder::PageBuilder;
pub use plan::Plan;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
pub use session::{SessionKey, SessionRecord, SessionStore};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use store::{MessageStore, Page, Store};
pub use user::{
    Credential, CredentialKey, CredentialOwner, Device, DeviceCode, DeviceCodeKey, NewCredential,
    UserStore,
};

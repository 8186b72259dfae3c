#![doc = include_str!("../README.md")]
// Shows which feature has what, where rustdoc can.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod appended;
mod config;
mod disk;
mod dump;
mod error;
mod files;
mod import_mark;
mod key;
mod memory;
mod nickname;
mod page_builder;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod parts;
mod plan;
#[cfg(feature = "postgres")]
mod postgres;
mod reactions;
mod read_position_store;
mod room_store;
mod room_store_wrapper;
mod schema_version;
mod search_index;
mod session;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod targets;
#[cfg(feature = "testkit")]
pub mod testkit;
mod trim;
mod user;

pub use access::{
    AccessChange, AccessChanged, AccessLimit, AccessLimits, AccessNumber, AccessRequest,
    AccessState, AccessWrite, Decided, Invitation, InvitationCode, NewAccessChange, Refused,
    RoomAccess, RoomMember, RoomRecord, RoomViewer, Sanction, SanctionKey, Subject,
};
pub use appended::Appended;
pub use config::{back_up, open, renew_epoch, restore, schema_version};
pub use disk::Disk;
pub use dump::{MoveError, export, import};
pub use error::StoreError;
#[cfg(feature = "files")]
pub use files::DirectoryStore;
pub use files::{
    FileAudience, FileError, FileRecord, FileState, FileStore, FileTotals, FileWriter, KeptFile,
    UserFiles,
};
pub use key::key_from_kept;
pub use memory::MemoryStore;
pub use nickname::{ClaimKind, Claimed, NicknameClaim, NicknameStore, OwnerKey};
pub use page_builder::PageBuilder;
pub use plan::{Plan, Target};
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
pub use reactions::Reactions;
pub use read_position_store::{ReadPosition, ReadPositionStore};
pub use room_store::RoomStore;
pub use room_store_wrapper::RoomStoreWrapper;
pub use schema_version::SchemaVersion;
pub use search_index::{
    Document, IndexAdvanced, IndexBatch, IndexChange, IndexSearch, SearchIndex, SearchScope, Writer,
};
pub use session::{SessionKey, SessionRecord, SessionStore};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use store::{MessageStore, Page, Store};
pub use trim::{Trim, Trimmed};
pub use user::{
    Credential, CredentialKey, CredentialOwner, Device, DeviceCode, DeviceCodeKey, NewCredential,
    UserStore,
};

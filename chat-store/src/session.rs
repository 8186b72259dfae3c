use std::collections::BTreeMap;

use async_trait::async_trait;
use chat_core::Timestamp;

use crate::StoreError;

/// The name under which a session is kept: a hash of the secret that its client holds.
///
/// Whoever reads the store cannot make the secret out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub [u8; 32]);

/// A session as it is kept. What it consists of is the business of whoever saves it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its name.
    pub key: SessionKey,
    /// Whose it is. Whoever takes a session over saves it with a higher generation than it was found with;
    /// from then on nothing that the earlier owner saves counts.
    pub generation: i64,
    /// Which of its owner's records it is. Each that differs from the one before has a higher revision, so
    /// that one that arrives late does not count either.
    pub revision: i64,
    /// What belongs to it, as text: any characters, and as many as the store has room for.
    pub state: String,
    /// From when on it is not to be found any more.
    pub expires_at: Timestamp,
}

impl SessionRecord {
    /// Orders the records of one session: of two, the one with the greater version is the newer. Generation
    /// before revision.
    pub const fn version(&self) -> (i64, i64) {
        (self.generation, self.revision)
    }

    /// What of a batch counts: the newest record of each session, and of records with one version the last.
    /// In the order of their keys.
    ///
    /// For whoever writes a store: these are to be compared with what it keeps.
    pub fn newest(batch: &[Self]) -> BTreeMap<SessionKey, &Self> {
        let mut newest = BTreeMap::new();
        for record in batch {
            let kept = newest.entry(record.key).or_insert(record);
            if record.version() >= kept.version() {
                *kept = record;
            }
        }
        newest
    }
}

/// Shows no state: it says who is in which room.
impl std::fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionRecord")
            .field("generation", &self.generation)
            .field("revision", &self.revision)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// How many sessions a sweep deletes at the most in a database: about 15 ms in SQLite, for which those who write have
/// to wait.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) const MAX_SWEPT: usize = 1_000;

/// Where the sessions of clients are kept, so that they outlive the connection and the server.
///
/// # Contract
///
/// - **Durable** as messages are: what [`save_sessions`](Self::save_sessions) has confirmed survives a crash.
/// - **The newest counts.** Of two records of a session the one with the higher generation is kept, of one
///   generation the one with the higher revision, and of one revision the one that was saved later. That
///   holds within a batch and between stores that share the sessions, in whatever order they save.
/// - **Whole.** What counts of a batch is saved as a whole or not at all.
/// - **In order.** A save that begins when another one has ended, or was dropped, is the later one.
/// - **Cancel safe.** A dropped call has happened as a whole or not at all.
///
/// The module `testkit` (feature `testkit`) checks it. When the store is also a
/// [`MessageStore`](crate::MessageStore) and was closed, all calls fail with [`StoreError::Closed`].
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Saves sessions, each in the place of an older record with its key, and returns the keys of those for
    /// which a newer one is there: they are as they were, most likely because somebody else has them now.
    ///
    /// A session is ended by saving it with an `expires_at` that has passed. What counts is remembered until
    /// it is [swept](Self::sweep_sessions). An empty batch does nothing.
    ///
    /// # Errors
    /// Nothing was saved; see [`StoreError::is_retryable`].
    async fn save_sessions(&self, records: &[SessionRecord])
    -> Result<Vec<SessionKey>, StoreError>;

    /// The session with this key, if there is one that expires later than `now`.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError>;

    /// Deletes sessions that expire at `now` or earlier, and says how many: 0 only when there are none. It leaves the
    /// rest for the next call when to delete them all would keep those who save waiting.
    ///
    /// # Errors
    /// Nothing was deleted; see [`StoreError::is_retryable`].
    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError>;
}

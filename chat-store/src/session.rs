use std::collections::BTreeMap;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use std::collections::HashSet;

use async_trait::async_trait;
use chat_core::Timestamp;

use crate::StoreError;

/// The key of a session: a hash of its client's secret.
///
/// Someone who reads the store cannot recover the secret from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub [u8; 32]);

/// A session as it is kept. Its contents are up to the application.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionRecord {
    /// Its key.
    pub key: SessionKey,
    /// Identifies the owner. A new owner saves the session with a higher generation than it found; from then on,
    /// saves by the previous owner are ignored.
    pub generation: i64,
    /// Orders the records of one owner. Each changed record has a higher revision than the one before, so that one
    /// that arrives late is ignored too.
    pub revision: i64,
    /// The contents as text: any characters, and as many as the store has room for.
    pub state: String,
    /// When the session can no longer be found.
    pub expires_at: Timestamp,
}

impl SessionRecord {
    /// Creates the first record of a session's first owner: generation 1, revision 0.
    pub fn new(key: SessionKey, state: impl Into<String>, expires_at: Timestamp) -> Self {
        Self { key, generation: 1, revision: 0, state: state.into(), expires_at }
    }

    /// Sets the [version](Self::version).
    #[must_use]
    pub fn with_version(self, generation: i64, revision: i64) -> Self {
        Self { generation, revision, ..self }
    }

    /// Returns the version of the record: generation before revision. Of two records of one session, the one with the
    /// greater version is newer.
    pub const fn version(&self) -> (i64, i64) {
        (self.generation, self.revision)
    }

    /// Returns the records of a batch that count: the newest of each session, and of records with the same version
    /// the last one. Sorted by key.
    ///
    /// For implementations of stores, which compare them with the records they keep.
    pub fn newest(batch: &[Self]) -> BTreeMap<SessionKey, &Self> {
        let mut newest = BTreeMap::new();
        for record in batch {
            let kept = newest.entry(record.key).or_insert(record);
            if record.replaces(Some(kept)) {
                *kept = record;
            }
        }
        newest
    }

    /// Returns whether this record, saved now, replaces the one that a store keeps for its session, if there is one.
    ///
    /// For implementations of stores.
    pub fn replaces(&self, kept: Option<&Self>) -> bool {
        kept.is_none_or(|kept| self.version() >= kept.version())
    }

    /// Returns the keys of a batch's [`newest`](Self::newest) records that a database has not saved, given those that
    /// it has.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn outdated(
        mut newest: BTreeMap<SessionKey, &Self>,
        saved: &[Vec<u8>],
    ) -> Vec<SessionKey> {
        let saved: HashSet<&[u8]> = saved.iter().map(Vec::as_slice).collect();
        newest.retain(|key, _| !saved.contains(&key.0[..]));
        newest.into_keys().collect()
    }
}

/// Hides the state: it reveals who is in which room.
impl std::fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionRecord")
            .field("generation", &self.generation)
            .field("revision", &self.revision)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Maximum number of sessions that one sweep deletes in a database: about 15 ms in SQLite, for which writers have to
/// wait.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) const MAX_SWEPT: usize = 1_000;

/// A store of clients' sessions, so that they survive the connection and the server.
///
/// # Contract
///
/// - **Durable** like messages: what [`save_sessions`](Self::save_sessions) has confirmed survives a crash.
/// - **The newest counts.** Of two records of a session the one with the higher generation is kept; with the same
///   generation, the one with the higher revision; with the same revision, the one saved later. This holds within a
///   batch and between stores that share the sessions, in whatever order they save.
/// - **Whole.** The records of a batch that count are saved completely or not at all.
/// - **In order.** A save that begins after another one has ended or was dropped is the later one.
/// - **Cancel safe.** A dropped call has happened completely or not at all.
///
/// The module `testkit` (feature `testkit`) checks it. If the store is also a [`MessageStore`](crate::MessageStore)
/// and was closed, all calls fail with [`StoreError::Closed`].
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Saves sessions, each replacing an older record with its key, and returns the keys for which a newer record
    /// exists. Those are unchanged, most likely because they have a new owner.
    ///
    /// To end a session, save it with an `expires_at` in the past. The newest record is remembered until it is
    /// [swept](Self::sweep_sessions). An empty batch does nothing.
    ///
    /// # Errors
    /// Nothing was saved; see [`StoreError::is_retryable`].
    async fn save_sessions(&self, records: &[SessionRecord])
    -> Result<Vec<SessionKey>, StoreError>;

    /// Returns the session with this key if there is one that expires later than `now`.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError>;

    /// Deletes sessions that expire at `now` or earlier, and returns how many: 0 only if there are none. If deleting
    /// all of them would keep writers waiting, it leaves the rest to the next call.
    ///
    /// # Errors
    /// Nothing was deleted; see [`StoreError::is_retryable`].
    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError>;
}

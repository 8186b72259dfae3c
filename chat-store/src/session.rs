use async_trait::async_trait;
use chat_core::Timestamp;

use crate::StoreError;

/// The name under which a session is kept: a hash of the secret that its client holds.
///
/// Whoever reads the store cannot make the secret out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey(pub [u8; 32]);

/// A session as it is kept. What it consists of is the business of whoever saves it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its name.
    pub key: SessionKey,
    /// What belongs to it, as text: any characters, and as many as the store has room for.
    pub state: String,
    /// From when on it is not to be found any more.
    pub expires_at: Timestamp,
}

/// Shows no state: it says who is in which room.
impl std::fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionRecord")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// How many sessions a sweep deletes at the most: it is not to keep those who save waiting.
pub(crate) const MAX_SWEPT: usize = 10_000;

/// Where the sessions of clients are kept, so that they outlive the connection and the server.
///
/// # Contract
///
/// - **Durable** as messages are: what [`save_sessions`](Self::save_sessions) has confirmed survives a crash.
/// - **Whole.** A batch is saved as a whole or not at all; of two records with one key in a batch the
///   later one counts.
/// - **In order.** A save that begins when another one has ended, or was dropped, counts as the later
///   one.
/// - **Cancel safe.** A dropped call has happened as a whole or not at all.
///
/// The module `testkit` (feature `testkit`) checks it. When the store is also a
/// [`MessageStore`](crate::MessageStore) and was closed, all calls fail with [`StoreError::Closed`].
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Saves sessions, each in the place of an earlier one with its key.
    ///
    /// A session is ended by saving it with an `expires_at` that has passed. An empty batch does
    /// nothing.
    ///
    /// # Errors
    /// Nothing was saved; see [`StoreError::is_retryable`].
    async fn save_sessions(&self, records: &[SessionRecord]) -> Result<(), StoreError>;

    /// The session with this key, if there is one that expires later than `now`.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn session(
        &self,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError>;

    /// Deletes the sessions that expire at `now` or earlier, 10,000 at the most, and says how many.
    ///
    /// # Errors
    /// Nothing was deleted; see [`StoreError::is_retryable`].
    async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, StoreError>;
}

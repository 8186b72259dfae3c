mod document;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod labels;

use async_trait::async_trait;
use chat_core::search::Phrase;
use chat_core::{Audience, Feed, NicknameKey, Offset, UserId};

pub use self::document::Document;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use self::labels::{of_document, of_scope, of_writer};
use crate::{StoreError, Trimmed};

/// An index of the words of a log, which says where they are.
///
/// It follows the log: whatever has read the messages up to an offset tells the index about them.
///
/// ```text
///   the log     … 94 95 96 97 98 99
///       position() ┘  └──┬──┘
///                        └ apply(after: 94, upto: 97, what these say and change)
/// ```
///
/// # Contract
///
/// - **Whole.** A batch and the new position are stored together or not at all.
/// - **In order, by one.** A batch that does not begin at the position changes nothing ([`IndexAdvanced::Elsewhere`]): of
///   several processes that index the same messages, one does.
/// - **Its own log and version.** An index of another log, or with tokens of another version, has position
///   [`Offset::ZERO`], and the next batch replaces all of it.
/// - **Behind, never wrong for long.** The log is what counts: an index may lose its newest batches in a power cut, with
///   their position, and does not know of messages that are not applied yet. So read each message that it finds
///   before it is shown.
/// - **Deleted.** What was [removed](IndexChange::Remove) or replaced disappears from the index as far and as soon as
///   deleted messages disappear from the store.
/// - **Beside the log.** No call delays [`append`](crate::MessageStore::append).
/// - **Cancel safe.** A dropped call has happened completely or not at all.
///
/// The module `testkit` (feature `testkit`) checks the contract. After the store was closed, all calls fail with
/// [`StoreError::Closed`].
#[async_trait]
pub trait SearchIndex: Send + Sync + 'static {
    /// Returns the offset up to which an index of this version of tokens has the log.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn position(&self, version: u32) -> Result<Offset, StoreError>;

    /// Applies a batch, and moves the position to its end.
    ///
    /// # Errors
    /// Nothing was applied; see [`StoreError::is_retryable`].
    async fn apply(&self, batch: &IndexBatch) -> Result<IndexAdvanced, StoreError>;

    /// Removes the messages up to an offset, a part of them with each call: see
    /// [`MessageStore::trim`](crate::MessageStore::trim). The position stays.
    ///
    /// # Errors
    /// Nothing was removed; see [`StoreError::is_retryable`].
    async fn forget_upto(&self, upto: Offset) -> Result<Trimmed, StoreError>;

    /// Removes everything; the position is then [`Offset::ZERO`].
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn clear(&self) -> Result<(), StoreError>;

    /// Returns the offsets of the newest messages that match, newest first.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn search(&self, search: &IndexSearch) -> Result<Vec<Offset>, StoreError>;
}

/// What a part of the log changes in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexBatch {
    /// The version of the tokens: [`TOKENS_VERSION`](chat_core::search::TOKENS_VERSION).
    pub version: u32,
    /// The position before.
    pub after: Offset,
    /// The position then.
    pub upto: Offset,
    /// The changes, one for each offset.
    pub changes: Vec<IndexChange>,
}

/// One change of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexChange {
    /// The words of a message, instead of those it had.
    Put(Document),
    /// The message at this offset has no words any more, or never had.
    Remove(Offset),
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexAdvanced {
    /// It is applied.
    Done,
    /// The position is another one: nothing was applied.
    Elsewhere(Offset),
}

/// What an index is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSearch {
    /// What each message must have, all of it.
    pub with: Vec<Phrase>,
    /// What they must not have.
    pub without: Vec<Phrase>,
    /// Where to look.
    pub scope: SearchScope,
    /// Who has written them; anybody if empty.
    pub writers: Vec<Writer>,
    /// Only messages after this one.
    pub after: Offset,
    /// Only messages before this one.
    pub before: Option<Offset>,
    /// Maximum number of messages.
    pub limit: usize,
}

/// Where an index looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchScope {
    /// In all rooms and in all private messages.
    Everything,
    /// In all rooms.
    Rooms,
    /// In these feeds.
    Feeds(Vec<Feed>),
}

/// Who has written a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writer {
    /// This user, under whatever name.
    User(UserId),
    /// Nobody known, under this nickname: what an application says, for example.
    Name(NicknameKey),
}

impl IndexChange {
    /// Returns the offset of the message.
    pub fn offset(&self) -> Offset {
        match self {
            Self::Put(document) => document.offset,
            Self::Remove(offset) => *offset,
        }
    }
}

impl IndexSearch {
    /// Creates a search for all messages, at most this many.
    pub fn all(limit: usize) -> Self {
        Self {
            with: Vec::new(),
            without: Vec::new(),
            scope: SearchScope::Everything,
            writers: Vec::new(),
            after: Offset::ZERO,
            before: None,
            limit,
        }
    }

    /// Returns whether a message matches, for stores that look at each one.
    pub fn matches(&self, document: &Document) -> bool {
        let is_in_range = document.offset > self.after
            && self.before.is_none_or(|before| document.offset < before);
        is_in_range
            && self.scope.contains(&document.audience)
            && (self.writers.is_empty()
                || document.writer().is_some_and(|it| self.writers.contains(&it)))
            && self.with.iter().all(|phrase| document.has(phrase))
            && !self.without.iter().any(|phrase| document.has(phrase))
    }
}

impl SearchScope {
    /// Returns whether messages for this audience are in it.
    pub fn contains(&self, audience: &Audience) -> bool {
        match self {
            Self::Everything => true,
            Self::Rooms => audience.room().is_some(),
            Self::Feeds(feeds) => feeds.iter().any(|feed| feed.contains(audience)),
        }
    }
}

use async_trait::async_trait;
use chat_core::{Epoch, Feed, Message, NewMessage, Offset};

use crate::{Appended, NicknameStore, SessionStore, StoreError};

/// A durable, ordered log of messages.
///
/// ```text
///   offset    1    2    3    4    5
///           ┌────┬────┬────┬────┬────┐
///           │ m1 │ m2 │ m3 │ m4 │ m5 │ ◀── append: the next offset, 6
///           └────┴────┴────┴────┴────┘
///                       ▲          ▲
///                       │          └ tail() = 5
///                       └ read_after(.., 3, ..) begins with m4
/// ```
///
/// # Contract
///
/// What every store promises, and what the suite in the module `testkit` (feature `testkit`) checks:
///
/// - **Durable.** When [`append`](Self::append) returns `Ok`, the messages are committed: a crash of
///   the process does not lose them. Each store says what a power cut does.
/// - **Dense.** The first offset of a new log is 1, every stored message gets the next number, and a
///   duplicate uses none. A number is never used again. (A log that another program began may have
///   holes; it gets no new ones.)
/// - **Visible in order.** Once a reader has seen an offset, or a [`tail`](Self::tail), nothing below it
///   ever appears later. This holds over all processes that share the log.
/// - **Once.** A [client offset](chat_core::ClientOffset) names one message of its
///   [author](chat_core::Author) for as long as the log exists, also when it is appended concurrently, by
///   several processes, or twice in one batch. What others append under the same key changes nothing.
///   [`Plan`](crate::Plan) says what that means for a batch.
/// - **Whole.** A batch is stored as a whole or not at all, in its order, without other messages in
///   between. When a call fails nothing of it is visible; see
///   [`StoreError`] for the one case in which that cannot be known.
/// - **Cancel safe.** A call that is dropped before it finishes has either happened as a whole or not at
///   all. Which of the two, the client offsets tell: append again.
///
/// Stores are shared as `Arc<dyn MessageStore>` and called from many tasks at once.
#[async_trait]
pub trait MessageStore: Send + Sync + 'static {
    /// The identity of this log. It is made with the log and never changes.
    fn epoch(&self) -> &Epoch;

    /// Commits a batch, in order, and says what became of each message: the answer has the length of
    /// the batch. An empty batch does nothing.
    ///
    /// # Errors
    /// Nothing was stored; see [`StoreError::is_retryable`].
    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError>;

    /// The messages of `feeds` with offsets above `after`, in order, each once: at most `limit`, and fewer
    /// when they are large ([`Page::MAX_BYTES`]). At least one when there is one and `limit` is not 0.
    ///
    /// With `None` all messages. A feed that nobody ever wrote to is empty, not an error.
    ///
    /// # Errors
    /// Nothing was read; see [`StoreError::is_retryable`].
    async fn read_after(
        &self,
        feeds: Option<&[Feed]>,
        after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError>;

    /// The last messages of a feed with offsets below `before`, or the last of all with `None`, in the
    /// order of the log: at most `limit`, and fewer when they are large ([`Page::MAX_BYTES`]). At least one
    /// when there is one and `limit` is not 0. [`Page::more`] says whether there are others before them.
    ///
    /// # Errors
    /// Nothing was read; see [`StoreError::is_retryable`].
    async fn read_before(
        &self,
        feed: &Feed,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<Page, StoreError>;

    /// The offset of the last committed message; [`Offset::ZERO`] when there never was one.
    ///
    /// It never goes back, also when the newest messages are deleted.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn tail(&self) -> Result<Offset, StoreError>;

    /// Commits something that nobody sees, to find out whether [`append`](Self::append) would work again, and
    /// returns whether it could try: a store for which this is not written returns `false`.
    ///
    /// A server calls it from time to time after an append has failed, until one works, and never before.
    /// When this call is dropped, it has left nothing that is seen.
    ///
    /// # Errors
    /// Those that `append` would have; see [`StoreError::is_retryable`].
    async fn try_commit(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Lets go of files and connections. Calls that are under way finish first; later ones fail with
    /// [`StoreError::Closed`]. Closing twice is harmless. When this call is dropped, the store may or may not be
    /// closed; what was acknowledged is stored either way.
    async fn close(&self);
}

/// One database that keeps messages, sessions and nicknames: what [`open`](crate::open) opens.
///
/// An `Arc<dyn Store>` coerces to an `Arc` of each of the three traits. Whatever is all of them is a `Store`.
/// [`close`](MessageStore::close) closes it for all.
pub trait Store: MessageStore + SessionStore + NicknameStore {}

impl<S: MessageStore + SessionStore + NicknameStore> Store for S {}

/// Some messages of a log, in order, as [`MessageStore::read_after`] and [`MessageStore::read_before`]
/// return them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether there were more, in the direction of reading, when the page was read. If not, the page
    /// reaches the end of the log as it was when the read began, or its beginning.
    pub more: bool,
}

impl Page {
    /// A page ends with the message that brings its contents to this many bytes: 1 MiB.
    pub const MAX_BYTES: usize = 1024 * 1024;
}

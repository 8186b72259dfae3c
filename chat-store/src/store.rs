use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::{AuthorId, Epoch, Feed, Message, NewMessage, Offset, RoomId, UserId};

use crate::reactions::Given;
use crate::{
    Appended, Disk, Reactions, ReadPositionStore, RoomStore, SearchIndex, SessionStore, StoreError,
    Trim, Trimmed, UserStore,
};

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
/// The guarantees of every store, checked by the suite in the module `testkit` (feature `testkit`):
///
/// - **Durable.** When [`append`](Self::append) returns `Ok`, the messages are committed: a crash of the process does
///   not lose them. Each store documents what a power cut does.
/// - **Dense.** The first offset of a new log is 1, every stored message gets the next number, and a duplicate uses
///   none. A number is never reused. (A log that another program started may have gaps; it gets no new ones.)
/// - **Visible in order.** Once a reader has seen an offset, or a [`tail`](Self::tail), nothing below it ever appears
///   later. This holds over all processes that share the log.
/// - **Once.** A [client offset](chat_core::ClientOffset) identifies one message of its [author](chat_core::Author)
///   for as long as the log exists, even if it is appended concurrently, by several processes, or twice in one batch;
///   that of a message below the horizon at least as long as [`trim`](Self::trim) says.
///   Other authors may use the same key without effect on it. [`Plan`](crate::Plan) defines what that means for a
///   batch.
/// - **Changed.** An edit replaces the content of the message that it is about in the same commit, and a deletion removes
///   it, as [`Message::change_content`] does; contents of earlier edits of that message are removed, too. What
///   [depends on](chat_core::Kind::depends_on) a message that is not there, is of another conversation or was deleted is not
///   stored ([`Appended::Missing`]), and neither is what is [only a retry](NewMessage::is_only_retry). A retry of a message whose content was replaced is still recognised.
/// - **Horizon.** What [`trim`](Self::trim) deletes is at the beginning of the log, up to an offset that never goes back.
///   Once a call has moved it there, no read returns anything up to it, in any process, and nothing refers to it.
///   Everything after it is there.
/// - **Whole.** A batch is stored completely or not at all, in its order, without other messages in between. If a
///   call fails, nothing of it is visible; see [`StoreError`] for the one case in which that cannot be known.
/// - **Cancel safe.** A call that is dropped before it finishes has happened completely or not at all. To find out
///   which, append again: the client offsets tell.
///
/// Stores are shared as `Arc<dyn MessageStore>` and called from many tasks at once.
#[async_trait]
pub trait MessageStore: Send + Sync + 'static {
    /// Returns the identity of this log, which is created with the log and never changes.
    fn epoch(&self) -> &Epoch;

    /// Commits a batch in order, and returns the outcome of each message: as many as the batch has. An empty batch
    /// does nothing.
    ///
    /// # Errors
    /// Nothing was stored; see [`StoreError::is_retryable`].
    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError>;

    /// Returns the messages of `feeds` with offsets above `after`, in order, each one once: at most `limit`, fewer if
    /// they are large ([`Page::MAX_BYTES`]), and at least one if there is one and `limit` is not 0.
    ///
    /// `None` reads all messages. A feed without messages is empty, not an error.
    ///
    /// # Errors
    /// Nothing was read; see [`StoreError::is_retryable`].
    async fn read_after(
        &self,
        feeds: Option<&[Feed]>,
        after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError>;

    /// Returns the last messages of a feed with offsets below `before`, or the last of all with `None`, in log order:
    /// at most `limit`, fewer if they are large ([`Page::MAX_BYTES`]), and at least one if there is one and `limit`
    /// is not 0. [`Page::more`] tells whether there are earlier ones.
    ///
    /// # Errors
    /// Nothing was read; see [`StoreError::is_retryable`].
    async fn read_before(
        &self,
        feed: &Feed,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<Page, StoreError>;

    /// Returns the offset of the last committed message; [`Offset::ZERO`] if there never was one.
    ///
    /// It never decreases, even if the newest messages are deleted.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn tail(&self) -> Result<Offset, StoreError>;

    /// Returns the last offset up to which messages were [deleted](Self::trim); [`Offset::ZERO`] if none were.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn horizon(&self) -> Result<Offset, StoreError>;

    /// Deletes the beginning of the log: the first call moves the [horizon](Self::horizon), and each one does a part of the
    /// work, small enough to delay no append for long. Call it until it returns [`Trimmed::All`].
    ///
    /// Contents, names and reactions of the deleted messages are gone from where they are kept as soon as those of messages
    /// that were deleted one by one. Keys stay known until they may be forgotten.
    ///
    /// # Errors
    /// Nothing, or a part, was deleted; see [`StoreError::is_retryable`].
    async fn trim(&self, trim: &Trim) -> Result<Trimmed, StoreError>;

    /// Removes a user who is erased from these messages, in one commit: as their author, with name, and the name as the
    /// receiver of private ones, as [`Message::forget_user`] does. Contents and keys stay. What does not
    /// [concern](Message::concerns) the user, or is not there, stays as it is.
    ///
    /// What was removed is gone from where it is kept as soon as a deleted content.
    ///
    /// # Errors
    /// Nothing was changed; see [`StoreError::is_retryable`].
    async fn forget_user(&self, user: UserId, in_messages: &[Offset]) -> Result<(), StoreError>;

    /// Returns the names of rooms that have messages, in the order of their bytes: those after `after`, at most `limit`.
    ///
    /// The default implementation reads the whole log. A store that has an index of rooms walks along that instead.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn room_names(
        &self,
        after: Option<&RoomId>,
        limit: usize,
    ) -> Result<Vec<RoomId>, StoreError> {
        let (mut names, mut last) = (BTreeSet::new(), Offset::ZERO);
        loop {
            let page = self.read_after(None, last, COUNTED_AT_ONCE).await?;
            last = page.messages.last().map_or(last, |message| message.offset);
            let rooms = page.messages.into_iter().filter_map(|it| it.audience.room().cloned());
            names.extend(rooms.filter(|room| after.is_none_or(|after| room > after)));
            while names.len() > limit {
                names.pop_last();
            }
            if !page.more {
                return Ok(names.into_iter().collect());
            }
        }
    }

    /// Returns how many messages of a feed have offsets above `after`, counting up to `max`: those that were said and are
    /// [still there](Message::is_still_said).
    ///
    /// The default implementation reads them. A store that has an index counts along it instead.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn count_after(
        &self,
        feed: &Feed,
        mut after: Offset,
        max: u64,
    ) -> Result<u64, StoreError> {
        let mut count = 0;
        while count < max {
            let page =
                self.read_after(Some(std::slice::from_ref(feed)), after, COUNTED_AT_ONCE).await?;
            count += page.messages.iter().filter(|message| message.is_still_said()).count() as u64;
            match page.messages.last() {
                Some(last) if page.more => after = last.offset,
                _ => break,
            }
        }
        Ok(count.min(max))
    }

    /// Returns the reactions that are given now to these messages, those of a message in the order in which its emoji were
    /// first given; `author` is the one whose [own](Reactions::own) they may be. None of a deleted message.
    ///
    /// The default implementation reads the log from the first of these messages on.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn reactions(
        &self,
        of: &[Offset],
        author: Option<AuthorId>,
    ) -> Result<Vec<Reactions>, StoreError> {
        let horizon = self.horizon().await?;
        let of: Vec<_> = of.iter().copied().filter(|of| *of > horizon).collect();
        let mut given = Given::default();
        let mut after = of.iter().min().map_or(Offset::MAX, |first| first.previous());
        loop {
            let page = self.read_after(None, after, COUNTED_AT_ONCE).await?;
            after = page.messages.last().map_or(after, |message| message.offset);
            page.messages.iter().for_each(|message| given.note(message));
            if !page.more {
                return Ok(given.of(&of, author));
            }
        }
    }

    /// Commits something invisible to find out whether [`append`](Self::append) would work again, and returns whether
    /// it could try: the default implementation returns `false`.
    ///
    /// A server calls it from time to time after an append has failed, until one succeeds, and never otherwise. If
    /// this call is dropped, it leaves nothing visible behind.
    ///
    /// # Errors
    /// Those that `append` would have; see [`StoreError::is_retryable`].
    async fn try_commit(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Returns what the store takes on a disk; none if it is not on one or cannot say yet, as by default.
    ///
    /// Must not wait for anything but the file system. A database may have said it a while ago.
    fn disk(&self) -> Option<Disk> {
        None
    }

    /// Returns the index in which this log can be searched, kept beside it; none if the store has none, as by default.
    fn search_index(self: Arc<Self>) -> Option<Arc<dyn SearchIndex>> {
        None
    }

    /// Closes files and connections. Calls in progress finish first; later ones fail with [`StoreError::Closed`].
    /// Closing twice is harmless. If this call is dropped, the store may or may not be closed; acknowledged messages
    /// are stored either way.
    async fn close(&self);
}

/// How many messages are read at once to count them, or to look for rooms.
const COUNTED_AT_ONCE: usize = 1000;

/// One database that keeps messages, sessions, users with their nicknames, rooms and read positions: what
/// [`open`](crate::open) returns.
///
/// An `Arc<dyn Store>` coerces to an `Arc` of each of the traits. Every type that implements all of them is a `Store`.
/// [`close`](MessageStore::close) closes it for all of them.
pub trait Store: MessageStore + SessionStore + UserStore + RoomStore + ReadPositionStore {}

impl<S: MessageStore + SessionStore + UserStore + RoomStore + ReadPositionStore> Store for S {}

/// Messages of a log, in order, as returned by [`MessageStore::read_after`] and [`MessageStore::read_before`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Page {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether there were more in the direction of reading when the page was read. If not, the page reaches the end
    /// of the log at the time when the read began, or its beginning.
    pub more: bool,
    /// What was deleted from the beginning of the log when the page was read: everything up to here. A page that was read
    /// after an earlier offset may lack messages.
    pub horizon: Offset,
}

impl Page {
    /// A page ends with the message that brings its contents to this many bytes: 1 MiB.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// Creates a page of these messages, which are in the order of the log.
    pub fn new(messages: Vec<Message>, more: bool) -> Self {
        Self { messages, more, horizon: Offset::ZERO }
    }

    /// Sets the [horizon](Self::horizon).
    #[must_use]
    pub fn with_horizon(self, horizon: Offset) -> Self {
        Self { horizon, ..self }
    }

    /// Returns the part of a page that was read backwards that is above a horizon, and whether something before it may be,
    /// too.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn above(mut self, horizon: Offset) -> Self {
        let before = self.messages.len();
        self.messages.retain(|message| message.offset > horizon);
        self.more &= self.messages.len() == before;
        self.with_horizon(horizon)
    }
}

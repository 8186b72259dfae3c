use std::sync::Arc;

use chat_store::{
    MessageStore, ReadPositionStore, RoomStore, SearchIndex, SessionStore, Store, UserStore,
};

/// Where a chat keeps its messages, sessions, and users with their nicknames: what [`Chat::builder`](crate::Chat::builder) is given.
///
/// Usually one store keeps all three, and an `Arc` of it is enough: it converts. Sessions may be kept apart for speed,
/// or in memory, so that they end with the process.
///
/// ```
/// use std::sync::Arc;
///
/// use chat_server::{Chat, Stores};
/// use chat_store::MemoryStore;
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let store = chat_store::open("memory:").await?;
/// let builder = Chat::builder(Stores::new(store.clone(), Arc::new(MemoryStore::new()), store));
/// # drop(builder);
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// Each node of a chat needs the same three. A session is resumed only in the log in which it began. A store that has
/// the users but not the messages cannot tell who has private messages: unless it finds that out by itself, it
/// forgets an expired nickname with its user, and nobody gets that user's private messages any more. Users of whom nothing
/// is left are forgotten only if one store was given for everything.
#[derive(Clone)]
pub struct Stores {
    pub(super) messages: Arc<dyn MessageStore>,
    pub(super) sessions: Arc<dyn SessionStore>,
    pub(super) users: Arc<dyn UserStore>,
    pub(super) rooms: Option<Arc<dyn RoomStore>>,
    pub(super) read_positions: Option<Arc<dyn ReadPositionStore>>,
    pub(super) search: Option<Arc<dyn SearchIndex>>,
    /// Whether they are one, which can tell what is left of a user.
    pub(super) are_one: bool,
}

impl Stores {
    /// Creates them from three stores, or from clones of one.
    pub fn new(
        messages: Arc<dyn MessageStore>,
        sessions: Arc<dyn SessionStore>,
        users: Arc<dyn UserStore>,
    ) -> Self {
        let search = Arc::clone(&messages).search_index();
        Self {
            messages,
            sessions,
            users,
            rooms: None,
            read_positions: None,
            search,
            are_one: false,
        }
    }

    /// Sets where rooms with their members, bans and mutes are kept, for
    /// [`ChatBuilder::room_rules`](crate::ChatBuilder::room_rules).
    #[must_use]
    pub fn with_rooms(self, store: Arc<dyn RoomStore>) -> Self {
        Self { rooms: Some(store), are_one: false, ..self }
    }

    /// Sets where to keep how far users have read. Without it, clients cannot tell and ask that.
    #[must_use]
    pub fn with_read_positions(self, store: Arc<dyn ReadPositionStore>) -> Self {
        Self { read_positions: Some(store), are_one: false, ..self }
    }

    /// Sets the index in which messages are searched: that of the store of messages by default, if that
    /// [has one](MessageStore::search_index). With `None`, there is no search.
    #[must_use]
    pub fn with_search(self, index: Option<Arc<dyn SearchIndex>>) -> Self {
        Self { search: index, ..self }
    }
}

impl<S: Store> From<Arc<S>> for Stores {
    fn from(store: Arc<S>) -> Self {
        (store as Arc<dyn Store>).into()
    }
}

impl From<Arc<dyn Store>> for Stores {
    fn from(store: Arc<dyn Store>) -> Self {
        let stores = Self::new(store.clone(), store.clone(), store.clone())
            .with_rooms(store.clone())
            .with_read_positions(store);
        Self { are_one: true, ..stores }
    }
}

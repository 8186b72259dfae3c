use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_core::{Audience, Feed, Offset, RoomId, UserId};

/// Rooms, each with the offset after which its messages are delivered to a connection.
pub(crate) type JoinedAfter = BTreeMap<RoomId, Offset>;

/// The part of the log that a connection receives: its rooms, and its user's private messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Following {
    pub(crate) rooms: JoinedAfter,
    /// The user, and the offset after which private messages are delivered.
    pub(crate) user: Option<(UserId, Offset)>,
}

impl Following {
    /// Returns the feeds in their order.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = Feed> {
        let rooms = self.rooms.keys().cloned().map(Feed::Room);
        rooms.chain(self.user.map(|(user, _)| Feed::User(user)))
    }

    /// Returns whether a message at `offset` for `audience` is for this connection.
    fn includes(&self, audience: &Audience, offset: Offset) -> bool {
        let after = match audience {
            Audience::Room(room) => self.rooms.get(room).copied(),
            Audience::Private { from, to, .. } => {
                self.user.filter(|(user, _)| user == from || user == to).map(|(_, after)| after)
            }
        };
        after.is_some_and(|after| offset > after)
    }

    /// Raises all starting offsets to at least `cursor`.
    fn handled_upto(&mut self, cursor: Offset) {
        let offsets = self.rooms.values_mut().chain(self.user.iter_mut().map(|(_, after)| after));
        offsets.for_each(|after| *after = cursor.max(*after));
    }
}

/// The read position of one connection: what it follows, and how far that has been delivered.
///
/// The handler of the connection's requests changes it, and its subscription advances it. Both happen under one lock,
/// so that joining a room from an earlier offset can move the cursor back without omitting or repeating a message:
///
/// ```text
///   general    ● ● ● ● ● ● ● ○ ○          delivered up to 7; from there on, once the cursor is back at 7
///   rust           ◌ ◌ ◌ ◌ ◌ ◌ ◌          joined with { after: 2 }
///                ▲         ▲
///   cursor = 2 ──┘  ◀────  └ was 7
/// ```
#[derive(Debug)]
pub(crate) struct ReadPosition(Mutex<State>);

#[derive(Debug)]
struct State {
    following: Arc<Following>,
    /// Everything up to here has been handed over or is not for this connection.
    cursor: Offset,
    /// How often the cursor was moved back.
    rewinds: u64,
    /// How often a room was joined: what was read before may lack messages of it.
    joins: u64,
}

/// A snapshot of a read position.
#[derive(Debug)]
pub(crate) struct Glance {
    pub(crate) cursor: Offset,
    pub(crate) rewinds: u64,
    pub(crate) joins: u64,
    /// What the connection follows, if that has changed.
    pub(crate) following: Option<Arc<Following>>,
}

impl ReadPosition {
    pub(crate) fn new(following: Following, cursor: Offset) -> Self {
        Self(Mutex::new(State { following: Arc::new(following), cursor, rewinds: 0, joins: 0 }))
    }

    pub(crate) fn following(&self) -> Arc<Following> {
        Arc::clone(&self.lock().following)
    }

    /// Returns a snapshot for a caller that knows what the connection followed before.
    pub(crate) fn now(&self, known: &Arc<Following>) -> Glance {
        let State { following, cursor, rewinds, joins } = &*self.lock();
        let changed = (!Arc::ptr_eq(following, known)).then(|| Arc::clone(following));
        Glance { cursor: *cursor, rewinds: *rewinds, joins: *joins, following: changed }
    }

    /// Returns whether the connection is in a room.
    pub(crate) fn is_in(&self, room: &RoomId) -> bool {
        self.lock().following.rooms.contains_key(room)
    }

    /// Returns the name of a room as the connection joined it, so that messages that keep it share one text. None if
    /// the connection is not in the room.
    pub(crate) fn joined(&self, room: &RoomId) -> Option<RoomId> {
        self.lock().following.rooms.get_key_value(room).map(|(room, _)| room.clone())
    }

    /// Follows a room from `after` on. If that is before the cursor, the cursor moves back, and everything else is
    /// skipped up to where it was.
    ///
    /// `then` is called before any message of the room can be handed over. It must not block.
    pub(crate) fn join(&self, room: RoomId, after: Offset, then: impl FnOnce(&Following)) {
        let mut state = self.lock();
        let cursor = state.cursor;
        let following = Arc::make_mut(&mut state.following);
        if after < cursor {
            following.handled_upto(cursor);
        }
        following.rooms.insert(room, after);
        state.joins += 1;
        if after < cursor {
            state.cursor = after;
            state.rewinds += 1;
        }
        then(&state.following);
    }

    pub(crate) fn leave(&self, room: &RoomId) {
        Arc::make_mut(&mut self.lock().following).rooms.remove(room);
    }

    /// Follows the private messages of `user` from `after` on, replacing the previous user.
    pub(crate) fn identify(&self, user: UserId, after: Offset) {
        Arc::make_mut(&mut self.lock().following).user = Some((user, after));
    }

    /// Hands over a message and moves the cursor to it. Only moves the cursor if the message is not, or no longer,
    /// for this connection.
    ///
    /// `hand_over` returns whether it was taken; it must not block. `None` if a room was joined since
    /// `joins` was read: messages must then be read again.
    pub(crate) fn advance<T>(
        &self,
        joins: u64,
        (audience, offset): (&Audience, Offset),
        hand_over: impl FnOnce() -> Result<(), T>,
    ) -> Option<Result<(), T>> {
        let mut state = self.lock();
        if state.joins != joins {
            return None;
        }
        debug_assert!(offset > state.cursor, "messages are handed over in order, each once");
        if state.following.includes(audience, offset)
            && let Err(refused) = hand_over()
        {
            return Some(Err(refused));
        }
        state.cursor = offset;
        Some(Ok(()))
    }

    /// Moves the cursor over messages that are not for this connection, unless a room was joined since `joins` was
    /// read.
    pub(crate) fn skip_to(&self, joins: u64, upto: Offset) {
        let mut state = self.lock();
        if state.joins == joins {
            state.cursor = upto.max(state.cursor);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

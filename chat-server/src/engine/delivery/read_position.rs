use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_core::{Audience, Offset, RoomId, UserId};

use super::following::Following;
use crate::engine::planted::{self, Bug};

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
    /// How often the cursor was moved back, or a room was left. What is followed must then be saved before more is handed
    /// over: otherwise a client could go on after a message that it lacks, and recover what it followed before.
    breaks: u64,
    /// How often a room was joined or left: what was read before may lack messages of it.
    joins: u64,
    /// Whether nothing may be handed over now.
    held: bool,
}

/// A snapshot of a read position.
#[derive(Debug)]
pub(crate) struct Glance {
    pub(crate) cursor: Offset,
    pub(crate) breaks: u64,
    pub(crate) joins: u64,
    pub(crate) held: bool,
    /// What the connection follows, if that has changed.
    pub(crate) following: Option<Arc<Following>>,
}

impl ReadPosition {
    /// Creates a read position. Nothing is handed over before what is followed is saved, as after a rewind, unless it
    /// `is_saved`.
    pub(crate) fn new(following: Following, cursor: Offset, is_saved: bool) -> Self {
        let breaks = u64::from(!is_saved);
        let following = Arc::new(following);
        Self(Mutex::new(State { following, cursor, breaks, joins: 0, held: false }))
    }

    /// Returns the cursor.
    pub(crate) fn cursor(&self) -> Offset {
        self.lock().cursor
    }

    pub(crate) fn following(&self) -> Arc<Following> {
        Arc::clone(&self.lock().following)
    }

    /// Returns a snapshot for a caller that knows what the connection followed before.
    pub(crate) fn now(&self, known: &Arc<Following>) -> Glance {
        let State { following, cursor, breaks, joins, held } = &*self.lock();
        let changed = (!Arc::ptr_eq(following, known)).then(|| Arc::clone(following));
        let (cursor, breaks, joins, held) = (*cursor, *breaks, *joins, *held);
        Glance { cursor, breaks, joins, held, following: changed }
    }

    /// Returns whether the connection is in a room.
    pub(crate) fn is_in(&self, room: &RoomId) -> bool {
        self.lock().following.room(room).is_some()
    }

    /// Returns the name of a room as the connection joined it, so that messages that keep it share one text. None if
    /// the connection is not in the room.
    pub(crate) fn joined(&self, room: &RoomId) -> Option<RoomId> {
        self.lock().following.room(room).cloned()
    }

    /// Follows a room from `after` on. If that is before the cursor, the cursor moves back, and everything else is
    /// skipped up to where it was.
    ///
    /// `then` is called before any message of the room can be handed over. It must not block.
    pub(crate) fn join(&self, room: RoomId, after: Offset, then: impl FnOnce(&Following)) {
        let mut state = self.lock();
        let before = state.cursor;
        state.cursor = Arc::make_mut(&mut state.following).join(room, after, before);
        state.joins += 1;
        state.breaks += u64::from(state.cursor < before);
        then(&state.following);
    }

    /// Stops following a room. No message of it is handed over after this, and none of others before that is saved.
    pub(crate) fn leave(&self, room: &RoomId) {
        let mut state = self.lock();
        if state.following.room(room).is_some() {
            Arc::make_mut(&mut state.following).leave(room);
            // What was read before is not handed over, either.
            state.joins += 1;
            state.breaks += 1;
        }
    }

    /// Calls `then` with what is followed, which does not change meanwhile. It must not block.
    pub(crate) fn with(&self, then: impl FnOnce(&Following)) {
        then(&self.lock().following);
    }

    /// Hands over nothing from now on, until the next [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.lock().held = true;
    }

    /// Ends a [`hold`](Self::hold). The subscription must be woken.
    pub(crate) fn release(&self) {
        self.lock().held = false;
    }

    /// Follows the private messages of `user` from `after` on, replacing the previous user.
    pub(crate) fn identify(&self, user: UserId, after: Offset) {
        Arc::make_mut(&mut self.lock().following).identify(user, after);
    }

    /// Hands over a message and moves the cursor to it. Only moves the cursor if the message is not, or no longer,
    /// for this connection.
    ///
    /// `hand_over` gets the [rewinds](Following::rewinds_at) that the position there tells of, and returns whether it
    /// was taken; it must not block. `None` if a room was joined since `joins` was read, or nothing may be handed over
    /// now: messages must then be read again.
    pub(crate) fn advance<T>(
        &self,
        joins: u64,
        (audience, offset): (&Audience, Offset),
        hand_over: impl FnOnce(u32) -> Result<(), T>,
    ) -> Option<Result<(), T>> {
        let mut state = self.lock();
        let is_outdated = state.joins != joins && !planted::is(Bug::PageKeptOverJoin);
        if is_outdated || state.held {
            return None;
        }
        debug_assert!(
            offset > state.cursor || planted::is(Bug::PageKeptOverJoin),
            "messages are handed over in order, each once"
        );
        if planted::is(Bug::CursorBeforeHandOver) {
            state.cursor = offset;
        }
        if state.following.includes(audience, offset)
            && let Err(refused) = hand_over(state.following.rewinds_at(offset))
        {
            return Some(Err(refused));
        }
        state.cursor = offset;
        Some(Ok(()))
    }

    /// Hands over that everything up to an offset was deleted, and moves the cursor there; otherwise as
    /// [`advance`](Self::advance).
    pub(crate) fn pass<T>(
        &self,
        joins: u64,
        upto: Offset,
        hand_over: impl FnOnce(u32) -> Result<(), T>,
    ) -> Option<Result<(), T>> {
        let mut state = self.lock();
        if state.joins != joins || state.held {
            return None;
        }
        if let Err(refused) = hand_over(state.following.rewinds_at(upto)) {
            return Some(Err(refused));
        }
        state.cursor = upto.max(state.cursor);
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

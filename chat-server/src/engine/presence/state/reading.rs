use std::sync::Arc;

use chat_core::event::{READ, Seen};
use chat_core::{Nickname, Offset, PresenceId, RoomId, UserId};

use super::super::room::ConnectionKey;
use super::State;
use super::pacing::TOLD_UP_TO;
use crate::engine::delivery::EphemeralEvent;

impl State {
    /// Takes a connection's report that its user has read a room. Ignored if it is not in the room.
    pub(in crate::engine::presence) fn read(
        &mut self,
        key: ConnectionKey,
        room: &RoomId,
        offset: Offset,
    ) {
        let Some(who) = self.presence_id(key, room) else { return };
        let is_told = self.tell_read(room, who, Some(key), offset);
        let is_elsewhere = self.rooms.get(room).is_some_and(|state| state.is_elsewhere(who));
        if is_told || is_elsewhere {
            self.report.read(room, who, offset);
        }
    }

    /// Tells a room that a user, here or on another node, has read it, and the user's own connections in the room but the
    /// one that has `said` so. Returns whether the others are told: not if the room is large, or gets too many updates.
    pub(in crate::engine::presence) fn tell_read(
        &mut self,
        room: &RoomId,
        who: PresenceId,
        said: Option<ConnectionKey>,
        offset: Offset,
    ) -> bool {
        let Some(nickname) = self.rooms.get(room).and_then(|state| state.shown(who)) else {
            return false;
        };
        let Some(user) = who.as_user() else { return false };
        let seen = Seen::new(room.clone(), user, nickname, offset);
        self.tell_own(who, said, Some(room), &seen);
        if self.count(room) > TOLD_UP_TO || !self.may_tell_typing(room, who) {
            return false;
        }
        self.tell(room, who, || EphemeralEvent::new(READ, &seen));
        true
    }

    /// Takes a connection's report that its user has read the private messages with another user.
    pub(in crate::engine::presence) fn read_privately(
        &mut self,
        key: ConnectionKey,
        with: UserId,
        offset: Offset,
    ) {
        let Some(user) = self.user_of(key) else { return };
        let who = PresenceId::user(user);
        self.tell_read_privately(who, Some(key), with, offset);
        self.report.read_privately(who, with, offset);
    }

    /// Tells a user's connections, but the one that has `said` so, that the user has read private messages.
    pub(in crate::engine::presence) fn tell_read_privately(
        &self,
        who: PresenceId,
        said: Option<ConnectionKey>,
        with: UserId,
        offset: Offset,
    ) {
        let Some(user) = who.as_user() else { return };
        let nickname: Option<Nickname> = self.nickname_of(who);
        self.tell_own(who, said, None, &Seen::privately(with, user, nickname, offset));
    }

    /// Sends what a user has read to the user's own connections, those in a room if one is given. The event is created
    /// only if there are any.
    fn tell_own(
        &self,
        who: PresenceId,
        said: Option<ConnectionKey>,
        room: Option<&RoomId>,
        seen: &Seen,
    ) {
        let mut queues = self.own_connections(who, said, room).peekable();
        if queues.peek().is_some()
            && let Some(event) = EphemeralEvent::new(READ, seen)
        {
            queues.for_each(|queue| queue.push(Arc::clone(&event)));
        }
    }
}

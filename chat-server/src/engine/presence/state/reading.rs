use chat_core::event::{READ, Seen};
use chat_core::{Offset, PresenceId, RoomId};

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
        if self.tell_read(room, who, offset) {
            self.report.read(room, who, offset);
        }
    }

    /// Tells a room that a user, here or on another node, has read it. Returns whether the room is told: not if it is
    /// large, or gets too many updates.
    pub(in crate::engine::presence) fn tell_read(
        &mut self,
        room: &RoomId,
        who: PresenceId,
        offset: Offset,
    ) -> bool {
        let Some(nickname) = self.rooms.get(room).and_then(|state| state.shown(who)) else {
            return false;
        };
        let Some(user) = who.as_user() else { return false };
        if self.count(room) > TOLD_UP_TO || !self.may_tell_typing(room, who) {
            return false;
        }
        let seen = Seen::new(room.clone(), user, nickname, offset);
        self.tell(room, who, || EphemeralEvent::new(READ, &seen));
        true
    }
}

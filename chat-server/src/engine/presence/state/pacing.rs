use chat_core::event::{USER_JOINED, USER_LEFT, UserChange};
use chat_core::{PresenceId, RoomId};

use super::super::pace::{Pace, Shown, Untold, differ};
use super::State;
use crate::engine::delivery::EphemeralEvent;

/// In a room with more users, joining, leaving and typing is not announced: each user would have to hear of every
/// other one, which grows with the square. They are counted all the same.
pub(super) const TOLD_UP_TO: usize = 100;

impl State {
    /// Tells a room that a user has joined or left it, or has another nickname, now or when it is its turn. `known` is
    /// how it was before.
    pub(in crate::engine::presence) fn tell_change(
        &mut self,
        room: &RoomId,
        who: PresenceId,
        known: &Shown,
    ) {
        let now = self.shown(room, who);
        if !self.is_told(room, now.is_some()) {
            return;
        }
        if self.pace(room, who).is_none_or(|pace| pace.admits(who, known)) {
            self.send_change(room, who, known.clone(), now);
        } else {
            self.paced.insert(room.clone());
        }
    }

    /// Returns whether a change of typing, or what was read, may be sent now. Only users that others know to be present can
    /// type and read.
    pub(in crate::engine::presence) fn may_tell_typing(
        &mut self,
        room: &RoomId,
        who: PresenceId,
    ) -> bool {
        self.pace(room, who)
            .is_none_or(|pace| !pace.untold.contains_key(&who) && pace.bucket.take(1).is_ok())
    }

    /// Updates that must be sent at once count too.
    pub(in crate::engine::presence) fn count_told(&mut self, room: &RoomId, who: PresenceId) {
        if let Some(pace) = self.pace(room, who) {
            pace.bucket.overdraw(1);
        }
    }

    /// Sends the updates whose turn has come.
    pub(in crate::engine::presence) fn tick_paced(&mut self) {
        for room in std::mem::take(&mut self.paced) {
            while let Some((who, known)) = self.next_untold(&room) {
                let now = self.shown(&room, who);
                if self.is_told(&room, now.is_some()) {
                    self.send_change(&room, who, known, now);
                }
            }
            let pace = self.rooms.get(&room).and_then(|state| state.pace.as_deref());
            if pace.is_some_and(|pace| !pace.turns.is_empty()) {
                self.paced.insert(room);
            }
        }
    }

    /// Returns a user whose state others do not know, if it may be sent now, and what they know.
    fn next_untold(&mut self, room: &RoomId) -> Option<(PresenceId, Shown)> {
        let state = self.rooms.get_mut(room)?;
        let mut pace = state.pace.take()?;
        let mut next = None;
        while next.is_none()
            && let Some(&who) = pace.turns.front()
        {
            let now = state.shown(who);
            let is_news = |untold: &Untold| differ(&untold.known, &now);
            if pace.untold.get(&who).is_some_and(is_news) && pace.bucket.take(1).is_err() {
                break;
            }
            pace.turns.pop_front();
            let untold = pace.untold.remove(&who).filter(is_news);
            next = untold.map(|untold| (who, untold.known));
        }
        state.pace = Some(pace);
        next
    }

    /// Returns whether the room is small enough for updates.
    fn is_told(&self, room: &RoomId, joined: bool) -> bool {
        // One fewer after a user has left than when its joining was announced.
        self.count(room) < TOLD_UP_TO + usize::from(joined)
    }

    /// Who has another nickname leaves under the old one and joins under the new one.
    fn send_change(&mut self, room: &RoomId, who: PresenceId, known: Shown, now: Shown) {
        let users = self.count(room);
        if known.is_some() && now.is_some() {
            self.count_told(room, who);
        }
        if let Some(nickname) = known {
            let left = UserChange::new(room.clone(), nickname, users - usize::from(now.is_some()))
                .with_user(who.as_user());
            self.tell(room, who, || EphemeralEvent::new(USER_LEFT, &left));
        }
        if let Some(nickname) = now {
            let joined = UserChange::new(room.clone(), nickname, users).with_user(who.as_user());
            self.tell(room, who, || EphemeralEvent::new(USER_JOINED, &joined));
        }
    }

    /// Returns how a user is in a room now.
    fn shown(&self, room: &RoomId, who: PresenceId) -> Shown {
        self.rooms.get(room)?.shown(who)
    }

    /// Returns the limit on updates about a user; none if there is no limit, or nobody here would receive them.
    fn pace(&mut self, room: &RoomId, who: PresenceId) -> Option<&mut Pace> {
        let rate = self.ephemeral?;
        let state = self.rooms.get_mut(room)?;
        state.connections_but(who).next()?;
        Some(state.pace.get_or_insert_with(|| Box::new(Pace::new(rate))))
    }
}

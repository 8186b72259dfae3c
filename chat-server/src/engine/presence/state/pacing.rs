use chat_core::event::{USER_JOINED, USER_LEFT, UserChange};
use chat_core::{Nickname, PresenceId, RoomId};

use super::super::pace::{Pace, Untold};
use super::State;
use crate::engine::delivery::EphemeralEvent;

/// In a room with more users, joining, leaving and typing is not announced: each user would have to hear of every
/// other one, which grows with the square. They are counted all the same.
pub(super) const TOLD_UP_TO: usize = 100;

impl State {
    /// Tells a room that a user has joined or left it, now or when it is its turn.
    pub(in crate::engine::presence) fn tell_change(
        &mut self,
        room: &RoomId,
        who: PresenceId,
        nickname: Option<&Nickname>,
        joined: bool,
    ) {
        if !self.is_told(room, joined) {
            return;
        }
        if self.pace(room, who).is_none_or(|pace| pace.admits(who, nickname, joined)) {
            self.send_change(room, who, nickname.cloned(), joined);
        } else {
            self.paced.insert(room.clone());
        }
    }

    /// Returns whether a change of typing may be sent now. Only users that others know to be present can type.
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
            while let Some((who, nickname, joined)) = self.next_untold(&room) {
                if self.is_told(&room, joined) {
                    self.send_change(&room, who, nickname, joined);
                }
            }
            let pace = self.rooms.get(&room).and_then(|state| state.pace.as_deref());
            if pace.is_some_and(|pace| !pace.turns.is_empty()) {
                self.paced.insert(room);
            }
        }
    }

    /// Returns a user whose state others do not know, if it may be sent now.
    fn next_untold(&mut self, room: &RoomId) -> Option<(PresenceId, Option<Nickname>, bool)> {
        let state = self.rooms.get_mut(room)?;
        let mut pace = state.pace.take()?;
        let mut next = None;
        while next.is_none()
            && let Some(&who) = pace.turns.front()
        {
            let is_present = state.contains(who);
            let is_news = |untold: &Untold| untold.was_present != is_present;
            if pace.untold.get(&who).is_some_and(is_news) && pace.bucket.take(1).is_err() {
                break;
            }
            pace.turns.pop_front();
            next = pace
                .untold
                .remove(&who)
                .filter(is_news)
                .map(|untold| (who, untold.nickname, is_present));
        }
        state.pace = Some(pace);
        next
    }

    /// Returns whether the room is small enough for updates.
    fn is_told(&self, room: &RoomId, joined: bool) -> bool {
        // One fewer after a user has left than when its joining was announced.
        self.count(room) < TOLD_UP_TO + usize::from(joined)
    }

    fn send_change(&self, room: &RoomId, who: PresenceId, name: Option<Nickname>, joined: bool) {
        let change = UserChange::new(room.clone(), name, self.count(room));
        let event = if joined { USER_JOINED } else { USER_LEFT };
        self.tell(room, who, || EphemeralEvent::new(event, &change));
    }

    /// Returns the limit on updates about a user; none if there is no limit, or nobody here would receive them.
    fn pace(&mut self, room: &RoomId, who: PresenceId) -> Option<&mut Pace> {
        let rate = self.ephemeral?;
        let state = self.rooms.get_mut(room)?;
        state.connections_but(who).next()?;
        Some(state.pace.get_or_insert_with(|| Box::new(Pace::new(rate))))
    }
}

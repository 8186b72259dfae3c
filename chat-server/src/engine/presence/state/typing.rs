use std::time::Duration;

use chat_core::event::{TYPING, Typing};
use chat_core::{Nickname, PresenceId, RoomId};
use tokio::time::Instant;

use super::super::room::{ConnectionKey, Room};
use super::super::typing::TypingState;
use super::State;
use super::pacing::TOLD_UP_TO;
use crate::engine::delivery::EphemeralEvent;

/// How long a user counts as typing without a new report.
const LASTS: Duration = Duration::from_secs(5);

/// With this many typing users, more from other nodes are ignored: each one is checked all the time.
const MAX_TYPING: usize = 10_000;

impl State {
    /// Takes a connection's report whether it is typing. Ignored if it is not in the room, and not announced if too
    /// many are.
    pub(in crate::engine::presence) fn typing(
        &mut self,
        key: ConnectionKey,
        room: &RoomId,
        typing: bool,
        now: Instant,
    ) {
        if let Some(who) = self.presence_id(key, room) {
            self.set_typing(room, who, typing, true, now);
        }
    }

    /// Notes that a user has started or stopped typing, here or on another node.
    pub(in crate::engine::presence) fn set_typing(
        &mut self,
        room: &RoomId,
        who: PresenceId,
        typing: bool,
        here: bool,
        now: Instant,
    ) {
        // The end of typing is announced even if the room has grown.
        let is_heard = |state: &Room| state.contains(who) && (!typing || state.len() <= TOLD_UP_TO);
        if !self.rooms.get(room).is_some_and(is_heard) {
            return;
        }
        let key = (room.clone(), who);
        if typing && !here && self.typing_states.len() >= MAX_TYPING {
            return;
        }
        if typing {
            let new = TypingState { until: None, told: None, shown: false, here };
            let entry = self.typing_states.entry(key).or_insert(new);
            entry.until = Some(now + LASTS);
            entry.here = here;
        } else if let Some(entry) = self.typing_states.get_mut(&key) {
            entry.until = None;
            entry.here |= here;
        }
        self.tell_typing(room, who, typing, now);
    }

    /// Ends typing that has lasted long enough, and sends waiting updates.
    pub(in crate::engine::presence) fn tick_typing(&mut self, now: Instant) {
        let mut due = Vec::new();
        self.typing_states.retain(|key, entry| {
            if entry.until.is_some_and(|until| until <= now) {
                entry.until = None;
                // Other nodes end it by themselves.
                entry.here = false;
            }
            if entry.shown != entry.until.is_some() {
                due.push(key.clone());
            }
            entry.shown || entry.until.is_some() || entry.rests(now)
        });
        for (room, who) in due {
            self.tell_typing(&room, who, false, now);
        }
    }

    /// Ends a user's typing in a room that it has left.
    pub(in crate::engine::presence) fn rest(
        &mut self,
        room: &RoomId,
        who: PresenceId,
        nickname: Option<Nickname>,
    ) {
        if self.typing_states.is_empty() {
            return;
        }
        let entry = self.typing_states.remove(&(room.clone(), who));
        if entry.is_some_and(|entry| entry.shown) {
            self.count_told(room, who);
            self.send_typing(room, who, nickname, false);
        }
    }

    /// Announces typing that others do not know about, or should hear of `again`.
    fn tell_typing(&mut self, room: &RoomId, who: PresenceId, again: bool, now: Instant) {
        let Some(entry) = self.typing_states.get_mut(&(room.clone(), who)) else { return };
        let types = entry.until.is_some();
        let is_news = types != entry.shown || types && again;
        if !is_news || types && entry.rests(now) || !self.may_tell_typing(room, who) {
            return;
        }
        let Some(entry) = self.typing_states.get_mut(&(room.clone(), who)) else { return };
        entry.shown = types;
        if types {
            entry.told = Some(now);
        }
        if entry.here {
            self.report.typing(room, who, types);
        }
        let nickname = self.rooms.get(room).and_then(|state| state.shown(who)).flatten();
        self.send_typing(room, who, nickname, types);
    }

    fn send_typing(
        &self,
        room: &RoomId,
        who: PresenceId,
        nickname: Option<Nickname>,
        typing: bool,
    ) {
        let argument = Typing::new(room.clone(), nickname, typing).with_user(who.as_user());
        self.tell(room, who, || EphemeralEvent::new(TYPING, &argument));
    }
}

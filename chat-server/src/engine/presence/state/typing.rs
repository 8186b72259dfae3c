use std::time::Duration;

use chat_core::{MemberId, Nickname, RoomId, TYPING, Typing};
use tokio::time::Instant;

use super::super::room::{ConnectionKey, Room};
use super::super::typing::Typist;
use super::State;
use super::pacing::TOLD_UP_TO;
use crate::engine::delivery::Notice;

/// How long a member counts as typing without a new report.
const LASTS: Duration = Duration::from_secs(5);

/// With this many typing members, more from other nodes are ignored: each one is checked all the time.
const TYPISTS: usize = 10_000;

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
        if let Some(member) = self.member(key, room) {
            self.set_typing(room, member, typing, true, now);
        }
    }

    /// Notes that a member has started or stopped typing, here or on another node.
    pub(in crate::engine::presence) fn set_typing(
        &mut self,
        room: &RoomId,
        member: MemberId,
        typing: bool,
        here: bool,
        now: Instant,
    ) {
        // The end of typing is announced even if the room has grown.
        let is_heard =
            |state: &Room| state.contains(member) && (!typing || state.len() <= TOLD_UP_TO);
        if !self.rooms.get(room).is_some_and(is_heard) {
            return;
        }
        let key = (room.clone(), member);
        if typing && !here && self.typists.len() >= TYPISTS {
            return;
        }
        if typing {
            let new = Typist { until: None, told: None, shown: false, here };
            let typist = self.typists.entry(key).or_insert(new);
            typist.until = Some(now + LASTS);
            typist.here = here;
        } else if let Some(typist) = self.typists.get_mut(&key) {
            typist.until = None;
            typist.here |= here;
        }
        self.tell_typing(room, member, typing, now);
    }

    /// Ends typing that has lasted long enough, and sends waiting updates.
    pub(in crate::engine::presence) fn tick_typing(&mut self, now: Instant) {
        let mut due = Vec::new();
        self.typists.retain(|key, typist| {
            if typist.until.is_some_and(|until| until <= now) {
                typist.until = None;
                // Other nodes end it by themselves.
                typist.here = false;
            }
            if typist.shown != typist.until.is_some() {
                due.push(key.clone());
            }
            typist.shown || typist.until.is_some() || typist.rests(now)
        });
        for (room, member) in due {
            self.tell_typing(&room, member, false, now);
        }
    }

    /// Ends a member's typing in a room that it has left.
    pub(in crate::engine::presence) fn rest(
        &mut self,
        room: &RoomId,
        member: MemberId,
        nickname: Option<Nickname>,
    ) {
        if self.typists.is_empty() {
            return;
        }
        let typist = self.typists.remove(&(room.clone(), member));
        if typist.is_some_and(|typist| typist.shown) {
            self.count_told(room, member);
            self.notice_typing(room, member, nickname, false);
        }
    }

    /// Announces typing that others do not know about, or should hear of `again`.
    fn tell_typing(&mut self, room: &RoomId, member: MemberId, again: bool, now: Instant) {
        let Some(typist) = self.typists.get_mut(&(room.clone(), member)) else { return };
        let types = typist.until.is_some();
        let is_news = types != typist.shown || types && again;
        if !is_news || types && typist.rests(now) || !self.may_tell_typing(room, member) {
            return;
        }
        let Some(typist) = self.typists.get_mut(&(room.clone(), member)) else { return };
        typist.shown = types;
        if types {
            typist.told = Some(now);
        }
        if typist.here {
            self.report.typing(room, member, types);
        }
        let nickname = self.rooms.get(room).and_then(|state| state.nickname(member));
        self.notice_typing(room, member, nickname, types);
    }

    fn notice_typing(
        &self,
        room: &RoomId,
        member: MemberId,
        nickname: Option<Nickname>,
        typing: bool,
    ) {
        let argument = Typing { room: room.clone(), nickname, typing };
        self.tell(room, member, || Notice::new(TYPING, &argument));
    }
}

//! How often a room is told something: in a room where people come, go and type all the time, each of them would
//! flood all the others. When there is too much to tell, the latest of each member is told when its turn comes, and
//! nothing when that is what others know already.

use std::collections::{HashMap, VecDeque};

use chat_core::{MemberId, Nickname, RoomId, USER_JOINED, USER_LEFT, UserChange};

use super::TOLD_UP_TO;
use super::state::State;
use crate::engine::delivery::Notice;
use crate::engine::rate::{Bucket, Rate};

/// Of how many members a room may still have to be told. With more, it is not told of those that wait longest.
const UNTOLD: usize = 256;

/// What a room may be told now, and what it could not be told yet.
#[derive(Debug)]
pub(super) struct Pace {
    bucket: Bucket,
    /// Those of whom others do not know the latest, in the order of their turns.
    turns: VecDeque<MemberId>,
    untold: HashMap<MemberId, Untold>,
}

#[derive(Debug)]
struct Untold {
    /// What others take it for.
    was_present: bool,
    nickname: Option<Nickname>,
}

impl Pace {
    fn new(rate: Rate) -> Self {
        Self { bucket: Bucket::new(rate), turns: VecDeque::new(), untold: HashMap::new() }
    }

    /// How many wait for their turn.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.turns.len().max(self.untold.len())
    }

    /// Whether a change of a member can be told now; else it has to wait for its turn.
    fn admits(&mut self, member: MemberId, nickname: Option<&Nickname>, joined: bool) -> bool {
        if let Some(untold) = self.untold.get_mut(&member) {
            untold.nickname = nickname.cloned();
            return false;
        }
        if self.turns.is_empty() && self.bucket.take(1).is_ok() {
            return true;
        }
        if self.turns.len() >= UNTOLD
            && let Some(oldest) = self.turns.pop_front()
        {
            self.untold.remove(&oldest);
        }
        self.turns.push_back(member);
        let untold = Untold { was_present: !joined, nickname: nickname.cloned() };
        self.untold.insert(member, untold);
        false
    }
}

impl State {
    /// Tells those in a room that a member has joined or left it, now or when it is its turn.
    pub(super) fn tell_change(
        &mut self,
        room: &RoomId,
        member: MemberId,
        nickname: Option<&Nickname>,
        joined: bool,
    ) {
        if !self.is_told(room, joined) {
            return;
        }
        if self.pace(room, member).is_none_or(|pace| pace.admits(member, nickname, joined)) {
            self.notice_change(room, member, nickname.cloned(), joined);
        } else {
            self.paced.insert(room.clone());
        }
    }

    /// Whether it is told now that a member types or does not. Only those type of whom others know that they are there.
    pub(super) fn may_tell_typing(&mut self, room: &RoomId, member: MemberId) -> bool {
        self.pace(room, member)
            .is_none_or(|pace| !pace.untold.contains_key(&member) && pace.bucket.take(1).is_ok())
    }

    /// What has to be told at once counts too.
    pub(super) fn count_told(&mut self, room: &RoomId, member: MemberId) {
        if let Some(pace) = self.pace(room, member) {
            pace.bucket.overdraw(1);
        }
    }

    /// Tells what had to wait for its turn.
    pub(super) fn tick_paced(&mut self) {
        for room in std::mem::take(&mut self.paced) {
            while let Some((member, nickname, joined)) = self.next_untold(&room) {
                if self.is_told(&room, joined) {
                    self.notice_change(&room, member, nickname, joined);
                }
            }
            let pace = self.rooms.get(&room).and_then(|state| state.pace.as_deref());
            if pace.is_some_and(|pace| !pace.turns.is_empty()) {
                self.paced.insert(room);
            }
        }
    }

    /// A member of whom others know what is not so, if it may be told now.
    fn next_untold(&mut self, room: &RoomId) -> Option<(MemberId, Option<Nickname>, bool)> {
        let state = self.rooms.get_mut(room)?;
        let mut pace = state.pace.take()?;
        let mut next = None;
        while next.is_none()
            && let Some(&member) = pace.turns.front()
        {
            let is_present = state.contains(member);
            let is_news = |untold: &Untold| untold.was_present != is_present;
            if pace.untold.get(&member).is_some_and(is_news) && pace.bucket.take(1).is_err() {
                break;
            }
            pace.turns.pop_front();
            next = pace
                .untold
                .remove(&member)
                .filter(is_news)
                .map(|untold| (member, untold.nickname, is_present));
        }
        state.pace = Some(pace);
        next
    }

    /// Whether the room is so small that it is told of a change.
    fn is_told(&self, room: &RoomId, joined: bool) -> bool {
        // One fewer when one has left than when its joining was told of.
        self.count(room) < TOLD_UP_TO + usize::from(joined)
    }

    fn notice_change(&self, room: &RoomId, member: MemberId, name: Option<Nickname>, joined: bool) {
        let change = UserChange { room: room.clone(), nickname: name, users: self.count(room) };
        let event = if joined { USER_JOINED } else { USER_LEFT };
        self.tell(room, member, || Notice::new(event, &change));
    }

    /// How often those in a room may be told of a member; none when as often as there is something to tell, or when
    /// nobody here would hear it.
    fn pace(&mut self, room: &RoomId, member: MemberId) -> Option<&mut Pace> {
        let rate = self.notices?;
        let state = self.rooms.get_mut(room)?;
        state.connections_but(member).next()?;
        Some(state.pace.get_or_insert_with(|| Box::new(Pace::new(rate))))
    }
}

//! How often a room is told something: in a room where people come, go and type all the time, each of them would
//! flood all the others. When there is too much to tell, the latest of each member is told when its turn comes, and
//! nothing when that is what others know already.

use std::collections::{HashMap, VecDeque};

use chat_core::{MemberId, Nickname};

use crate::engine::rate::{Bucket, Rate};

/// Of how many members a room may still have to be told. With more, it is not told of those that wait longest.
const UNTOLD: usize = 256;

/// What a room may be told now, and what it could not be told yet.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) bucket: Bucket,
    /// Those of whom others do not know the latest, in the order of their turns.
    pub(super) turns: VecDeque<MemberId>,
    pub(super) untold: HashMap<MemberId, Untold>,
}

#[derive(Debug)]
pub(super) struct Untold {
    /// What others take it for.
    pub(super) was_present: bool,
    pub(super) nickname: Option<Nickname>,
}

impl Pace {
    pub(super) fn new(rate: Rate) -> Self {
        Self { bucket: Bucket::new(rate), turns: VecDeque::new(), untold: HashMap::new() }
    }

    /// How many wait for their turn.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.turns.len().max(self.untold.len())
    }

    /// Whether a change of a member can be told now; else it has to wait for its turn.
    pub(super) fn admits(
        &mut self,
        member: MemberId,
        nickname: Option<&Nickname>,
        joined: bool,
    ) -> bool {
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

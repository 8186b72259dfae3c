use std::collections::BTreeMap;

use chat_core::{Audience, Feed, Offset, RoomId, UserId};
use serde::{Deserialize, Serialize};

use crate::engine::planted::{self, Bug};

#[cfg(test)]
mod tests;

/// Maximum number of rewinds that are remembered. A join uses up one only if its client was sent a message since the one
/// before. A client that may have seen none of so many cannot resume.
const MAX_REWINDS: usize = 32;

/// The part of the log that a connection receives: its rooms, and its user's private messages.
///
/// It also knows what was followed before each of the last rewinds. A connection may break when the cursor has just
/// moved back. The client's position is then from before the rewind or from after it, and what it lacks is not the
/// same. So messages that are handed over between a rewind and the offset where it began tell the number of rewinds
/// before them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Following {
    /// The least position that a client can have: that of one that has got nothing.
    pub(crate) start: Offset,
    pub(crate) rooms: BTreeMap<RoomId, Since>,
    pub(crate) user: Option<(UserId, Since)>,
    pub(crate) past: Past,
}

/// From where on a feed is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SinceForm", into = "SinceForm")]
pub(crate) struct Since {
    /// The offset after which it is.
    after: Offset,
    /// The number of remembered rewinds before. At each later one, everything up to where the cursor was counts as
    /// handed over.
    rewinds: usize,
}

/// How [`Since`] is saved: usually there are no rewinds.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SinceForm {
    After(Offset),
    AfterRewinds(Offset, usize),
}

/// The rewinds of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Past {
    /// How many there were that are not remembered.
    forgotten: u32,
    /// Up to here, a position that tells of no rewinds may be from before one that was forgotten unseen.
    unclear_upto: Offset,
    /// The later ones, the oldest first.
    rewinds: Vec<Rewind>,
}

/// A move back of the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Rewind {
    from: Offset,
    to: Offset,
}

impl Following {
    /// Creates what a connection follows at first: rooms and a user, each from an offset on.
    pub(crate) fn new(rooms: BTreeMap<RoomId, Since>, user: Option<(UserId, Since)>) -> Self {
        let all = rooms.values().chain(user.iter().map(|(_, since)| since));
        let start = all.map(|since| since.after).min().unwrap_or_default();
        Self { start, rooms, user, past: Past::default() }
    }

    /// Counts rewinds from this number on.
    pub(crate) fn after_rewinds(mut self, rewinds: u32) -> Self {
        self.past.forgotten = rewinds;
        self
    }

    /// Returns the room of this name, as the connection joined it; none if it has not.
    pub(crate) fn room(&self, room: &RoomId) -> Option<&RoomId> {
        self.rooms.get_key_value(room).map(|(room, _)| room)
    }

    /// Returns the feeds in their order.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = Feed> {
        let rooms = self.rooms.keys().cloned().map(Feed::Room);
        rooms.chain(self.user.map(|(user, _)| Feed::User(user)))
    }

    /// Returns whether a message at `offset` for `audience` is for this connection.
    pub(crate) fn includes(&self, audience: &Audience, offset: Offset) -> bool {
        let since = match audience {
            Audience::Room(room) => self.rooms.get(room),
            Audience::Private { from, to, .. } => {
                self.user.as_ref().filter(|(user, _)| user == from || user == to).map(|it| &it.1)
            }
        };
        since.is_some_and(|Since { after, rewinds }| {
            let is_new =
                |rewind: &Rewind| offset > rewind.from || planted::is(Bug::RepeatsAfterRewind);
            offset > *after && self.past.rewinds.iter().skip(*rewinds).all(is_new)
        })
    }

    /// Returns what the position at a message tells of the rewinds before: their number while the message is one of
    /// those that a client may have got before a rewind, else 0.
    pub(crate) fn rewinds_at(&self, offset: Offset) -> u32 {
        let Past { forgotten, rewinds, .. } = &self.past;
        let is_again = rewinds.iter().any(|rewind| offset <= rewind.from);
        if is_again && !planted::is(Bug::RewindWithoutMarks) {
            forgotten.saturating_add(rewinds.len() as u32)
        } else {
            0
        }
    }

    /// Follows a room after an offset, for a connection with this cursor, and returns its new cursor. If the offset is
    /// before the cursor, the cursor moves back, and everything else is skipped up to where it was.
    pub(crate) fn join(&mut self, room: RoomId, after: Offset, cursor: Offset) -> Offset {
        if after < cursor {
            self.start = after.min(self.start);
            match self.past.rewinds.last_mut() {
                // Nothing was handed over since: no client can have a position in between.
                Some(last) if last.to == cursor => last.to = after,
                _ => self.past.rewinds.push(Rewind { from: cursor, to: after }),
            }
        }
        self.rooms.insert(room, self.since(after));
        if self.past.rewinds.len() > MAX_REWINDS {
            let forgotten = self.forget_first();
            self.past.unclear_upto = forgotten.from.max(self.past.unclear_upto);
        }
        after.min(cursor)
    }

    pub(crate) fn leave(&mut self, room: &RoomId) {
        self.rooms.remove(room);
    }

    /// Follows the private messages of `user` after an offset, and of nobody else. Changes nothing if it follows them
    /// already.
    pub(crate) fn identify(&mut self, user: UserId, after: Offset) {
        if self.user.is_some_and(|(followed, _)| followed == user) {
            return;
        }
        self.user = Some((user, self.since(after)));
    }

    /// Returns what a client follows that goes on at its position, and its cursor. None if no client of this session can
    /// have that position any more.
    ///
    /// The client has got everything up to its position, and everything from before the rewinds that it has seen. A
    /// rewind that it has not seen happens again.
    pub(crate) fn resume(mut self, offset: Offset, rewinds: u32) -> Option<(Self, Offset)> {
        let seen = match rewinds {
            0 if offset <= self.past.unclear_upto && self.past.unclear_upto > Offset::ZERO => {
                return None;
            }
            0 => self.past.rewinds.iter().position(|rewind| offset <= rewind.from),
            seen => Some(usize::try_from(seen.checked_sub(self.past.forgotten)?).ok()?),
        };
        let seen = seen.unwrap_or(self.past.rewinds.len());
        if offset < self.start || seen > self.past.rewinds.len() {
            return None;
        }
        for _ in 0..seen {
            self.forget_first();
        }
        self.past.rewinds.clear();
        self.past.unclear_upto = Offset::ZERO;
        let unseen: Vec<_> = self.all_mut().filter(|since| since.rewinds > 0).collect();
        let to = unseen.iter().map(|since| since.after).min().filter(|to| *to < offset);
        for since in unseen {
            since.rewinds = usize::from(to.is_some());
        }
        self.past.rewinds.extend(to.map(|to| Rewind { from: offset, to }));
        Some((self, to.unwrap_or(offset)))
    }

    /// Returns from where on each feed is followed.
    fn all_mut(&mut self) -> impl Iterator<Item = &mut Since> {
        self.rooms.values_mut().chain(self.user.iter_mut().map(|(_, since)| since))
    }

    fn since(&self, after: Offset) -> Since {
        Since { after, rewinds: self.past.rewinds.len() }
    }

    /// Forgets the first rewind, and returns it: no position is from before it.
    fn forget_first(&mut self) -> Rewind {
        let first = self.past.rewinds.remove(0);
        self.past.forgotten = self.past.forgotten.saturating_add(1);
        for since in self.all_mut() {
            match since.rewinds.checked_sub(1) {
                Some(rewinds) => since.rewinds = rewinds,
                None => since.after = first.from.max(since.after),
            }
        }
        first
    }
}

impl Past {
    /// Returns whether there never was a rewind.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<Offset> for Since {
    fn from(after: Offset) -> Self {
        Self { after, rewinds: 0 }
    }
}

impl From<SinceForm> for Since {
    fn from(form: SinceForm) -> Self {
        match form {
            SinceForm::After(after) => after.into(),
            SinceForm::AfterRewinds(after, rewinds) => Self { after, rewinds },
        }
    }
}

impl From<Since> for SinceForm {
    fn from(Since { after, rewinds }: Since) -> Self {
        match rewinds {
            0 => Self::After(after),
            rewinds => Self::AfterRewinds(after, rewinds),
        }
    }
}

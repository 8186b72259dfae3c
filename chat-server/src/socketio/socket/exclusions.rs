use std::time::Duration;

use chat_core::event::{NotJoined, RoomNotJoined};
use chat_core::{RoomId, Timestamp};
use serde::{Deserialize, Serialize};

/// The rooms that a client was taken out of, and when it was told: as long as it may not have heard of one, it is told
/// again when it comes back in its session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exclusions(Vec<Exclusion>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Exclusion {
    at: Timestamp,
    #[serde(flatten)]
    told: RoomNotJoined,
}

impl Exclusions {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a room that the client is told of now.
    pub(crate) fn add(&mut self, at: Timestamp, told: RoomNotJoined) {
        self.0.retain(|one| one.told.room != told.room);
        // It has been in no more rooms at the same time, so the oldest ones are long past.
        let excess = (self.0.len() + 1).saturating_sub(NotJoined::MAX_ROOMS);
        self.0.drain(..excess);
        self.0.push(Exclusion { at, told });
    }

    /// Removes a room that the client has joined.
    pub(crate) fn remove(&mut self, room: &RoomId) {
        self.0.retain(|one| one.told.room != room.as_str());
    }

    /// Returns what the client was told within this time before `now`, and forgets the rest, of which it must have heard.
    pub(crate) fn within(&mut self, time: Duration, now: Timestamp) -> Vec<RoomNotJoined> {
        self.0.retain(|one| one.at.plus(time) > now);
        self.0.iter().map(|one| one.told.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{Refusal, RefusalCode};

    use super::*;

    fn told(room: &str) -> RoomNotJoined {
        RoomNotJoined::new(room.to_owned(), Refusal::new(RefusalCode::Forbidden, "sent out"))
    }

    #[test]
    fn a_room_is_told_again_until_it_is_joined_or_must_have_been_heard() {
        let mut exclusions = Exclusions::default();
        for (at, room) in [(1, "a"), (2, "b"), (3, "c"), (4, "b")] {
            exclusions.add(Timestamp::from_millis(at), told(room));
        }
        exclusions.remove(&"c".parse().unwrap());
        let saved = serde_json::to_string(&exclusions).unwrap();
        let mut exclusions: Exclusions = serde_json::from_str(&saved).unwrap();
        let mut at =
            |now| exclusions.within(Duration::from_millis(10), Timestamp::from_millis(now));
        assert_eq!(at(10), ["a", "b"].map(told));
        assert_eq!(at(11), ["b"].map(told));
        assert_eq!(at(14), []);
        assert!(exclusions.is_empty());
    }

    #[test]
    fn there_are_only_so_many() {
        let mut exclusions = Exclusions::default();
        for n in 0..=NotJoined::MAX_ROOMS {
            exclusions.add(Timestamp::from_millis(1), told(&n.to_string()));
        }
        let kept = exclusions.within(Duration::from_millis(1), Timestamp::from_millis(1));
        assert_eq!((kept.len(), &*kept[0].room), (NotJoined::MAX_ROOMS, "1"));
    }
}

use std::collections::BTreeMap;

use chat_core::{Feed, Handshake, Nickname, Offset, PersonId, RecoveryOffset, RoomId};
use chat_store::{OwnerKey, StoreError};
use serde::{Deserialize, Serialize};

use crate::engine::delivery::{Following, JoinedAfter};
use crate::engine::log::Log;
use crate::engine::people::Person;
use crate::socketio::recovery::Found;

/// What of a connection outlives it, as [`recovery`](crate::recovery) keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChatSession {
    /// Where the session began: the place of a client that has got no message yet.
    pub(crate) start: Offset,
    rooms: JoinedAfter,
    person: Option<SavedPerson>,
    /// Whether the client has a name and may have sent something before it.
    #[serde(default)]
    pub(crate) was_anonymous: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedPerson {
    id: PersonId,
    nickname: Nickname,
    owner: [u8; 32],
    /// The offset after which private messages are delivered.
    after: Offset,
}

/// In how many rooms a connection may be.
pub(crate) const MAX_ROOMS: usize = 100;

/// The most messages of a room that a client without a place begins with, when it asks for some of them.
const MAX_HISTORY: usize = 1000;

impl ChatSession {
    /// The session of a client that connects anew, and its place: where it says, or at the beginning when
    /// it speaks of another log.
    pub(crate) async fn begin(
        log: &Log,
        handshake: &Handshake,
        person: Option<&Person>,
    ) -> Result<(Self, Offset), StoreError> {
        let asked = handshake.server_offset;
        let here = |place: &RecoveryOffset| place.epoch == *log.epoch();
        let known = handshake.offset.as_ref().is_none_or(here) && log.contains(asked).await?;
        let from = if known { asked } else { Offset::ZERO };
        let last = handshake.history.filter(|_| from == Offset::ZERO);
        let rooms = match &*handshake.rooms {
            [] => vec![RoomId::general()],
            rooms => rooms.to_vec(),
        };
        let mut joined = BTreeMap::new();
        for room in rooms.into_iter().take(MAX_ROOMS) {
            let after = match last {
                Some(count) => after_all_but(count, &Feed::Room(room.clone()), log).await?,
                None => from,
            };
            joined.insert(room, after);
        }
        let person = match person {
            Some(Person { id, nickname, owner, .. }) => {
                let after = match last {
                    Some(count) => after_all_but(count, &Feed::Person(*id), log).await?,
                    None => from,
                };
                Some(SavedPerson { id: *id, nickname: nickname.clone(), owner: owner.0, after })
            }
            None => None,
        };
        let afters = joined.values().copied().chain(person.as_ref().map(|person| person.after));
        let start = afters.min().unwrap_or(from);
        Ok((Self { start, rooms: joined, person, was_anonymous: false }, start))
    }

    /// The session of `person`, following this: where it began, and whether something may have been sent before it had
    /// a name.
    pub(crate) fn of(
        (start, was_anonymous): (Offset, bool),
        following: &Following,
        person: Option<&Person>,
    ) -> Self {
        let person = following.person.zip(person).map(|((id, after), person)| SavedPerson {
            id,
            nickname: person.nickname.clone(),
            owner: person.owner.0,
            after,
        });
        Self { start, rooms: following.rooms.clone(), person, was_anonymous }
    }

    /// The session that a client claims and its place, if what it claims fits together.
    ///
    /// A place that is malformed, in another log, beyond the end of this one or from before the session
    /// is not that of the client that the session belongs to: it gets a new session.
    pub(crate) async fn resume(
        log: &Log,
        found: &Found<Self>,
    ) -> Result<Option<(Self, Offset)>, StoreError> {
        let session = found.state().clone();
        let Some(claimed) = found.offset() else {
            let start = session.start;
            return Ok(Some((session, start)));
        };
        let Ok(RecoveryOffset { epoch, offset }) = claimed.parse() else { return Ok(None) };
        let fits = epoch == *log.epoch() && offset >= session.start && log.contains(offset).await?;
        Ok(fits.then_some((session, offset)))
    }

    /// Who the client was.
    pub(crate) fn person(&self) -> Option<Person> {
        let SavedPerson { id, nickname, owner, .. } = self.person.clone()?;
        Some(Person { id, nickname, owner: OwnerKey(owner), until: None })
    }

    /// Makes this the session of a person from `after` on, who had none before.
    pub(crate) fn identify(&mut self, person: &Person, after: Offset) {
        let Person { id, nickname, owner, .. } = person.clone();
        self.was_anonymous = true;
        self.person = Some(SavedPerson { id, nickname, owner: owner.0, after });
    }

    /// What the client follows.
    pub(crate) fn following(&self) -> Following {
        let person = self.person.as_ref().map(|person| (person.id, person.after));
        Following { rooms: self.rooms.clone(), person }
    }
}

/// The offset after which a feed has this many messages left, or fewer when they are large.
async fn after_all_but(count: usize, feed: &Feed, log: &Log) -> Result<Offset, StoreError> {
    // Before reading: what is written meanwhile comes after it in any case.
    let tail = log.tail();
    let page = log.read_before(feed, None, count.min(MAX_HISTORY)).await?;
    Ok(page.messages.first().map_or(tail, |first| first.offset.previous()))
}

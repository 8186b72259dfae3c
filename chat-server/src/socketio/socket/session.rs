use std::collections::BTreeMap;

use chat_core::event::Handshake;
use chat_core::{Epoch, Feed, Nickname, Offset, RecoveryOffset, RoomId, UserId};
use chat_store::{OwnerKey, StoreError};
use serde::{Deserialize, Serialize};

use crate::engine::delivery::{Following, JoinedAfter};
use crate::engine::limits::Limits;
use crate::engine::log::Log;
use crate::engine::users::User;
use crate::socketio::recovery::Found;

/// The part of a connection that outlives it, as kept by [`recovery`](crate::recovery).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChatSession {
    /// The log that its offsets are in; none for a session of an earlier version, which kept it beside its log.
    #[serde(default)]
    log: Option<Epoch>,
    /// The offset at which the session began: the position of a client that has received no message yet.
    pub(crate) start: Offset,
    rooms: JoinedAfter,
    #[serde(rename = "person")]
    user: Option<SavedUser>,
    /// Whether the client has a nickname and may have sent something before it had one.
    #[serde(default)]
    pub(crate) was_anonymous: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedUser {
    id: UserId,
    nickname: Nickname,
    owner: [u8; 32],
    /// The offset after which private messages are delivered.
    after: Offset,
}

impl ChatSession {
    /// Returns the session of a client that connects anew, and its read position: at its offset, or at the beginning
    /// if the offset is from another log.
    pub(crate) async fn begin(
        log: &Log,
        limits: &Limits,
        handshake: &Handshake,
        user: Option<&User>,
    ) -> Result<(Self, Offset), StoreError> {
        let asked = handshake.server_offset;
        let here = |at: &RecoveryOffset| at.epoch == *log.epoch();
        let known = handshake.offset.as_ref().is_none_or(here) && log.contains(asked).await?;
        let from = if known { asked } else { Offset::ZERO };
        let last = handshake.history.filter(|_| from == Offset::ZERO);
        let last = last.map(|count| count.min(limits.max_history));
        let rooms = match &*handshake.rooms {
            [] => vec![RoomId::general()],
            rooms => rooms.to_vec(),
        };
        let mut joined = BTreeMap::new();
        for room in rooms.into_iter().take(limits.max_rooms) {
            let after = match last {
                Some(count) => after_all_but(count, &Feed::Room(room.clone()), log).await?,
                None => from,
            };
            joined.insert(room, after);
        }
        let user = match user {
            Some(User { id, nickname, owner, .. }) => {
                let after = match last {
                    Some(count) => after_all_but(count, &Feed::User(*id), log).await?,
                    None => from,
                };
                Some(SavedUser { id: *id, nickname: nickname.clone(), owner: owner.0, after })
            }
            None => None,
        };
        let afters = joined.values().copied().chain(user.as_ref().map(|user| user.after));
        let start = afters.min().unwrap_or(from);
        let log = Some(log.epoch().clone());
        Ok((Self { log, start, rooms: joined, user, was_anonymous: false }, start))
    }

    /// Creates the session of `user` with what it follows, where it began, and whether something may have been sent
    /// before it had a nickname.
    pub(crate) fn of(
        log: &Log,
        (start, was_anonymous): (Offset, bool),
        following: &Following,
        user: Option<&User>,
    ) -> Self {
        let user = following.user.zip(user).map(|((id, after), user)| SavedUser {
            id,
            nickname: user.nickname.clone(),
            owner: user.owner.0,
            after,
        });
        let log = Some(log.epoch().clone());
        Self { log, start, rooms: following.rooms.clone(), user, was_anonymous }
    }

    /// Returns the session that a client claims and its read position, if the claim is consistent.
    ///
    /// An offset that is malformed, from another log, beyond the end of this one or from before the session cannot
    /// come from the session's client: such a client gets a new session. So does one whose session is from another
    /// log, which the store of the sessions may outlive.
    pub(crate) async fn resume(
        log: &Log,
        found: &Found<Self>,
    ) -> Result<Option<(Self, Offset)>, StoreError> {
        let session = found.state().clone();
        if session.log.as_ref().is_some_and(|known| known != log.epoch()) {
            return Ok(None);
        }
        let Some(claimed) = found.offset() else {
            let start = session.start;
            return Ok(Some((session, start)));
        };
        let Ok(RecoveryOffset { epoch, offset, .. }) = claimed.parse() else { return Ok(None) };
        let fits = epoch == *log.epoch() && offset >= session.start && log.contains(offset).await?;
        Ok(fits.then_some((session, offset)))
    }

    /// Returns the client's user.
    pub(crate) fn user(&self) -> Option<User> {
        let SavedUser { id, nickname, owner, .. } = self.user.clone()?;
        Some(User { id, nickname, owner: OwnerKey(owner), until: None })
    }

    /// Makes this the session of a user from `after` on; it had none before.
    pub(crate) fn identify(&mut self, user: &User, after: Offset) {
        let User { id, nickname, owner, .. } = user.clone();
        self.was_anonymous = true;
        self.user = Some(SavedUser { id, nickname, owner: owner.0, after });
    }

    /// Returns what the client follows.
    pub(crate) fn following(&self) -> Following {
        let user = self.user.as_ref().map(|user| (user.id, user.after));
        Following { rooms: self.rooms.clone(), user }
    }
}

/// Returns the offset after which a feed has this many messages, or fewer if they are large.
async fn after_all_but(count: usize, feed: &Feed, log: &Log) -> Result<Offset, StoreError> {
    // Before reading: messages written meanwhile are after it in any case.
    let tail = log.tail();
    let page = log.read_before(feed, None, count).await?;
    Ok(page.messages.first().map_or(tail, |first| first.offset.previous()))
}

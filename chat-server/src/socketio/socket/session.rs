use std::collections::BTreeMap;

use chat_core::event::{Handshake, OtherLog};
use chat_core::{Epoch, Feed, Nickname, Offset, RecoveryOffset, RoomId, UserId};
use chat_store::{CredentialKey, OwnerKey, StoreError};
use serde::{Deserialize, Serialize};

use super::exclusions::Exclusions;
use crate::engine::delivery::{Following, Past, Since};
use crate::engine::limits::Limits;
use crate::engine::log::Log;
use crate::engine::planted::{self, Bug};
use crate::engine::users::{User, claims_of};
use crate::socketio::recovery::Found;

/// The part of a connection that outlives it, as kept by [`recovery`](crate::recovery).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SavedSession", into = "SavedSession")]
pub(crate) struct ChatSession {
    /// The log that its offsets are in; none for a session of an earlier version, which kept it beside its log.
    pub(crate) log: Option<Epoch>,
    pub(crate) following: Following,
    pub(crate) user: Option<SessionUser>,
    /// Whether the client has a nickname and may have sent something before it had one.
    pub(crate) was_anonymous: bool,
    /// The rooms that the client was taken out of.
    pub(crate) exclusions: Exclusions,
}

/// The user of a session: the one whose private messages it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionUser {
    id: UserId,
    nickname: Nickname,
    owner: OwnerKey,
    credential: CredentialKey,
}

/// How a [`ChatSession`] is saved.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct SavedSession {
    #[serde(default)]
    log: Option<Epoch>,
    start: Offset,
    rooms: BTreeMap<RoomId, Since>,
    #[serde(default, skip_serializing_if = "Past::is_empty")]
    past: Past,
    #[serde(rename = "person")]
    user: Option<SavedUser>,
    #[serde(default)]
    was_anonymous: bool,
    #[serde(default, skip_serializing_if = "Exclusions::is_empty")]
    exclusions: Exclusions,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SavedUser {
    id: UserId,
    nickname: Nickname,
    owner: [u8; 32],
    /// None where it is the owner's first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credential: Option<[u8; 32]>,
    after: Since,
}

impl ChatSession {
    /// Returns the session of a client that connects anew, and its read position: at its offset, or at the beginning
    /// if the offset is from another log, which the client is told.
    pub(crate) async fn begin(
        log: &Log,
        limits: &Limits,
        handshake: &Handshake,
        user: Option<&User>,
    ) -> Result<(Self, Offset, Option<OtherLog>), StoreError> {
        let asked = handshake.server_offset;
        let is_here = match &handshake.offset {
            Some(at) => log.has(at).await?,
            None => true,
        };
        let known = is_here && log.contains(asked).await?;
        let other_log = (!known).then(|| OtherLog::new(log.epoch().clone(), log.tail()));
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
            joined.insert(room, after.into());
        }
        let followed = match user {
            Some(User { id, .. }) => {
                let after = match last {
                    Some(count) => after_all_but(count, &Feed::User(*id), log).await?,
                    None => from,
                };
                Some((*id, after.into()))
            }
            None => None,
        };
        // The client keeps its position of an earlier session until it gets something. The rewinds that it tells of are
        // none of this session, whose own are counted from there on.
        let before = handshake.offset.as_ref().map_or(0, |at| at.rewinds);
        let following = Following::new(joined, followed).after_rewinds(before);
        let (log, start) = (Some(log.epoch().clone()), following.start);
        let user = user.map(SessionUser::of);
        let exclusions = Exclusions::default();
        let session = Self { log, following, user, was_anonymous: false, exclusions };
        Ok((session, start, other_log))
    }

    /// Returns the session that a client claims and its read position, if the claim is consistent.
    ///
    /// An offset that is malformed or from before the session cannot come from the session's client, and one that is
    /// [not in this log](Log::has) is of a log that was replaced or has lost its end: such a client gets a new session.
    /// So does one whose session is from another log, which the store of the sessions may outlive.
    pub(crate) async fn resume(
        log: &Log,
        found: &Found<Self>,
    ) -> Result<Option<(Self, Offset)>, StoreError> {
        let mut session = found.state().clone();
        if session.log.as_ref().is_some_and(|known| known != log.epoch()) {
            return Ok(None);
        }
        let at = match found.offset().map(str::parse) {
            None => RecoveryOffset::new(log.epoch().clone(), session.following.start),
            Some(Ok(at)) => at,
            Some(Err(_)) => return Ok(None),
        };
        if !log.has(&at).await? {
            return Ok(None);
        }
        let Some((following, cursor)) = session.following.resume(at.offset, at.rewinds) else {
            return Ok(None);
        };
        session.following = following;
        let cursor = if planted::is(Bug::ResumeAtEnd) { log.tail() } else { cursor };
        Ok(Some((session, cursor)))
    }

    /// Returns the client's user.
    pub(crate) fn user(&self) -> Option<User> {
        let SessionUser { id, nickname, owner, credential } = self.user.clone()?;
        let claims = claims_of(owner);
        Some(User { id, nickname, owner, credential, until: None, claims })
    }

    /// Makes this the session of a user from `after` on; it had none before.
    pub(crate) fn identify(&mut self, user: &User, after: Offset) {
        self.was_anonymous = true;
        self.following.identify(user.id, after);
        self.user = Some(SessionUser::of(user));
    }
}

impl SessionUser {
    pub(crate) fn of(User { id, nickname, owner, credential, .. }: &User) -> Self {
        Self { id: *id, nickname: nickname.clone(), owner: *owner, credential: *credential }
    }
}

impl From<SavedSession> for ChatSession {
    fn from(saved: SavedSession) -> Self {
        let SavedSession { log, start, rooms, past, user, was_anonymous, exclusions } = saved;
        let following = user.as_ref().map(|user| (user.id, user.after));
        let following = Following { start, rooms, user: following, past };
        let user = user.map(|SavedUser { id, nickname, owner, credential, .. }| SessionUser {
            id,
            nickname,
            owner: OwnerKey(owner),
            credential: CredentialKey(credential.unwrap_or(owner)),
        });
        Self { log, following, user, was_anonymous, exclusions }
    }
}

impl From<ChatSession> for SavedSession {
    fn from(session: ChatSession) -> Self {
        let ChatSession { log, following, user, was_anonymous, exclusions } = session;
        let Following { start, rooms, user: followed, past } = following;
        let user = user.zip(followed).map(|(user, (_, after))| {
            let SessionUser { id, nickname, owner, credential } = user;
            let another = (credential != owner.into()).then_some(credential.0);
            SavedUser { id, nickname, owner: owner.0, credential: another, after }
        });
        Self { log, start, rooms, past, user, was_anonymous, exclusions }
    }
}

/// Returns the offset after which a feed has this many messages, or fewer if they are large.
async fn after_all_but(count: usize, feed: &Feed, log: &Log) -> Result<Offset, StoreError> {
    // Before reading: messages written meanwhile are after it in any case.
    let tail = log.tail();
    let page = log.read_before(feed, None, count).await?;
    Ok(page.messages.first().map_or(tail, |first| first.offset.previous()))
}

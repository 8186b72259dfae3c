use std::collections::HashSet;

use chat_core::event::{LogEntry, ModerationLog};
use chat_core::{RoomId, UserId};
use chat_store::{AccessChange, AccessNumber, StoreError, Subject};

use super::services::Services;

impl Services {
    /// Returns what moderators have done in a room, or everywhere: the newest entries before one of them. None if no rooms are
    /// kept.
    pub(crate) async fn moderation_log(
        &self,
        room: Option<&RoomId>,
        before: Option<AccessNumber>,
        limit: usize,
    ) -> Result<Option<ModerationLog>, StoreError> {
        let Some(rooms) = &self.rooms else { return Ok(None) };
        let key = room.map(RoomId::key);
        let mut changes = rooms.access_changes_before(before, key.as_ref(), limit + 1).await?;
        changes.reverse();
        let more = changes.len() > limit;
        changes.truncate(limit);
        let users: HashSet<UserId> = changes.iter().flat_map(users_of).collect();
        let users: Vec<UserId> = users.into_iter().collect();
        let names = self.identities.nicknames(&users).await?;
        let name = |user: Option<UserId>| user.and_then(|user| names.get(&user).cloned());
        let entries = changes.into_iter().map(|change| {
            let (user, address) = match change.subject {
                Some(Subject::User(user)) => (Some(user), None),
                Some(Subject::Address(address)) => (None, Some(address)),
                None => (None, None),
            };
            LogEntry {
                number: change.number.as_u64(),
                at: change.at,
                by: change.by,
                by_nickname: name(change.by),
                action: change.action,
                room: change.room.map(|room| room.as_str().to_owned()),
                user,
                nickname: name(user),
                address,
                role: change.role,
                until: change.until,
                reason: change.reason,
            }
        });
        Ok(Some(ModerationLog::new(entries.collect(), more)))
    }
}

/// The users that an entry of the log is about.
fn users_of(change: &AccessChange) -> impl Iterator<Item = UserId> {
    let subject = match change.subject {
        Some(Subject::User(user)) => Some(user),
        _ => None,
    };
    subject.into_iter().chain(change.by)
}

use std::ops::Bound;

use async_trait::async_trait;
use chat_core::{RoomKey, Timestamp, UserId, Visibility};

use super::MemoryStore;
use crate::{
    AccessChange, AccessChanged, AccessNumber, Invitation, InvitationCode, NewAccessChange,
    RoomAccess, RoomMember, RoomStore, RoomViewer, Sanction, SanctionKey, StoreError, Subject,
};

/// What a map has after a key.
fn after<T>(key: Option<&T>) -> (Bound<&T>, Bound<&T>) {
    (key.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

#[async_trait]
impl RoomStore for MemoryStore {
    async fn change_access(&self, change: &NewAccessChange) -> Result<AccessChanged, StoreError> {
        Ok(self.contents()?.access.change(change))
    }

    async fn find_access(
        &self,
        room: &RoomKey,
        user: Option<UserId>,
    ) -> Result<Option<RoomAccess>, StoreError> {
        Ok(self.contents()?.access.access(room, user))
    }

    async fn list_rooms(
        &self,
        viewer: RoomViewer,
        after_room: Option<&RoomKey>,
        limit: usize,
    ) -> Result<Vec<RoomAccess>, StoreError> {
        let access = &self.contents()?.access;
        let rooms = access.rooms.range::<RoomKey, _>(after(after_room));
        let rooms = rooms.filter_map(|(key, _)| access.access(key, viewer.user()));
        let may_find = |one: &RoomAccess| match one.room.visibility {
            Visibility::Public => true,
            Visibility::Private => one.role.is_some() || viewer == RoomViewer::Operator,
            Visibility::Deleted => false,
        };
        Ok(rooms.filter(may_find).take(limit).collect())
    }

    async fn list_members(
        &self,
        room: &RoomKey,
        after_user: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<RoomMember>, StoreError> {
        let contents = self.contents()?;
        let Some(members) = contents.access.members.get(room) else { return Ok(Vec::new()) };
        let members = members.range::<UserId, _>(after(after_user.as_ref()));
        Ok(members.take(limit).map(|(_, member)| *member).collect())
    }

    async fn find_invitation(
        &self,
        code: InvitationCode,
    ) -> Result<Option<Invitation>, StoreError> {
        Ok(self.contents()?.access.invitations.get(&code).cloned())
    }

    async fn list_invitations(
        &self,
        room: &RoomKey,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Invitation>, StoreError> {
        let contents = self.contents()?;
        let all = contents.access.invitations.values();
        let mut valid: Vec<_> =
            all.filter(|one| one.room == *room && one.expires_at > now).cloned().collect();
        valid.sort_by_key(|one| (one.expires_at, one.code));
        valid.truncate(limit);
        Ok(valid)
    }

    async fn sanctions_of(
        &self,
        user: Option<UserId>,
        addresses: &[&str],
        now: Timestamp,
    ) -> Result<Vec<Sanction>, StoreError> {
        let contents = self.contents()?;
        let is_against = |one: &&Sanction| match &one.key.subject {
            Subject::User(subject) => Some(*subject) == user,
            Subject::Address(subject) => addresses.contains(&subject.as_str()),
        };
        let all = contents.access.sanctions.values().filter(|one| one.is_in_force(now));
        Ok(all.filter(is_against).cloned().collect())
    }

    async fn list_sanctions(
        &self,
        room: Option<&RoomKey>,
        now: Timestamp,
        after_key: Option<&SanctionKey>,
        limit: usize,
    ) -> Result<Vec<Sanction>, StoreError> {
        let contents = self.contents()?;
        let all = contents.access.sanctions.range::<SanctionKey, _>(after(after_key));
        let in_force = all
            .map(|(_, one)| one)
            .filter(|one| one.key.room.as_ref() == room && one.is_in_force(now));
        Ok(in_force.take(limit).cloned().collect())
    }

    async fn sweep_access(&self, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.contents()?.access.sweep(now))
    }

    async fn sweep_access_log(&self, before: Timestamp) -> Result<usize, StoreError> {
        Ok(self.contents()?.access.sweep_log(before))
    }

    async fn access_tail(&self) -> Result<AccessNumber, StoreError> {
        Ok(self.contents()?.access.tail())
    }

    async fn access_changes_after(
        &self,
        after: AccessNumber,
        limit: usize,
    ) -> Result<Vec<AccessChange>, StoreError> {
        let contents = self.contents()?;
        let later = contents.access.log.iter().filter(|change| change.number > after);
        Ok(later.take(limit).cloned().collect())
    }

    async fn access_changes_before(
        &self,
        before: Option<AccessNumber>,
        room: Option<&RoomKey>,
        limit: usize,
    ) -> Result<Vec<AccessChange>, StoreError> {
        let contents = self.contents()?;
        let earlier = contents.access.log.iter().rev().filter(|change| {
            before.is_none_or(|before| change.number < before)
                && (room.is_none() || change.room.as_ref() == room)
        });
        let mut earlier: Vec<_> = earlier.take(limit).cloned().collect();
        earlier.reverse();
        Ok(earlier)
    }
}

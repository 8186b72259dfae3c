use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use async_trait::async_trait;
use chat_core::{RoomKey, Timestamp, UserId, Visibility};

use super::MemoryStore;
use crate::access::MAX_SWEPT_ACCESS;
use crate::{
    AccessChange, AccessChanged, AccessLimit, AccessNumber, AccessState, AccessWrite, Decided,
    Invitation, InvitationCode, NewAccessChange, RoomAccess, RoomMember, RoomRecord, RoomStore,
    Sanction, SanctionKey, StoreError, Subject,
};

/// Rooms that are kept, and who may do what there.
#[derive(Default)]
pub(super) struct Access {
    rooms: BTreeMap<RoomKey, RoomRecord>,
    members: BTreeMap<RoomKey, BTreeMap<UserId, RoomMember>>,
    invitations: BTreeMap<InvitationCode, Invitation>,
    redeemed: BTreeSet<(InvitationCode, UserId)>,
    sanctions: BTreeMap<SanctionKey, Sanction>,
    /// The change at index `i` has number `i + 1`.
    log: Vec<AccessChange>,
}

impl Access {
    fn change(&mut self, change: &NewAccessChange) -> AccessChanged {
        let state = self.state(change);
        let steps = match change.decide(&state) {
            Ok(Decided::Change(steps)) => steps,
            Ok(Decided::Unchanged) => return AccessChanged::Unchanged,
            Err(refused) => return AccessChanged::No(refused),
        };
        for step in steps {
            self.write(step);
        }
        let number = self.tail().next();
        self.log.push(change.entry(number, &state));
        AccessChanged::Yes(number)
    }

    fn state(&self, change: &NewAccessChange) -> AccessState {
        let request = &change.request;
        let code = request.code();
        let invitation = code.and_then(|code| self.invitations.get(&code)).cloned();
        let key = request.room().or_else(|| invitation.as_ref().map(|one| one.room.clone()));
        let room = key.as_ref().and_then(|key| self.rooms.get(key)).cloned();
        let member = key.as_ref().zip(request.member());
        let is_redeemed = code.zip(request.member());
        let count = request.counted().map_or(0, |limit| match limit {
            AccessLimit::Rooms => self.rooms.len(),
            AccessLimit::Invitations => {
                let valid = |one: &&Invitation| {
                    Some(&one.room) == key.as_ref() && one.expires_at > change.at
                };
                self.invitations.values().filter(valid).count()
            }
            AccessLimit::Sanctions => {
                let in_force = |one: &&Sanction| one.key.room == key && one.is_in_force(change.at);
                self.sanctions.values().filter(in_force).count()
            }
            AccessLimit::Members | AccessLimit::Uses => 0,
        });
        AccessState {
            room,
            member: member.and_then(|(room, user)| self.member(room, user)),
            invitation,
            is_redeemed: is_redeemed.is_some_and(|one| self.redeemed.contains(&one)),
            sanction: request.sanction().and_then(|key| self.sanctions.get(key)).cloned(),
            count: u32::try_from(count).unwrap_or(u32::MAX),
        }
    }

    fn write(&mut self, step: AccessWrite) {
        match step {
            AccessWrite::PutRoom(room) => {
                self.rooms.insert(room.id.key(), room);
            }
            AccessWrite::PutMember(room, member) => {
                self.members.entry(room).or_default().insert(member.user, member);
            }
            AccessWrite::DeleteMember(room, user) => {
                self.members.entry(room).or_default().remove(&user);
            }
            AccessWrite::PutInvitation(invitation) => {
                self.invitations.insert(invitation.code, invitation);
            }
            AccessWrite::DeleteInvitation(code) => self.forget(code),
            AccessWrite::PutRedeemed(code, user) => {
                self.redeemed.insert((code, user));
            }
            AccessWrite::PutSanction(sanction) => {
                self.sanctions.insert(sanction.key.clone(), sanction);
            }
            AccessWrite::DeleteSanction(key) => {
                self.sanctions.remove(&key);
            }
        }
    }

    fn forget(&mut self, code: InvitationCode) {
        self.invitations.remove(&code);
        self.redeemed.retain(|(redeemed, _)| *redeemed != code);
    }

    fn member(&self, room: &RoomKey, user: UserId) -> Option<RoomMember> {
        self.members.get(room)?.get(&user).copied()
    }

    fn access(&self, key: &RoomKey, user: Option<UserId>) -> Option<RoomAccess> {
        let room = self.rooms.get(key)?.clone();
        let role = user.and_then(|user| self.member(key, user)).map(|member| member.role);
        Some(RoomAccess { room, role })
    }

    fn tail(&self) -> AccessNumber {
        AccessNumber::new(self.log.len() as u64)
    }

    fn sweep(&mut self, now: Timestamp) -> usize {
        let ended = self.sanctions.values().filter(|one| !one.is_in_force(now));
        let ended: Vec<_> = ended.take(MAX_SWEPT_ACCESS).map(|one| one.key.clone()).collect();
        let expired = self.invitations.values().filter(|one| one.expires_at <= now);
        let expired: Vec<_> = expired.take(MAX_SWEPT_ACCESS).map(|one| one.code).collect();
        for key in &ended {
            self.sanctions.remove(key);
        }
        for &code in &expired {
            self.forget(code);
        }
        ended.len() + expired.len()
    }
}

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
        user: Option<UserId>,
        after_room: Option<&RoomKey>,
        limit: usize,
    ) -> Result<Vec<RoomAccess>, StoreError> {
        let access = &self.contents()?.access;
        let rooms = access.rooms.range::<RoomKey, _>(after(after_room));
        let rooms = rooms.filter_map(|(key, _)| access.access(key, user));
        let may_find =
            |one: &RoomAccess| one.room.visibility == Visibility::Public || one.role.is_some();
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

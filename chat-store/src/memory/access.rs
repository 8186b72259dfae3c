use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chat_core::{RoomKey, Timestamp, UserId};

use crate::access::{MAX_SWEPT_ACCESS, MAX_SWEPT_LOG};
use crate::{
    AccessChange, AccessChanged, AccessLimit, AccessNumber, AccessState, AccessWrite, Decided,
    Invitation, InvitationCode, NewAccessChange, RoomAccess, RoomMember, RoomRecord, Sanction,
    SanctionKey, Subject,
};

/// Rooms that are kept, and who may do what there.
#[derive(Default)]
pub(super) struct Access {
    pub(super) rooms: BTreeMap<RoomKey, RoomRecord>,
    pub(super) members: BTreeMap<RoomKey, BTreeMap<UserId, RoomMember>>,
    pub(super) invitations: BTreeMap<InvitationCode, Invitation>,
    redeemed: BTreeSet<(InvitationCode, UserId)>,
    pub(super) sanctions: BTreeMap<SanctionKey, Sanction>,
    /// The numbers go up to that of the last change. Only the oldest ones are deleted.
    pub(super) log: VecDeque<AccessChange>,
}

impl Access {
    pub(super) fn change(&mut self, change: &NewAccessChange) -> AccessChanged {
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
        self.log.push_back(change.entry(number, &state));
        AccessChanged::Yes(number)
    }

    /// Returns whether a user has a role in a room, or is banned or muted.
    pub(super) fn concerns(&self, user: UserId) -> bool {
        self.members.values().any(|members| members.contains_key(&user))
            || self.sanctions.keys().any(|key| key.subject == Subject::User(user))
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

    pub(super) fn access(&self, key: &RoomKey, user: Option<UserId>) -> Option<RoomAccess> {
        let room = self.rooms.get(key)?.clone();
        let role = user.and_then(|user| self.member(key, user)).map(|member| member.role);
        Some(RoomAccess { room, role })
    }

    pub(super) fn tail(&self) -> AccessNumber {
        self.log.back().map_or(AccessNumber::ZERO, |last| last.number)
    }

    pub(super) fn sweep(&mut self, now: Timestamp) -> usize {
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
    pub(super) fn sweep_log(&mut self, before: Timestamp) -> usize {
        let all_but_last = self.log.len().saturating_sub(1);
        let old = self.log.iter().take(all_but_last.min(MAX_SWEPT_LOG));
        let old = old.take_while(|change| change.at < before).count();
        self.log.drain(..old);
        old
    }
}

use chat_core::{Role, RoomKey, UserId, Visibility};

use super::{
    AccessLimit, AccessRequest, Invitation, InvitationCode, NewAccessChange, Refused, RoomMember,
    RoomRecord, Sanction, SanctionKey,
};

/// What a store has that bears on one [`NewAccessChange`].
#[derive(Debug, Clone, Default)]
pub struct AccessState {
    /// The [room](AccessRequest::room) that the request names, or the one of the invitation.
    pub room: Option<RoomRecord>,
    /// What the [member](AccessRequest::member) is in this room.
    pub member: Option<RoomMember>,
    /// The invitation with the [code](AccessRequest::code).
    pub invitation: Option<Invitation>,
    /// Whether the member has redeemed this invitation.
    pub is_redeemed: bool,
    /// The [sanction](AccessRequest::sanction) with the key, also one that has ended.
    pub sanction: Option<Sanction>,
    /// How many there are of what is [counted](AccessRequest::counted): all rooms, the invitations of the room that
    /// have not expired, or the sanctions that are in force in the room or everywhere. Counting may stop at the limit.
    pub count: u32,
}

/// One step of a change, for the store to make. A `Put` replaces what has the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessWrite {
    /// Store a room under the key of its name.
    PutRoom(RoomRecord),
    /// Store a member of a room.
    PutMember(RoomKey, RoomMember),
    /// Delete a member of a room.
    DeleteMember(RoomKey, UserId),
    /// Store an invitation.
    PutInvitation(Invitation),
    /// Delete an invitation, and by whom it was redeemed.
    DeleteInvitation(InvitationCode),
    /// Store that a user has redeemed an invitation.
    PutRedeemed(InvitationCode, UserId),
    /// Store a sanction.
    PutSanction(Sanction),
    /// Delete a sanction.
    DeleteSanction(SanctionKey),
}

/// What becomes of a [`NewAccessChange`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// Make these steps and [log](NewAccessChange::entry) the change, all at once.
    Change(Vec<AccessWrite>),
    /// Nothing is to be done.
    Unchanged,
}

impl NewAccessChange {
    /// Decides this change, for implementations of stores. Between reading `state` and making the steps, no other
    /// change may be made.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn decide(&self, state: &AccessState) -> Result<Decided, Refused> {
        let steps = match &self.request {
            AccessRequest::CreateRoom { .. } => self.create_room(state)?,
            AccessRequest::ChangeRoom { .. } => self.change_room(kept(state)?),
            AccessRequest::AddMember { user, role, .. } => match state.member {
                Some(_) => Vec::new(),
                None => self.join(room(state)?, *user, *role)?.into(),
            },
            AccessRequest::SetRole { role, .. } => set_role(state, *role)?,
            AccessRequest::RemoveMember { .. } => remove_member(state)?,
            AccessRequest::Invite { .. } => self.invite(state)?,
            AccessRequest::Redeem { user, .. } => self.redeem(state, *user)?,
            AccessRequest::RevokeInvitation { room, code } => {
                let is_there = state.invitation.as_ref().is_some_and(|one| one.room == *room);
                is_there.then_some(AccessWrite::DeleteInvitation(*code)).into_iter().collect()
            }
            AccessRequest::Kick { .. }
            | AccessRequest::Rename { .. }
            | AccessRequest::TakeNickname { .. } => return Ok(Decided::Change(Vec::new())),
            AccessRequest::Sanction { key, until } => self.sanction(state, key, *until)?,
            AccessRequest::LiftSanction { key } => {
                let in_force = state.sanction.as_ref().is_some_and(|one| one.is_in_force(self.at));
                in_force.then(|| AccessWrite::DeleteSanction(key.clone())).into_iter().collect()
            }
        };
        Ok(if steps.is_empty() { Decided::Unchanged } else { Decided::Change(steps) })
    }

    fn create_room(&self, state: &AccessState) -> Result<Vec<AccessWrite>, Refused> {
        let AccessRequest::CreateRoom { room, topic, visibility, posting, owner } = &self.request
        else {
            return Ok(Vec::new());
        };
        if let Some(room) = &state.room {
            return Err(Refused::RoomExists(room.clone()));
        }
        self.check(AccessLimit::Rooms, state.count)?;
        let new = RoomRecord {
            id: room.clone(),
            topic: topic.clone(),
            visibility: *visibility,
            posting: *posting,
            created_by: self.by,
            created_at: self.at,
            owners: 0,
            members: 0,
        };
        match owner {
            Some(owner) => Ok(self.join(new, *owner, Role::Owner)?.into()),
            None => Ok(vec![AccessWrite::PutRoom(new)]),
        }
    }

    fn change_room(&self, room: RoomRecord) -> Vec<AccessWrite> {
        let AccessRequest::ChangeRoom { topic, visibility, posting, .. } = &self.request else {
            return Vec::new();
        };
        let changed = RoomRecord {
            topic: topic.clone().unwrap_or_else(|| room.topic.clone()),
            visibility: visibility.unwrap_or(room.visibility),
            posting: posting.unwrap_or(room.posting),
            ..room.clone()
        };
        if changed == room { Vec::new() } else { vec![AccessWrite::PutRoom(changed)] }
    }

    /// Makes a user who is no member one.
    fn join(
        &self,
        room: RoomRecord,
        user: UserId,
        role: Role,
    ) -> Result<[AccessWrite; 2], Refused> {
        self.check(AccessLimit::Members, room.members)?;
        let member = RoomMember { user, role, since: self.at };
        let joined = AccessWrite::PutMember(room.id.key(), member);
        Ok([AccessWrite::PutRoom(room.with_role(None, Some(role))), joined])
    }

    fn invite(&self, state: &AccessState) -> Result<Vec<AccessWrite>, Refused> {
        let AccessRequest::Invite { room: key, code, expires_at, uses } = &self.request else {
            return Ok(Vec::new());
        };
        room(state)?;
        let new = Invitation {
            code: *code,
            room: key.clone(),
            expires_at: *expires_at,
            uses_left: *uses,
            created_by: self.by,
            created_at: self.at,
        };
        match &state.invitation {
            Some(old) if old.room == new.room && old.created_by == new.created_by => {
                return Ok(Vec::new());
            }
            Some(_) => return Err(Refused::InvitationExists),
            None if new.expires_at <= self.at => return Err(Refused::InvitationExpired),
            None if new.uses_left == 0 => return Err(Refused::InvitationUsedUp),
            None => {}
        }
        if new.uses_left > self.limits.uses {
            return Err(Refused::TooMany(AccessLimit::Uses));
        }
        self.check(AccessLimit::Invitations, state.count)?;
        Ok(vec![AccessWrite::PutInvitation(new)])
    }

    fn redeem(&self, state: &AccessState, user: UserId) -> Result<Vec<AccessWrite>, Refused> {
        let Some(invitation) = &state.invitation else { return Err(Refused::InvitationUnknown) };
        let room = room(state)?;
        // Also a retry after the invitation has ended: the first try has made the user a member.
        if state.member.is_some() {
            return Ok(Vec::new());
        }
        if state.is_redeemed {
            return Err(Refused::InvitationRedeemed);
        }
        if invitation.expires_at <= self.at {
            return Err(Refused::InvitationExpired);
        }
        let Some(uses_left) = invitation.uses_left.checked_sub(1) else {
            return Err(Refused::InvitationUsedUp);
        };
        let mut steps = self.join(room, user, Role::Member)?.to_vec();
        steps.push(AccessWrite::PutInvitation(Invitation { uses_left, ..invitation.clone() }));
        steps.push(AccessWrite::PutRedeemed(invitation.code, user));
        Ok(steps)
    }

    fn sanction(
        &self,
        state: &AccessState,
        key: &SanctionKey,
        until: Option<chat_core::Timestamp>,
    ) -> Result<Vec<AccessWrite>, Refused> {
        let (by, at, reason) = (self.by, self.at, self.reason.clone());
        let new = Sanction { key: key.clone(), until, by, at, reason };
        match state.sanction.as_ref().filter(|old| old.is_in_force(self.at)) {
            Some(old) if old.until == until => return Ok(Vec::new()),
            // One that ends the old one now is no longer than that.
            Some(_) => {}
            None if !new.is_in_force(self.at) => return Ok(Vec::new()),
            None => self.check(AccessLimit::Sanctions, state.count)?,
        }
        Ok(vec![AccessWrite::PutSanction(new)])
    }

    /// Checks whether there may be one more.
    fn check(&self, limit: AccessLimit, count: u32) -> Result<(), Refused> {
        if count < self.limits.of(limit) { Ok(()) } else { Err(Refused::TooMany(limit)) }
    }
}

/// Returns the room, also if it was deleted.
fn kept(state: &AccessState) -> Result<RoomRecord, Refused> {
    state.room.clone().ok_or(Refused::NoRoom)
}

fn room(state: &AccessState) -> Result<RoomRecord, Refused> {
    kept(state).and_then(|room| match room.visibility {
        Visibility::Deleted => Err(Refused::NoRoom),
        _ => Ok(room),
    })
}

fn set_role(state: &AccessState, role: Role) -> Result<Vec<AccessWrite>, Refused> {
    let room = room(state)?;
    let member = state.member.ok_or(Refused::NotMember)?;
    if member.role == role {
        return Ok(Vec::new());
    }
    check_owners(&room, member)?;
    let key = room.id.key();
    Ok(vec![
        AccessWrite::PutRoom(room.with_role(Some(member.role), Some(role))),
        AccessWrite::PutMember(key, RoomMember { role, ..member }),
    ])
}

fn remove_member(state: &AccessState) -> Result<Vec<AccessWrite>, Refused> {
    let room = kept(state)?;
    let Some(member) = state.member else { return Ok(Vec::new()) };
    check_owners(&room, member)?;
    let key = room.id.key();
    Ok(vec![
        AccessWrite::PutRoom(room.with_role(Some(member.role), None)),
        AccessWrite::DeleteMember(key, member.user),
    ])
}

/// Checks that somebody else owns the room too, if this member owns it and is about to stop.
fn check_owners(room: &RoomRecord, member: RoomMember) -> Result<(), Refused> {
    if member.role == Role::Owner && room.owners <= 1 { Err(Refused::LastOwner) } else { Ok(()) }
}

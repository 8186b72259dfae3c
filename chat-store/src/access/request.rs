use chat_core::{
    AccessAction, Posting, Reason, Role, RoomId, RoomKey, SanctionKind, Timestamp, Topic, UserId,
    Visibility,
};

use super::{InvitationCode, SanctionKey, Subject};

/// A change of who may do what, that is not made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewAccessChange {
    /// What to change.
    pub request: AccessRequest,
    /// Who changes it; none for the server itself.
    pub by: Option<UserId>,
    /// Why.
    pub reason: Option<Reason>,
    /// The current time. What has expired by then does not count.
    pub at: Timestamp,
    /// How much there may be.
    pub limits: AccessLimits,
}

/// What to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessRequest {
    /// Create a room.
    CreateRoom {
        /// Its name.
        room: RoomId,
        /// What it is about.
        topic: Topic,
        /// Who may find and read it.
        visibility: Visibility,
        /// Who may write to it.
        posting: Posting,
        /// Its first member.
        owner: Option<UserId>,
    },
    /// Change a room; what is `None` stays. [`Visibility::Deleted`] deletes it, and another visibility brings it back.
    ChangeRoom {
        /// The room.
        room: RoomKey,
        /// What it is about.
        topic: Option<Topic>,
        /// Who may find and read it.
        visibility: Option<Visibility>,
        /// Who may write to it.
        posting: Option<Posting>,
    },
    /// Make a user a member. A user who is a member already keeps the role.
    AddMember {
        /// The room.
        room: RoomKey,
        /// The user.
        user: UserId,
        /// The role of a new member.
        role: Role,
    },
    /// Give a member another role.
    SetRole {
        /// The room.
        room: RoomKey,
        /// The member.
        user: UserId,
        /// The role.
        role: Role,
    },
    /// End a membership.
    RemoveMember {
        /// The room.
        room: RoomKey,
        /// The member.
        user: UserId,
    },
    /// Issue an invitation.
    Invite {
        /// The room.
        room: RoomKey,
        /// The hash of its code.
        code: InvitationCode,
        /// When it ends.
        expires_at: Timestamp,
        /// How many users may redeem it, at least 1.
        uses: u32,
    },
    /// Become a member by an invitation.
    Redeem {
        /// The hash of its code.
        code: InvitationCode,
        /// The user.
        user: UserId,
    },
    /// End an invitation of a room.
    RevokeInvitation {
        /// The room.
        room: RoomKey,
        /// The hash of its code.
        code: InvitationCode,
    },
    /// Send somebody away. Nothing but the entry in the log is kept.
    Kick {
        /// The room; none for everywhere.
        room: Option<RoomKey>,
        /// Who.
        subject: Subject,
    },
    /// Note that a user was given another nickname. Nothing but the entry in the log is kept: the nickname is claimed
    /// [elsewhere](crate::NicknameStore::claim_nickname).
    Rename {
        /// Who.
        user: UserId,
    },
    /// Note that a nickname was taken from a user; otherwise as [`Rename`](Self::Rename).
    TakeNickname {
        /// Who.
        user: UserId,
    },
    /// Ban or mute somebody. Replaces an earlier sanction with the same key.
    Sanction {
        /// Who may not do what, and where.
        key: SanctionKey,
        /// When it ends; none if only by being lifted.
        until: Option<Timestamp>,
    },
    /// End a ban or a mute.
    LiftSanction {
        /// Who may do what again, and where.
        key: SanctionKey,
    },
}

/// Something of which there may not be more than a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessLimit {
    /// Rooms in all.
    Rooms,
    /// Members of a room.
    Members,
    /// Invitations of a room that have not expired.
    Invitations,
    /// Uses of an invitation.
    Uses,
    /// Sanctions in force in a room, or everywhere.
    Sanctions,
}

/// How much there may be of what users create. What is there already stays if a limit becomes smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessLimits {
    /// Rooms in all.
    pub rooms: u32,
    /// Members of a room.
    pub members: u32,
    /// Invitations of a room that have not expired.
    pub invitations: u32,
    /// Uses of an invitation.
    pub uses: u32,
    /// Sanctions in force in a room, and, counted apart, everywhere.
    pub sanctions: u32,
}

/// 10,000 rooms, 100,000 members of each, 100 invitations of 1,000 uses, and 10,000 sanctions.
impl Default for AccessLimits {
    fn default() -> Self {
        let (rooms, members, sanctions) = (10_000, 100_000, 10_000);
        Self { rooms, members, invitations: 100, uses: 1000, sanctions }
    }
}

impl AccessLimits {
    /// Returns the limit of one thing.
    pub fn of(&self, limit: AccessLimit) -> u32 {
        match limit {
            AccessLimit::Rooms => self.rooms,
            AccessLimit::Members => self.members,
            AccessLimit::Invitations => self.invitations,
            AccessLimit::Uses => self.uses,
            AccessLimit::Sanctions => self.sanctions,
        }
    }
}

impl NewAccessChange {
    /// Creates a change by the server itself, at `at`, with the default limits.
    pub fn new(request: AccessRequest, at: Timestamp) -> Self {
        Self { request, by: None, reason: None, at, limits: AccessLimits::default() }
    }

    /// Sets who changes it.
    #[must_use]
    pub fn with_by(self, user: UserId) -> Self {
        Self { by: Some(user), ..self }
    }

    /// Sets why.
    #[must_use]
    pub fn with_reason(self, reason: Reason) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Sets how much there may be.
    #[must_use]
    pub fn with_limits(self, limits: AccessLimits) -> Self {
        Self { limits, ..self }
    }
}

impl AccessRequest {
    /// Returns the room that it names. [`Redeem`](Self::Redeem) names none: the invitation does.
    pub fn room(&self) -> Option<RoomKey> {
        match self {
            Self::CreateRoom { room, .. } => Some(room.key()),
            Self::ChangeRoom { room, .. }
            | Self::AddMember { room, .. }
            | Self::SetRole { room, .. }
            | Self::RemoveMember { room, .. }
            | Self::Invite { room, .. }
            | Self::RevokeInvitation { room, .. } => Some(room.clone()),
            Self::Kick { room, .. } => room.clone(),
            Self::Sanction { key, .. } | Self::LiftSanction { key } => key.room.clone(),
            Self::Redeem { .. } | Self::Rename { .. } | Self::TakeNickname { .. } => None,
        }
    }

    /// Returns the user whose membership it changes.
    pub fn member(&self) -> Option<UserId> {
        match *self {
            Self::CreateRoom { owner, .. } => owner,
            Self::AddMember { user, .. }
            | Self::SetRole { user, .. }
            | Self::RemoveMember { user, .. }
            | Self::Redeem { user, .. } => Some(user),
            _ => None,
        }
    }

    /// Returns the invitation that it is about.
    pub fn code(&self) -> Option<InvitationCode> {
        match *self {
            Self::Invite { code, .. }
            | Self::Redeem { code, .. }
            | Self::RevokeInvitation { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Returns the sanction that it is about.
    pub fn sanction(&self) -> Option<&SanctionKey> {
        match self {
            Self::Sanction { key, .. } | Self::LiftSanction { key } => Some(key),
            _ => None,
        }
    }

    /// Returns what has to be counted before it may create one more.
    pub fn counted(&self) -> Option<AccessLimit> {
        match self {
            Self::CreateRoom { .. } => Some(AccessLimit::Rooms),
            Self::Invite { .. } => Some(AccessLimit::Invitations),
            Self::Sanction { .. } => Some(AccessLimit::Sanctions),
            _ => None,
        }
    }

    /// Returns what the log will call it.
    pub fn action(&self) -> AccessAction {
        match self {
            Self::CreateRoom { .. } => AccessAction::CreateRoom,
            Self::ChangeRoom { visibility: Some(Visibility::Deleted), .. } => {
                AccessAction::DeleteRoom
            }
            Self::ChangeRoom { .. } => AccessAction::ChangeRoom,
            Self::AddMember { .. } => AccessAction::AddMember,
            Self::SetRole { .. } => AccessAction::SetRole,
            Self::RemoveMember { .. } => AccessAction::RemoveMember,
            Self::Invite { .. } => AccessAction::Invite,
            Self::Redeem { .. } => AccessAction::Redeem,
            Self::RevokeInvitation { .. } => AccessAction::RevokeInvitation,
            Self::Kick { .. } => AccessAction::Kick,
            Self::Rename { .. } => AccessAction::Rename,
            Self::TakeNickname { .. } => AccessAction::TakeNickname,
            Self::Sanction { key, .. } => match key.kind {
                SanctionKind::Ban => AccessAction::Ban,
                SanctionKind::Mute => AccessAction::Mute,
            },
            Self::LiftSanction { key } => match key.kind {
                SanctionKind::Ban => AccessAction::LiftBan,
                SanctionKind::Mute => AccessAction::LiftMute,
            },
        }
    }
}

use std::fmt;

use chat_core::{AccessAction, Reason, Role, RoomKey, Timestamp, UserId};

use super::{AccessLimit, RoomRecord, Subject};

/// The position of a change in the access log: the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessNumber(u64);

impl AccessNumber {
    /// The position before the first change.
    pub const ZERO: Self = Self(0);

    /// Creates a position from a number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns it as a number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Returns the next position.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for AccessNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A change in the access log: who did what to whom, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessChange {
    /// Its position.
    pub number: AccessNumber,
    /// When it was made, by the clock of the node that made it.
    pub at: Timestamp,
    /// Who made it; none for the server itself.
    pub by: Option<UserId>,
    /// What was done.
    pub action: AccessAction,
    /// The room; none for everywhere.
    pub room: Option<RoomKey>,
    /// To whom; none if to a room or an invitation.
    pub subject: Option<Subject>,
    /// The role that the subject has since.
    pub role: Option<Role>,
    /// When a sanction or an invitation ends.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: Option<Reason>,
}

/// The result of a [`NewAccessChange`](super::NewAccessChange).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessChanged {
    /// It was made, and is at this position of the log.
    Yes(AccessNumber),
    /// Everything is as requested already. The log has no entry of this request.
    Unchanged,
    /// It cannot be made. Nothing was changed.
    No(Refused),
}

/// Why a change cannot be made, whoever requests it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// There is a room with this name, or one that compares as the same.
    RoomExists(RoomRecord),
    /// The room is not kept, or was deleted.
    NoRoom,
    /// The user is not a member.
    NotMember,
    /// The user is the last owner.
    LastOwner,
    /// There is no such invitation, or not to this room.
    InvitationUnknown,
    /// The invitation has expired, or would have when it is issued.
    InvitationExpired,
    /// As many users have redeemed the invitation as it was for.
    InvitationUsedUp,
    /// The user has redeemed the invitation before, and is no member any more. It takes another one to come back.
    InvitationRedeemed,
    /// There is an invitation with this code.
    InvitationExists,
    /// There would be more than the [limits](super::AccessLimits) allow.
    TooMany(AccessLimit),
}

use chat_core::{Posting, Role, RoomId, Timestamp, Topic, UserId, Visibility};

/// A room that is kept: it has members, and is there also while nobody is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRecord {
    /// Its name, as it was created. No other kept room has a name with the same [key](RoomId::key).
    pub id: RoomId,
    /// What it is about.
    pub topic: Topic,
    /// Who may find and read it.
    pub visibility: Visibility,
    /// Who may write to it.
    pub posting: Posting,
    /// Who created it; none for the server itself.
    pub created_by: Option<UserId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The number of members who are owners. Once there is one, there always is one.
    pub owners: u32,
    /// The number of members, owners included.
    pub members: u32,
}

/// A room, and what one user is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomAccess {
    /// The room.
    pub room: RoomRecord,
    /// The role of the user; none if the user is not a member.
    pub role: Option<Role>,
}

/// A member of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomMember {
    /// The user.
    pub user: UserId,
    /// What the member may do.
    pub role: Role,
    /// When the user became a member.
    pub since: Timestamp,
}

impl RoomRecord {
    /// Returns the record with one member more or less: of role `new` instead of `old`.
    #[must_use]
    pub(super) fn with_role(self, old: Option<Role>, new: Option<Role>) -> Self {
        let is_owner = |role| u32::from(role == Some(Role::Owner));
        let is_member = |role: Option<Role>| u32::from(role.is_some());
        Self {
            owners: (self.owners + is_owner(new)).saturating_sub(is_owner(old)),
            members: (self.members + is_member(new)).saturating_sub(is_member(old)),
            ..self
        }
    }
}

/// For whom rooms are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomViewer {
    /// Anybody: public rooms.
    Anyone,
    /// A user: public rooms, and private ones with this member.
    User(UserId),
    /// Those who run the chat: all rooms.
    Operator,
}

impl RoomViewer {
    /// Returns the user whose roles are listed.
    pub(crate) fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Anyone | Self::Operator => None,
        }
    }
}

impl From<Option<UserId>> for RoomViewer {
    /// Returns a user, or anyone.
    fn from(user: Option<UserId>) -> Self {
        user.map_or(Self::Anyone, Self::User)
    }
}

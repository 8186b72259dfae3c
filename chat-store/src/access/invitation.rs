use std::fmt;

use chat_core::{RoomKey, Timestamp, UserId};

/// Identifies an invitation: a hash of the code that the invited have.
///
/// Someone who reads the store cannot recover the code from it, if the code is random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InvitationCode(pub [u8; 32]);

/// An invitation to become a member of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The hash of its code.
    pub code: InvitationCode,
    /// The room.
    pub room: RoomKey,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The number of users who may still redeem it. One that is used up stays until it expires.
    pub uses_left: u32,
    /// Who issued it; none for the server itself.
    pub created_by: Option<UserId>,
    /// When it was issued.
    pub created_at: Timestamp,
}

impl fmt::Debug for InvitationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Enough to tell two apart.
        write!(f, "InvitationCode({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

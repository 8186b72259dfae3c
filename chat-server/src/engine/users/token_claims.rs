use chat_core::RoomId;

/// What a signed token says of its user beyond the name: where the user may go, and as what. Empty without a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TokenClaims {
    /// The only rooms for this user, [`MAX_ROOMS`](Self::MAX_ROOMS) at most; none if the token does not limit them.
    pub(crate) rooms: Option<Vec<RoomId>>,
    /// The user's roles, [`MAX_ROLES`](Self::MAX_ROLES) at most, each of 1 to
    /// [`MAX_ROLE_BYTES`](Self::MAX_ROLE_BYTES) bytes. What they mean is up to who asks.
    pub(crate) roles: Vec<String>,
}

impl TokenClaims {
    /// Beyond it, rooms are left out.
    pub(crate) const MAX_ROOMS: usize = 500;

    /// Beyond it, roles are left out.
    pub(crate) const MAX_ROLES: usize = 100;

    /// A longer role is left out.
    pub(crate) const MAX_ROLE_BYTES: usize = 256;
}

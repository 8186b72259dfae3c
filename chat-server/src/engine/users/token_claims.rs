use std::sync::{Arc, LazyLock};

use chat_core::{Role, RoomId};

/// What a signed token says of its user beyond the name: where the user may go, and as what. Empty without a token.
///
/// Its issuer bounds both lists, so that a user costs little memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TokenClaims {
    /// The only rooms for this user, sorted; none if the token does not limit them.
    pub(crate) rooms: Option<Vec<RoomId>>,
    /// The user's roles, sorted. What they mean is up to who asks.
    pub(crate) roles: Vec<String>,
}

/// The role that counts as owner of every room.
const ADMIN: &str = "admin";

/// The role that counts as moderator of every room.
const MODERATOR: &str = "moderator";

impl TokenClaims {
    /// Returns the role that the user has in every room.
    pub(crate) fn role(&self) -> Option<Role> {
        let has = |role: &str| self.roles.iter().any(|known| known == role);
        match (has(ADMIN), has(MODERATOR)) {
            (true, _) => Some(Role::Owner),
            (false, true) => Some(Role::Moderator),
            (false, false) => None,
        }
    }

    /// Returns the claims of the administrator, who has no token.
    pub(crate) fn admin() -> Arc<Self> {
        static ADMINISTRATOR: LazyLock<Arc<TokenClaims>> =
            LazyLock::new(|| Arc::new(TokenClaims { rooms: None, roles: vec![ADMIN.into()] }));
        Arc::clone(&ADMINISTRATOR)
    }

    /// Returns the claims of a user without a token, which all such users share.
    pub(crate) fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<TokenClaims>> = LazyLock::new(Arc::default);
        Arc::clone(&NONE)
    }
}

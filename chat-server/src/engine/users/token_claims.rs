use std::sync::{Arc, LazyLock};

use chat_core::RoomId;

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

impl TokenClaims {
    /// Returns the claims of a user without a token, which all such users share.
    pub(crate) fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<TokenClaims>> = LazyLock::new(Arc::default);
        Arc::clone(&NONE)
    }
}

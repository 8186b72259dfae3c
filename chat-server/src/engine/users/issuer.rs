use chat_core::event::Token;
use chat_core::{Nickname, Refusal, Timestamp};
use chat_store::OwnerKey;

/// An external authority that identifies clients by the tokens it issues.
pub(crate) trait Issuer: Send + Sync {
    /// Returns the user that a token names.
    ///
    /// # Errors
    /// When the token is missing, from another issuer, or not valid now.
    fn subject(&self, token: Option<&Token>) -> Result<Subject, Refusal>;
}

/// The user that a token names.
pub(crate) struct Subject {
    pub(crate) owner: OwnerKey,
    pub(crate) nickname: Nickname,
    pub(crate) until: Option<Timestamp>,
}

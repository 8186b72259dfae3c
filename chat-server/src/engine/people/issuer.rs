use chat_core::{Nickname, Refusal, Timestamp, Token};
use chat_store::OwnerKey;

/// Somebody else who knows who clients are, and gives them tokens that say so.
pub(crate) trait Issuer: Send + Sync {
    /// Whom a token names.
    ///
    /// # Errors
    /// There is none, or it is not the issuer's, or not valid now.
    fn subject(&self, token: Option<&Token>) -> Result<Subject, Refusal>;
}

/// Whom a token names.
pub(crate) struct Subject {
    pub(crate) owner: OwnerKey,
    pub(crate) nickname: Nickname,
    pub(crate) until: Option<Timestamp>,
}

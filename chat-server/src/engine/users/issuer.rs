use std::sync::Arc;

use chat_core::event::Token;
use chat_core::{Refusal, Timestamp};
use chat_store::OwnerKey;

use super::token_claims::TokenClaims;

/// An external authority that identifies clients by the tokens it issues.
pub(crate) trait Issuer: Send + Sync {
    /// Returns the user that a token names.
    ///
    /// # Errors
    /// When the token is missing, from another issuer, or not valid now.
    fn subject(&self, token: Option<&Token>) -> Result<Subject, Refusal>;
}

/// The user that a token names.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) owner: OwnerKey,
    /// What the token calls the user, the best name first. Any text: nothing of it is checked.
    pub(crate) names: Vec<String>,
    /// When the token expires, if it does.
    pub(crate) until: Option<Timestamp>,
    pub(crate) claims: Arc<TokenClaims>,
}

use std::fmt;

use chat_core::Refusal;

/// Why a client may not connect: what [`ChatBuilder::authenticate`](crate::ChatBuilder::authenticate) refuses it with.
///
/// The client gets the event `connect_error` with an `Error`, whose `message` is the [text](fmt::Display) of this: the
/// code, `: ` and the message, or the message alone without a code.
///
/// ```
/// use chat_core::{Refusal, RefusalCode};
/// use chat_server::ConnectError;
///
/// let own = ConnectError::new("you need a ticket").with_code("ticket_required");
/// assert_eq!(own.to_string(), "ticket_required: you need a ticket");
///
/// // A code of the chat's own, which its clients know.
/// let refusal = Refusal::new(RefusalCode::ExpiredToken, "the ticket has expired");
/// assert_eq!(ConnectError::from(refusal).to_string(), "expired_token: the ticket has expired");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError {
    code: Option<String>,
    message: String,
}

impl ConnectError {
    /// Creates an error with this message, for people, and without a code.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: None, message: message.into() }
    }

    /// Sets the reason for programs. The chat's own codes are in `snake_case`; use none of them for something else.
    #[must_use]
    pub fn with_code(self, code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..self }
    }
}

impl From<Refusal> for ConnectError {
    fn from(refusal: Refusal) -> Self {
        let code = serde_json::to_value(refusal.code).unwrap_or_default();
        Self { code: code.as_str().map(ToOwned::to_owned), message: refusal.message }
    }
}

// socketioxide sends one text.
impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ConnectError {}

use std::fmt;
use std::time::Duration;

use chat_core::Refusal;
use serde_json::json;

/// Why a client may not connect: what [`ChatBuilder::authenticate`](crate::ChatBuilder::authenticate) refuses it with.
///
/// The client gets the event `connect_error` with an `Error`. Its `message` is the [text](fmt::Display) of this: the
/// code, `: ` and the message, or the message alone without a code. Its `data` has them apart: `{ code, message }`, plus
/// `retryAfter` in milliseconds for a refusal that has one.
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
    retry_after: Option<Duration>,
}

impl ConnectError {
    /// Creates an error with this message, for people, and without a code.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: None, message: message.into(), retry_after: None }
    }

    /// Sets the reason for programs. The chat's own codes are in `snake_case`; use none of them for something else.
    #[must_use]
    pub fn with_code(self, code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// Returns the `data` of the client's error, as JSON.
    pub(super) fn data(&self) -> String {
        let mut data = json!({ "message": self.message });
        if let Some(code) = &self.code {
            data["code"] = json!(code);
        }
        if let Some(wait) = self.retry_after {
            data["retryAfter"] = json!(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        }
        data.to_string()
    }
}

impl From<Refusal> for ConnectError {
    fn from(refusal: Refusal) -> Self {
        let code = serde_json::to_value(refusal.code).unwrap_or_default();
        let code = code.as_str().map(ToOwned::to_owned);
        Self { code, message: refusal.message, retry_after: refusal.retry_after }
    }
}

/// What clients without the `data` of errors get.
impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ConnectError {}

use chat_core::{Refusal, RefusalCode};

use crate::socketio::transport::AUTH_TOO_LARGE;

/// Refuses a client whose `auth` was too large to read.
pub(crate) fn check_auth(auth: &str) -> Result<(), Refusal> {
    let begins = auth.strip_prefix("{\"").is_some_and(|rest| rest.starts_with(AUTH_TOO_LARGE));
    if !begins {
        return Ok(());
    }
    let message = "what the client says in `auth` is too large";
    Err(Refusal::new(RefusalCode::TooLarge, message))
}

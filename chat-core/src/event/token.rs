use serde::{Deserialize, Serialize};

use super::arguments::Arguments;
use super::handshake::Token;
use crate::{Nickname, Refusal, RefusalCode, Timestamp};

/// The answer to [`TOKEN`](super::TOKEN).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenTaken {
    /// The user's nickname from now on: the new token may give another one.
    pub nickname: Nickname,
    /// When the new token expires, in milliseconds since 1970 and at least until when the connection may last; `null`
    /// if it does not expire.
    pub until: Option<Timestamp>,
}

impl TokenTaken {
    /// Creates the answer to a client whose new token gives it this nickname and expires at `until`.
    pub fn new(nickname: Nickname, until: Option<Timestamp>) -> Self {
        Self { nickname, until }
    }
}

/// Reads `emit("token", token)` from the JSON text of an event: an array whose first item is the event's name. Extra
/// arguments are ignored.
///
/// # Errors
/// The refusal to answer with, for anything else.
pub fn token_from_event(json: &str) -> Result<Token, Refusal> {
    const EXPECTED: &str = "the first argument must be the token, a string";
    let token: String = Arguments::of(json)?.required(1, EXPECTED)?;
    token.try_into().map_err(|error| Refusal::invalid(RefusalCode::InvalidToken, error))
}

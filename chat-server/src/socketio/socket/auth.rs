use chat_core::event::{Handshake, NotJoined, mended_json};
use chat_core::{Refusal, RefusalCode};
use serde::Deserialize;
use serde_json::Value as Json;

use super::not_joined::not_joined;
use crate::socketio::recovery::Claim;
use crate::socketio::transport::AUTH_TOO_LARGE;

/// What a client says in `auth` when it connects.
pub(crate) struct Auth {
    /// All of it, an object.
    pub(crate) json: Json,
    /// What the chat knows of it. What it cannot understand counts as absent.
    pub(crate) handshake: Handshake,
    /// The session that it claims.
    pub(crate) claim: Claim,
}

impl Auth {
    /// Reads it from JSON. Another value than an object counts as absent: a list would be read as the fields in their
    /// order.
    ///
    /// # Errors
    /// The refusal to answer with when it is too large or cannot be read at all: either would let the client in as
    /// somebody new.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        let is_too_large =
            text.strip_prefix("{\"").is_some_and(|rest| rest.starts_with(AUTH_TOO_LARGE));
        if is_too_large {
            let message = "what the client says in `auth` is too large";
            return Err(Refusal::new(RefusalCode::TooLarge, message));
        }
        let Ok(json) = serde_json::from_str::<Json>(&mended_json(text)) else {
            return Err(Refusal::new(RefusalCode::InvalidArguments, "auth is not valid JSON"));
        };
        let json = if json.is_object() { json } else { Json::Object(serde_json::Map::new()) };
        let handshake = Handshake::deserialize(&json).unwrap_or_default();
        let claim = Claim::deserialize(&json).unwrap_or_default();
        Ok(Self { json, handshake, claim })
    }

    /// Which of its rooms the client is not in, and why; none when it is in all of them.
    pub(crate) fn not_joined(&self, max_rooms: usize) -> Option<NotJoined> {
        not_joined(&self.json["rooms"], max_rooms)
    }
}

/// Reads what a client says in `auth`, as far as the chat knows it, with the names of rooms that it cannot join. None
/// if the client is refused.
#[cfg(feature = "bench")]
pub fn read_auth(text: &str, max_rooms: usize) -> Option<(Handshake, Option<NotJoined>)> {
    let auth = Auth::read(text).ok()?;
    let not_joined = auth.not_joined(max_rooms);
    Some((auth.handshake, not_joined))
}

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::devices::LinkCode;
use super::whole::Whole;
use crate::{Offset, ParseError, RecoveryOffset, RoomId};

/// The fields of `auth` that a client sends when it connects. All fields are optional, and unknown ones are ignored.
///
/// A field of the wrong type counts as absent: a client with corrupted local state is served from the beginning
/// rather than locked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Handshake {
    /// The last offset that the client has handled; [`Offset::ZERO`] is the beginning.
    #[serde(deserialize_with = "lenient_offset")]
    pub server_offset: Offset,
    /// The trailing string of the last message that the client has handled. It names that message and its log: where
    /// the log or the message is another one, the client is [told](super::OTHER_LOG) and served from the beginning.
    /// Socket.IO clients send it by themselves when they recover.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub offset: Option<RecoveryOffset>,
    /// The rooms to join on connecting; if empty, [`RoomId::general`]. Invalid names are left out, and the client is
    /// told so ([`NOT_JOINED`](super::NOT_JOINED)).
    #[serde(deserialize_with = "lenient_list", skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<RoomId>,
    /// For a client without an offset: the number of messages of each room to begin with; all of them if absent.
    #[serde(deserialize_with = "lenient_count", skip_serializing_if = "Option::is_none")]
    pub history: Option<usize>,
    /// The requested nickname, not checked yet.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The secret that proves ownership of the nickname, or the token that identifies the user.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// The code of an invitation to a room, with which a client becomes a user where new users need one.
    #[serde(deserialize_with = "lenient_code", skip_serializing_if = "Option::is_none")]
    pub invitation: Option<LinkCode>,
    /// Whether the client's own messages are sent back to it; the default is yes. Otherwise it shows them itself, and
    /// uses its client offsets to recognise those that arrive again after a reconnect.
    #[serde(deserialize_with = "lenient_true", skip_serializing_if = "Clone::clone")]
    pub echo: bool,
}

impl Default for Handshake {
    fn default() -> Self {
        Self {
            server_offset: Offset::ZERO,
            offset: None,
            rooms: Vec::new(),
            history: None,
            nickname: None,
            token: None,
            invitation: None,
            echo: true,
        }
    }
}

impl Handshake {
    /// Creates the handshake of a client that has handled everything up to `position`, in the log that it names.
    pub fn resume(position: RecoveryOffset) -> Self {
        Self { server_offset: position.offset, offset: Some(position), ..Self::default() }
    }

    /// Sets the last offset that the client has handled.
    #[must_use]
    pub fn with_server_offset(self, server_offset: Offset) -> Self {
        Self { server_offset, ..self }
    }

    /// Sets the rooms to join on connecting.
    #[must_use]
    pub fn with_rooms(self, rooms: Vec<RoomId>) -> Self {
        Self { rooms, ..self }
    }

    /// Sets the number of messages of each room to begin with.
    #[must_use]
    pub fn with_history(self, history: usize) -> Self {
        Self { history: Some(history), ..self }
    }

    /// Sets the nickname to ask for.
    #[must_use]
    pub fn with_nickname(self, nickname: impl Into<String>) -> Self {
        Self { nickname: Some(nickname.into()), ..self }
    }

    /// Sets the secret that proves who the client is.
    #[must_use]
    pub fn with_token(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Sets the code of an invitation.
    #[must_use]
    pub fn with_invitation(self, code: LinkCode) -> Self {
        Self { invitation: Some(code), ..self }
    }

    /// Sets whether the client's own messages are sent back to it.
    #[must_use]
    pub fn with_echo(self, echo: bool) -> Self {
        Self { echo, ..self }
    }
}

fn lenient_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<LinkCode>, D::Error> {
    let code: Option<String> = lenient(deserializer)?;
    Ok(code.and_then(|code| code.parse().ok()))
}

fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

fn lenient_offset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Offset, D::Error> {
    let number: Option<Whole> = lenient(deserializer)?;
    Ok(number.and_then(|Whole(number)| Offset::new(number).ok()).unwrap_or_default())
}

fn lenient_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let number: Option<Whole> = lenient(deserializer)?;
    Ok(number.and_then(|Whole(number)| usize::try_from(number).ok()))
}

fn lenient_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    // Clients in Java can send nothing but texts.
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_bool().unwrap_or(value != "false"))
}

fn lenient_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let Value::Array(values) = Value::deserialize(deserializer)? else { return Ok(Vec::new()) };
    Ok(values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}

/// A client's secret that proves who it is: one that keeps a nickname, or a JSON Web Token. 1 to 8,192 bytes.
///
/// `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Token(Box<str>);

impl Token {
    /// The maximum length of a token in bytes.
    pub const MAX_BYTES: usize = 8192;

    /// Returns the token as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Token {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        const WHAT: &str = "a token";
        let (bytes, max) = (text.len(), Self::MAX_BYTES);
        match bytes {
            0 => Err(ParseError::Empty { what: WHAT }),
            _ if bytes > max => Err(ParseError::TooLong { what: WHAT, bytes, max }),
            _ => Ok(Self(text.into())),
        }
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.0.into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

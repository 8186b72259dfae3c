use serde::{Deserialize, Serialize};

use super::arguments::Arguments;
use super::users::nickname;
use crate::{Nickname, Refusal, UserId};

/// The argument of [`PRIVATE_TYPING`](super::PRIVATE_TYPING) from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PrivateTyping {
    /// The nickname of the user who is typing.
    pub nickname: Nickname,
    /// The user.
    #[serde(serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// Whether the user is typing, or has stopped.
    pub typing: bool,
}

impl PrivateTyping {
    /// Creates the report that a user is typing a private message, or has stopped.
    pub fn new(nickname: Nickname, user: UserId, typing: bool) -> Self {
        Self { nickname, user: Some(user), typing }
    }

    /// Reads `emit("private typing", nickname, typing)` from the JSON text of an event: to whom the client is typing, and
    /// whether it is.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<(Nickname, bool), Refusal> {
        let arguments = Arguments::of(json)?;
        let typing = arguments.required(2, "the second argument must be true or false")?;
        Ok((nickname(&arguments)?, typing))
    }
}

/// The answer to [`PRIVATE_TYPING`](super::PRIVATE_TYPING): the server has received it. The other user receives it at most
/// once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PrivateTypingHeard {
    /// The other user's nickname.
    pub to: Nickname,
    /// Whether the client is typing to it, as it reported.
    pub typing: bool,
}

impl PrivateTypingHeard {
    /// Creates the answer to a client that has reported whether it is typing to a user.
    pub fn new(to: Nickname, typing: bool) -> Self {
        Self { to, typing }
    }
}

/// The answer to [`ONLINE`](super::ONLINE).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Online {
    /// The nickname that was asked about.
    pub nickname: Nickname,
    /// The user.
    #[serde(serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// Whether the user is in any room, on any node.
    pub online: bool,
}

impl Online {
    /// Creates an answer.
    pub fn new(nickname: Nickname, user: UserId, online: bool) -> Self {
        Self { nickname, user: Some(user), online }
    }

    /// Reads `emit("is online", nickname)` from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Nickname, Refusal> {
        nickname(&Arguments::of(json)?)
    }
}

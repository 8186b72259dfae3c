use serde::{Deserialize, Serialize};

use super::arguments::Arguments;
use super::devices::{DeviceLabel, LinkCode};
use super::handshake::Token;
use super::rooms::room;
use crate::{Nickname, Refusal, RefusalCode, RoomId, UserId};

/// The arguments of [`NICKNAME`](super::NICKNAME) from a client: `emit("nickname", name)`, or `emit("nickname", name,
/// token)`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NicknameRequest {
    /// The requested nickname.
    pub nickname: Nickname,
    /// The secret that proves ownership; a free nickname is claimed with it. Without a token, the secret of the
    /// client's previous nickname is used, or if there is none, the server creates one.
    pub token: Option<Token>,
    /// The code of an invitation to a room, with which a client becomes a user where that takes one.
    pub invitation: Option<LinkCode>,
    /// What the user calls the device, for a token that is new to the server.
    pub label: Option<DeviceLabel>,
}

impl NicknameRequest {
    /// Creates a request without a token.
    pub fn new(nickname: Nickname) -> Self {
        Self { nickname, token: None, invitation: None, label: None }
    }

    /// Sets the secret that proves ownership.
    #[must_use]
    pub fn with_token(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Sets the code of an invitation.
    #[must_use]
    pub fn with_invitation(self, code: LinkCode) -> Self {
        Self { invitation: Some(code), ..self }
    }

    /// Sets what the user calls the device.
    #[must_use]
    pub fn with_label(self, label: DeviceLabel) -> Self {
        Self { label: Some(label), ..self }
    }

    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's name. Extra
    /// arguments are ignored.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const CODE: &str = "`invitation` must be a code, a string";
        const LABEL: &str = "`label` must be a text";
        let arguments = Arguments::of(json)?;
        let token: Option<String> =
            arguments.optional(2, "the second argument must be the token, a string")?;
        let token = token.map(Token::try_from).transpose();
        let token = token.map_err(|error| Refusal::invalid(RefusalCode::InvalidToken, error))?;
        // An earlier version ignored whatever came here.
        let code: Option<String> = match arguments.has_field(3, "invitation") {
            true => arguments.options(3, CODE)?.field("invitation", CODE)?,
            false => None,
        };
        let invitation = code.map(|code| code.parse()).transpose();
        let invitation =
            invitation.map_err(|error| Refusal::invalid(RefusalCode::InvalidCode, error))?;
        let label: Option<String> = match arguments.has_field(3, "label") {
            true => arguments.options(3, LABEL)?.field("label", LABEL)?,
            false => None,
        };
        let label = label.map(DeviceLabel::try_from).transpose();
        let label =
            label.map_err(|error| Refusal::invalid(RefusalCode::InvalidArguments, error))?;
        Ok(Self { nickname: nickname(&arguments)?, token, invitation, label })
    }
}

pub(super) fn nickname(arguments: &Arguments<'_>) -> Result<Nickname, Refusal> {
    let name: String = arguments.required(1, "the first argument must be a nickname, a string")?;
    nickname_of(&name)
}

pub(super) fn nickname_of(name: &str) -> Result<Nickname, Refusal> {
    name.parse().map_err(|error| Refusal::invalid(RefusalCode::InvalidNickname, error))
}

/// The answer to [`NICKNAME`](super::NICKNAME), and the argument of the event from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Named {
    /// The nickname as it is written from now on.
    pub nickname: Nickname,
    /// The secret that keeps the nickname for this client: send it with the nickname when connecting again. `null` if
    /// the client has it already: it used a token of another issuer, or that of its previous nickname.
    pub token: Option<Token>,
    /// The user that the client is, whatever its nickname is.
    #[serde(default, serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
}

impl Named {
    /// Creates an answer; `token` is the secret, unless the client has it already.
    pub fn new(nickname: Nickname, token: Option<Token>) -> Self {
        Self { nickname, token, user: None }
    }

    /// Sets the user that the client is.
    #[must_use]
    pub fn with_user(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }
}

/// The argument of [`USER_JOINED`](super::USER_JOINED) and [`USER_LEFT`](super::USER_LEFT).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UserChange {
    /// The room.
    pub room: RoomId,
    /// The nickname of the user who joined or left; `null` if anonymous.
    pub nickname: Option<Nickname>,
    /// The user; `null` if anonymous.
    #[serde(default, serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// The number of users in the room now.
    pub users: usize,
}

impl UserChange {
    /// Creates the report that somebody has joined or left `room`, which has `users` members now.
    pub fn new(room: RoomId, nickname: Option<Nickname>, users: usize) -> Self {
        Self { room, nickname, user: None, users }
    }

    /// Sets who has joined or left.
    #[must_use]
    pub fn with_user(self, user: Option<UserId>) -> Self {
        Self { user, ..self }
    }
}

/// The argument of [`TYPING`](super::TYPING) from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Typing {
    /// The room.
    pub room: RoomId,
    /// The nickname of the user; `null` if anonymous.
    pub nickname: Option<Nickname>,
    /// The user; `null` if anonymous.
    #[serde(default, serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// Whether the user is typing, or has stopped.
    pub typing: bool,
}

/// The answer to [`TYPING`](super::TYPING): the server has received it. Others receive it at most once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TypingHeard {
    /// The room.
    pub room: RoomId,
    /// Whether the client is typing there, as it reported.
    pub typing: bool,
}

impl TypingHeard {
    /// Creates the answer to a client that has reported whether it is typing in `room`.
    pub fn new(room: RoomId, typing: bool) -> Self {
        Self { room, typing }
    }
}

impl Typing {
    /// Creates the report that a user is typing in `room`, or has stopped.
    pub fn new(room: RoomId, nickname: Option<Nickname>, typing: bool) -> Self {
        Self { room, nickname, user: None, typing }
    }

    /// Sets who is typing.
    #[must_use]
    pub fn with_user(self, user: Option<UserId>) -> Self {
        Self { user, ..self }
    }

    /// Reads `emit("typing", room, typing)` from the JSON text of an event: the room, and whether the client is
    /// typing there.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<(RoomId, bool), Refusal> {
        let arguments = Arguments::of(json)?;
        let typing = arguments.required(2, "the second argument must be true or false")?;
        Ok((room(&arguments)?, typing))
    }
}

use serde::{Deserialize, Serialize};

use super::arguments::Arguments;
use super::handshake::Token;
use super::rooms::room;
use crate::{Nickname, Refusal, RefusalCode, RoomId};

/// The arguments of [`NICKNAME`](crate::NICKNAME) as a client sends it: `emit("nickname", name)`, or
/// `emit("nickname", name, token)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NicknameRequest {
    /// The name to have.
    pub nickname: Nickname,
    /// The secret that shows that it is this client's. A name that nobody has is claimed with it. Without one the
    /// name is kept by that of the client's name before, or if it has none, by one that the server makes up.
    pub token: Option<Token>,
}

impl NicknameRequest {
    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's
    /// name. Further arguments are ignored.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        let arguments = Arguments::of(json)?;
        let token: Option<String> =
            arguments.optional(2, "the second argument must be the token, a string")?;
        let token = token.map(Token::try_from).transpose();
        let token = token.map_err(|error| Refusal::invalid(RefusalCode::InvalidToken, error))?;
        Ok(Self { nickname: nickname(&arguments)?, token })
    }
}

pub(super) fn nickname(arguments: &Arguments<'_>) -> Result<Nickname, Refusal> {
    let name: String = arguments.required(1, "the first argument must be a nickname, a string")?;
    name.parse().map_err(|error| Refusal::invalid(RefusalCode::InvalidNickname, error))
}

/// The answer to [`NICKNAME`](crate::NICKNAME), and the argument of the event as the server sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The name as it is written from now on.
    pub nickname: Nickname,
    /// The secret that keeps the name for this client: to be given with the name when connecting again.
    /// `null` when the client has it already: by a token of another issuer, or that of its name before.
    pub token: Option<Token>,
}

/// The argument of [`USER_JOINED`](crate::USER_JOINED) and [`USER_LEFT`](crate::USER_LEFT).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserChange {
    /// The room.
    pub room: RoomId,
    /// Who came or left; `null` when anonymous.
    pub nickname: Option<Nickname>,
    /// How many are in the room now.
    pub users: usize,
}

/// The argument of [`TYPING`](crate::TYPING) as the server sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// The room.
    pub room: RoomId,
    /// Who; `null` when anonymous.
    pub nickname: Option<Nickname>,
    /// Whether the person types, or does not any more.
    pub typing: bool,
}

/// The answer to [`TYPING`](crate::TYPING): the server has heard it. Others hear of it at most once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypingHeard {
    /// The room.
    pub room: RoomId,
    /// Whether the client types there, as it said.
    pub typing: bool,
}

impl Typing {
    /// Reads what a client says, `emit("typing", room, typing)`, from the JSON text of an event: the room and
    /// whether it types there.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<(RoomId, bool), Refusal> {
        let arguments = Arguments::of(json)?;
        let typing = arguments.required(2, "the second argument must be true or false")?;
        Ok((room(&arguments)?, typing))
    }
}

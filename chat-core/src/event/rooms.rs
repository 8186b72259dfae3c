use serde::{Deserialize, Serialize};

use super::arguments::Arguments;
use crate::{Nickname, Offset, Refusal, RefusalCode, RoomId};

/// The arguments of [`JOIN`](crate::JOIN): `emit("join", room)`, or `emit("join", room, { after })`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The room.
    pub room: RoomId,
    /// Its messages after this offset are delivered, before everything else that is to come; from now on
    /// when absent.
    pub after: Option<Offset>,
}

impl Join {
    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's
    /// name. Further arguments are ignored.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const AFTER: &str = "`after` must be an offset, a whole number from 0 on";

        let arguments = Arguments::of(json)?;
        let options =
            arguments.options(2, "the second argument must be options such as { after: 0 }")?;
        Ok(Self { room: room(&arguments)?, after: options.offset("after", AFTER)? })
    }
}

/// Reads the room from the JSON text of an event whose first argument it is: an array whose first item is
/// the event's name.
///
/// # Errors
/// The refusal to answer with, for anything else.
pub fn room_from_event(json: &str) -> Result<RoomId, Refusal> {
    room(&Arguments::of(json)?)
}

pub(super) fn room(arguments: &Arguments<'_>) -> Result<RoomId, Refusal> {
    let room: String = arguments.required(1, "the first argument must be the room, a string")?;
    room.parse().map_err(|error| Refusal::invalid(RefusalCode::InvalidArguments, error))
}

/// The answer to [`JOIN`](crate::JOIN).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The room that the connection is in now.
    pub room: RoomId,
    /// How many are in it: each person once, and each connection without a nickname.
    pub users: usize,
    /// The end of the log when it was joined. What is sent to the room after it is delivered.
    pub tail: Offset,
}

/// The argument of [`NOT_JOINED`](crate::NOT_JOINED).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotJoined {
    /// The rooms, in the order in which the client named them; the first [`MAX_ROOMS`](Self::MAX_ROOMS) of them.
    pub rooms: Vec<RoomNotJoined>,
}

/// A room that a client has named in `auth` and is not in, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomNotJoined {
    /// What the client said, as text: JSON if it was none. It may be shortened.
    pub room: String,
    /// Why it is not in it.
    #[serde(flatten)]
    pub refusal: Refusal,
}

impl NotJoined {
    /// How many rooms are named at the most.
    pub const MAX_ROOMS: usize = 100;
}

/// The answer to [`LEAVE`](crate::LEAVE).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The room that the connection is not in any more.
    pub room: RoomId,
}

/// The answer to [`USERS`](crate::USERS).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// The room.
    pub room: RoomId,
    /// How many are in it: each person once, and each connection without a nickname.
    pub users: usize,
    /// The names of the people in it, sorted; the first [`MAX_NICKNAMES`](Self::MAX_NICKNAMES) of them.
    pub nicknames: Vec<Nickname>,
}

impl Users {
    /// How many names are listed at the most.
    pub const MAX_NICKNAMES: usize = 1000;
}

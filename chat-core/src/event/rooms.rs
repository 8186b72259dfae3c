use serde::{Deserialize, Serialize};

use super::arguments::Arguments;
use crate::{Nickname, Offset, Refusal, RefusalCode, RoomId};

/// The arguments of [`JOIN`](super::JOIN): `emit("join", room)`, or `emit("join", room, { after })`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Join {
    /// The room.
    pub room: RoomId,
    /// Delivers the room's messages after this offset, before any others; if absent, only messages sent from now on.
    pub after: Option<Offset>,
}

impl Join {
    /// Creates a request for messages that are sent to `room` from now on.
    pub fn new(room: RoomId) -> Self {
        Self { room, after: None }
    }

    /// Delivers the room's messages after this offset first.
    #[must_use]
    pub fn with_after(self, after: Offset) -> Self {
        Self { after: Some(after), ..self }
    }

    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's name. Extra
    /// arguments are ignored.
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

/// Reads the room, the first argument, from the JSON text of an event: an array whose first item is the event's name.
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

/// The answer to [`JOIN`](super::JOIN).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Joined {
    /// The room that the connection is in now.
    pub room: RoomId,
    /// The number of users in it: each one with a nickname once, and each connection without a nickname.
    pub users: usize,
    /// The end of the log at the time of joining. Later messages to the room are delivered.
    pub tail: Offset,
}

impl Joined {
    /// Creates the answer to a connection that is in `room` now.
    pub fn new(room: RoomId, users: usize, tail: Offset) -> Self {
        Self { room, users, tail }
    }
}

/// The argument of [`NOT_JOINED`](super::NOT_JOINED).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NotJoined {
    /// The rooms, in the client's order; at most [`MAX_ROOMS`](Self::MAX_ROOMS), the first ones.
    pub rooms: Vec<RoomNotJoined>,
}

/// A room that a client could not join or may not be in any more, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoomNotJoined {
    /// The client's value as text; JSON if it was no string. It may be shortened.
    pub room: String,
    /// Why the client is not in the room.
    #[serde(flatten)]
    pub refusal: Refusal,
}

impl NotJoined {
    /// The maximum number of rooms listed.
    pub const MAX_ROOMS: usize = 100;

    /// Creates a list of these rooms: [`MAX_ROOMS`](Self::MAX_ROOMS) at most.
    pub fn new(rooms: Vec<RoomNotJoined>) -> Self {
        Self { rooms }
    }
}

impl RoomNotJoined {
    /// Creates an entry for the client's value `room`, as text, which is refused for this reason.
    pub fn new(room: String, refusal: Refusal) -> Self {
        Self { room, refusal }
    }
}

/// The answer to [`LEAVE`](super::LEAVE).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Left {
    /// The room that the connection has left.
    pub room: RoomId,
}

impl Left {
    /// Creates the answer to a connection that has left `room`.
    pub fn new(room: RoomId) -> Self {
        Self { room }
    }
}

/// The answer to [`USERS`](super::USERS).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Users {
    /// The room.
    pub room: RoomId,
    /// The number of users in it: each one with a nickname once, and each connection without a nickname.
    pub users: usize,
    /// The nicknames of the users in it, sorted; at most [`MAX_NICKNAMES`](Self::MAX_NICKNAMES), the first ones.
    pub nicknames: Vec<Nickname>,
}

impl Users {
    /// The maximum number of nicknames listed.
    pub const MAX_NICKNAMES: usize = 1000;

    /// Creates an answer: `users` is the number of members in `room`, and `nicknames` are the first ones of those who
    /// have one, sorted.
    pub fn new(room: RoomId, users: usize, nicknames: Vec<Nickname>) -> Self {
        Self { room, users, nicknames }
    }
}

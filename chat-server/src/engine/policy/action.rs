use chat_core::{AccessScope, Nickname, RoomId, UserId};

use super::change::Change;

/// What a client wants to do, or goes on doing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Connect, also to a session that it gets back, and stay connected.
    ///
    /// Asked once it is known who the client is and before anything of its session is restored or sent. A nickname that
    /// it asks for in `auth` is taken by then; see [`TakeNickname`](Self::TakeNickname). Asked again when access
    /// changes and when the decision expires: a client that is refused then is disconnected, and its session ends.
    Connect,
    /// Join a room. Asked for each room in `auth` of a new session and for each `join`, in addition to
    /// [`Read`](Self::Read).
    Join(RoomId),
    /// Receive the messages of a room: live, after a reconnect, with `history` and with `search`.
    ///
    /// Asked before a client is in the room, also in a session that it gets back. Asked again when access changes and
    /// when the decision expires: a client that is refused then leaves the room.
    Read(RoomId),
    /// Send a message to a room that the client is in.
    Write(RoomId),
    /// Send a private message to this user, and type one. Also asked before a client is told whether the user is online.
    SendPrivately(UserId),
    /// Read the past messages between oneself and this user, with `history` and with `search`. Those that arrive are not
    /// asked about: they were when they were sent.
    ReadPrivately(UserId),
    /// Take this nickname, for the first time or again. Asked with the identity before, so of a client that connects
    /// with the name without a user.
    TakeNickname(Nickname),
    /// See who is in a room, who joins and leaves, who is typing, and how many there are.
    ///
    /// Asked together with [`Read`](Self::Read), and when the decision has expired and `users` is asked for.
    SeeUsers(RoomId),
    /// Be shown as typing to those in the room.
    Type(RoomId),
}

impl Action {
    /// Returns whether a decision about this may be another one after a change, which is not about the asking user.
    pub(super) fn is_in(&self, change: &Change<'_>) -> bool {
        match (change.scope, self) {
            (
                AccessScope::Room(_),
                Self::Join(room)
                | Self::Read(room)
                | Self::Write(room)
                | Self::SeeUsers(room)
                | Self::Type(room),
            ) => change.is_of(room),
            (AccessScope::User(changed), Self::SendPrivately(user) | Self::ReadPrivately(user)) => {
                changed == user
            }
            (AccessScope::Room(_) | AccessScope::User(_), _) => false,
            // Everything, and what a later version adds.
            _ => true,
        }
    }
}

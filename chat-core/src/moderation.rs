//! What moderators do.

use serde::{Deserialize, Serialize};

use crate::ParseError;
use crate::named::named;

named! {
    /// What somebody who broke the rules may not do for a while.
    SanctionKind, "a sanction", "ban or mute":
    /// Be there: neither read nor write.
    Ban = "ban",
    /// Write.
    Mute = "mute",
}

named! {
    /// What has been done to a room, a user or an address.
    AccessAction, "an action", "one that this program knows":
    /// A room was created.
    CreateRoom = "createRoom",
    /// The topic of a room, or who may read or write there, was changed.
    ChangeRoom = "changeRoom",
    /// A room was deleted.
    DeleteRoom = "deleteRoom",
    /// A user became a member.
    AddMember = "addMember",
    /// A member has another role.
    SetRole = "setRole",
    /// A user is no longer a member.
    RemoveMember = "removeMember",
    /// An invitation was issued.
    Invite = "invite",
    /// A user became a member by an invitation.
    Redeem = "redeem",
    /// An invitation is no longer valid.
    RevokeInvitation = "revokeInvitation",
    /// Somebody was sent away, and may come back.
    Kick = "kick",
    /// Somebody was banned.
    Ban = "ban",
    /// Somebody was muted.
    Mute = "mute",
    /// Somebody is no longer banned.
    LiftBan = "liftBan",
    /// Somebody is no longer muted.
    LiftMute = "liftMute",
    /// A user was given another nickname.
    Rename = "rename",
    /// A nickname was taken from a user.
    TakeNickname = "takeNickname",
}

//! The events of the chat: their names, their arguments and answers, and the fields of `auth` when a client connects.
//!
//! | event | a client sends | the server answers | the server sends |
//! |---|---|---|---|
//! | [`CHAT_MESSAGE`] | [`ChatMessage`] | [`Ack`](crate::Ack) | [`Delivery`] |
//! | [`PRIVATE_MESSAGE`] | [`PrivateMessage`] | [`Ack`](crate::Ack) | [`PrivateDelivery`] |
//! | [`EDIT_MESSAGE`] | [`EditMessage`] | [`Ack`](crate::Ack) | |
//! | [`DELETE_MESSAGE`] | [`DeleteMessage`] | [`Ack`](crate::Ack) | |
//! | [`REACT`] | [`React`] | [`Ack`](crate::Ack) | |
//! | [`MESSAGE_EDITED`] | | | [`MessageEdited`] |
//! | [`MESSAGE_DELETED`] | | | [`MessageDeleted`] |
//! | [`REACTION`] | | | [`Reacted`] |
//! | [`HISTORY`] | [`HistoryRequest`] | [`History`] | |
//! | [`SEARCH`] | [`SearchRequest`] | [`SearchResults`] | |
//! | [`JOIN`] | [`Join`] | [`Joined`] | |
//! | [`NOT_JOINED`] | | | [`NotJoined`] |
//! | [`OTHER_LOG`] | | | [`OtherLog`] |
//! | [`HISTORY_GONE`] | | | [`HistoryGone`] |
//! | [`LEAVE`] | a room | [`Left`] | |
//! | [`USERS`] | a room | [`Users`] | |
//! | [`USER_JOINED`], [`USER_LEFT`] | | | [`UserChange`] |
//! | [`NICKNAME`] | [`NicknameRequest`] | [`Named`] | [`Named`] |
//! | [`DEVICE_CODE`] | | [`DeviceCode`] | |
//! | [`LINK_DEVICE`] | [`LinkDevice`] | [`Named`] | |
//! | [`DEVICES`] | | [`Devices`] | |
//! | [`UNLINK_DEVICE`] | [`DeviceId`] | [`Unlinked`] | |
//! | [`TOKEN`] | a [`Token`] | [`TokenTaken`] | |
//! | [`ROOMS`] | [`RoomsRequest`] | [`Rooms`] | |
//! | [`CREATE_ROOM`], [`CHANGE_ROOM`] | [`RoomSettings`] | [`KeptRoom`] | |
//! | [`DELETE_ROOM`] | a room | [`Moderated`] | |
//! | [`ROOM_CHANGED`] | | | [`RoomChanged`] |
//! | [`MEMBERS`] | [`MembersRequest`] | [`Members`] | |
//! | [`SET_ROLE`] | [`SetRole`] | [`Moderated`] | |
//! | [`INVITE`] | [`Invite`] | [`Invited`] | |
//! | [`INVITATIONS`] | a room | [`Invitations`] | |
//! | [`ACCEPT_INVITATION`] | a code | [`KeptRoom`] | |
//! | [`REVOKE_INVITATION`] | [`RevokeInvitation`] | [`Moderated`] | |
//! | [`KICK`] | [`Kick`] | [`Moderated`] | |
//! | [`BAN`], [`MUTE`], [`LIFT`] | [`Moderate`] | [`Moderated`] | |
//! | [`MODERATION_LOG`] | [`LogRequest`] | [`ModerationLog`] | |
//! | [`READ`] | [`ReadRequest`] | [`ReadKept`] | [`Seen`] |
//! | [`UNREAD`] | | [`Unread`] | |
//! | [`READERS`] | a room | [`Readers`] | |
//! | [`TYPING`] | a room, and whether the client types there | [`TypingHeard`] | [`Typing`] |
//! | [`PRIVATE_TYPING`] | a nickname, and whether the client types to it | [`PrivateTypingHeard`] | [`PrivateTyping`] |
//! | [`ONLINE`] | a nickname | [`Online`] | |
//! | [`UPLOAD`] | an [`Upload`] | [`UploadTicket`] | |
//! | [`FILE_LINKS`] | the offset of a message | [`FileLinks`] | |
//! | [`FILE_LIMITS`] | | [`FileLimits`] | |
//!
//! Each answer may be a [`Refusal`](crate::Refusal) instead: read it as an [`Answer`](crate::Answer). A server reads
//! what a client sends with `from_event` of its type, [`room_from_event`] or [`token_from_event`].
//!
//! Types here gain fields in later versions. Create them with `new` and `with_…`.

mod arguments;
mod changes;
mod chat_message;
mod client_event;
mod delivery;
mod devices;
mod files;
mod handshake;
mod history;
mod history_gone;
mod invitations;
mod kept_rooms;
mod mended;
mod moderation;
mod other_log;
mod pages;
mod private_message;
mod privately;
mod reading;
mod room_changed;
mod rooms;
mod search;
mod token;
mod users;
mod whole;

use arguments::Arguments;

pub use arguments::MAX_EVENT_BYTES;

pub use crate::moment::Moment;

pub use changes::{
    ChangeMeta, DeleteMessage, EditMessage, MessageDeleted, MessageEdited, React, Reacted,
};
pub use chat_message::{ChatMessage, ChatMessageOptions};
pub use client_event::ClientEvent;
pub use delivery::{Delivery, DeliveryMeta, PrivateDelivery, PrivateDeliveryMeta};
pub use devices::{
    Device, DeviceCode, DeviceId, DeviceLabel, Devices, LinkCode, LinkDevice, Unlinked,
};
pub use files::{FileLimits, FileLink, FileLinks, Upload, UploadOf, UploadTicket};
pub use handshake::{Handshake, Token};
pub use history::{
    History, HistoryMessage, HistoryOf, HistoryRange, HistoryRequest, ReactionCount,
};
pub use history_gone::{HistoryGone, Horizon};
pub use invitations::{
    Invitation, InvitationId, InvitationName, Invitations, Invite, Invited, RevokeInvitation,
    invitation_from_event,
};
pub use kept_rooms::{KeptRoom, Member, Members, RoomSettings, Rooms, RoomsRequest, SetRole};
pub use mended::mended_json;
pub use moderation::{Kick, LogEntry, Moderate, Moderated, ModerationLog};
pub use other_log::OtherLog;
pub use pages::{LogRequest, MembersRequest};
pub use private_message::PrivateMessage;
pub use privately::{Online, PrivateTyping, PrivateTypingHeard};
pub use reading::{
    ReadKept, ReadRequest, Reader, Readers, Seen, Unread, UnreadConversation, UnreadRoom,
};
pub use room_changed::RoomChanged;
pub use rooms::{Join, Joined, Left, NotJoined, RoomNotJoined, Users, room_from_event};
pub use search::{SearchHit, SearchRequest, SearchResults};
pub use token::{TokenTaken, token_from_event};
pub use users::{Named, NicknameRequest, Typing, TypingHeard, UserChange};

/// The event that carries a message for a room, in both directions.
///
/// | direction | arguments | ack |
/// |---|---|---|
/// | client to server | content, client offset?, `{ room }`? ([`ChatMessage`]) | [`Ack`](crate::Ack) or [`Refusal`](crate::Refusal) |
/// | server to client | content, offset, `{ room, from, at, clientOffset }`, recovery offset ([`Delivery`]); `clientOffset` is for the author only | none |
pub const CHAT_MESSAGE: &str = "chat message";

/// The event that carries a message from one user to another, in both directions.
///
/// | direction | arguments | ack |
/// |---|---|---|
/// | client to server | nickname, content, client offset? ([`PrivateMessage`]) | [`Ack`](crate::Ack) or [`Refusal`](crate::Refusal) |
/// | server to client | content, offset, `{ from, to, at, clientOffset }`, recovery offset ([`PrivateDelivery`]); `clientOffset` is for the author only | none |
///
/// It is kept in the log like any message, and delivered only to the connections of these two users.
pub const PRIVATE_MESSAGE: &str = "private message";

/// The event with which a client changes the text of a message of its own. The text in the log is replaced, and everybody
/// who has the message, or gets it later, gets [`MESSAGE_EDITED`].
///
/// Arguments: the offset, the new text, client offset? ([`EditMessage`]). Ack: [`Ack`](crate::Ack) with the offset of the
/// edit, or [`Refusal`](crate::Refusal).
pub const EDIT_MESSAGE: &str = "edit message";

/// The event that tells of the new text of a message: [`MessageEdited`]. Kept in the log like any message.
pub const MESSAGE_EDITED: &str = "message edited";

/// The event with which a client deletes a message of its own, or a moderator one of the room. The text is removed from the
/// log, and everybody who has the message, or was away, gets [`MESSAGE_DELETED`].
///
/// Arguments: the offset, client offset? ([`DeleteMessage`]). Ack: [`Ack`](crate::Ack) with the offset of the deletion, or
/// [`Refusal`](crate::Refusal). Deleting a message again is a duplicate of the first deletion.
pub const DELETE_MESSAGE: &str = "delete message";

/// The event that tells of the deletion of a message: [`MessageDeleted`]. Kept in the log like any message.
pub const MESSAGE_DELETED: &str = "message deleted";

/// The event with which a client reacts to a message, or takes a reaction back.
///
/// Arguments: the offset, the emoji, on?, client offset? ([`React`]). Ack: [`Ack`](crate::Ack) with the offset of the
/// reaction, or [`Refusal`](crate::Refusal).
pub const REACT: &str = "react";

/// The event that tells of a reaction to a message: [`Reacted`]. Kept in the log like any message. A user has each emoji
/// once on a message, however often it is given; the last event about it counts.
pub const REACTION: &str = "reaction";

/// The event with which a client joins a room: messages sent to the room from now on are delivered.
///
/// Arguments: the room, `{ after }`? ([`Join`]). Ack: [`Joined`] or [`Refusal`](crate::Refusal). Joining a room twice
/// changes nothing, except that with `after` its messages are delivered again from there.
pub const JOIN: &str = "join";

/// The event with which the server tells a client which rooms it is not in, and why: [`NotJoined`].
///
/// Sent after connecting, about rooms in its `auth` that it could not join and rooms of its session that it may not
/// read any more; and at any time about a room that it may not read any more and has been taken out of. Not sent if
/// there are none. Delivered at most once.
pub const NOT_JOINED: &str = "not joined";

/// The event with which the server tells a client that its position is not in this log: [`OtherLog`].
///
/// Sent after connecting, in a new session and before any message, if the `offset` in its `auth` is of another log or the
/// `serverOffset` is beyond the end. What the client has may be of a log that was replaced or has lost its end, so it is
/// served from the beginning, or with the last messages if it asks for a `history`. Not kept.
pub const OTHER_LOG: &str = "other log";

/// The event with which the server tells a client that messages it has not got may be gone: [`HistoryGone`].
///
/// Arguments: `{ before }`, recovery offset. Sent in place of those messages, once: the recovery offset is the client's
/// position then, and what is left follows. Its `serverOffset` is `before - 1`.
pub const HISTORY_GONE: &str = "history gone";

/// The event with which a client leaves a room.
///
/// Argument: the room. Ack: [`Left`] or [`Refusal`](crate::Refusal). Leaving a room that the client is not in changes
/// nothing.
pub const LEAVE: &str = "leave";

/// The event with which a client takes a nickname, and with which the server tells a client its nickname.
///
/// | direction | arguments | ack |
/// |---|---|---|
/// | client to server | nickname, token? ([`NicknameRequest`]) | [`Named`] or [`Refusal`](crate::Refusal) |
/// | server to client, after connecting with one | [`Named`] | none |
pub const NICKNAME: &str = "nickname";

/// The event with which a user asks for a code that adds another device, so that it is the same user. The code is valid
/// for ten minutes and for one device.
///
/// No arguments. Ack: [`DeviceCode`] or [`Refusal`](crate::Refusal).
pub const DEVICE_CODE: &str = "device code";

/// The event with which a device becomes one of the user who has got a code on another device.
///
/// Arguments: the code, `{ label }`? ([`LinkDevice`]). Ack: [`Named`] with a token of its own, or
/// [`Refusal`](crate::Refusal).
pub const LINK_DEVICE: &str = "link device";

/// The event with which a user lists the devices.
///
/// No arguments. Ack: [`Devices`] or [`Refusal`](crate::Refusal).
pub const DEVICES: &str = "devices";

/// The event with which a user removes a device: its token is not accepted any more, and its connections end.
///
/// Argument: the id of the device ([`DeviceId`]). Ack: [`Unlinked`] or [`Refusal`](crate::Refusal).
pub const UNLINK_DEVICE: &str = "unlink device";

/// The event with which a client replaces its signed token on a live connection, before the current one expires.
///
/// Argument: the new token, which must name the same user. Ack: [`TokenTaken`] or [`Refusal`](crate::Refusal). The
/// connection then lasts until the new token expires. A refusal changes nothing: the current token still counts.
pub const TOKEN: &str = "token";

/// The event with which a client asks who is in a room.
///
/// Argument: the room. Ack: [`Users`] or [`Refusal`](crate::Refusal).
pub const USERS: &str = "users";

/// The event with which a client reads past messages: the newest, or those before, after or around an offset or a time.
/// It gets what was said as it is now: edited texts with their new content, and deleted messages without one.
///
/// Argument: [`HistoryRequest`]. Ack: [`History`] or [`Refusal`](crate::Refusal).
pub const HISTORY: &str = "history";

/// The event with which a client searches the messages that it may read: those of the rooms that it is in, and the private
/// ones of its user.
///
/// Argument: [`SearchRequest`]. Ack: [`SearchResults`] or [`Refusal`](crate::Refusal). What was said a moment ago may be
/// missing; what was edited or deleted is found as it is now.
pub const SEARCH: &str = "search";

/// The event with which a client lists the rooms that are kept: public ones, and those of which the user is a member.
///
/// Argument: [`RoomsRequest`]. Ack: [`Rooms`] or [`Refusal`](crate::Refusal).
pub const ROOMS: &str = "rooms";

/// The event with which a user creates a room, and owns it.
///
/// Arguments: [`RoomSettings`]. Ack: [`KeptRoom`] or [`Refusal`](crate::Refusal).
pub const CREATE_ROOM: &str = "create room";

/// The event with which a moderator changes the topic of a room, and an owner also who may read and write there.
///
/// Arguments: [`RoomSettings`]. Ack: [`KeptRoom`] or [`Refusal`](crate::Refusal).
pub const CHANGE_ROOM: &str = "change room";

/// The event with which an owner deletes a room: nobody finds, reads or enters it any more, and nobody can create one with
/// its name. Those who run the server can bring it back.
///
/// Argument: the room. Ack: [`Moderated`] or [`Refusal`](crate::Refusal).
pub const DELETE_ROOM: &str = "delete room";

/// The event that tells those in a room of its topic, and who may read and write there, when that has changed:
/// [`RoomChanged`]. Delivered at most once, and to nobody who may not read the room any more.
pub const ROOM_CHANGED: &str = "room changed";

/// The event with which somebody who may read a room lists its members.
///
/// Arguments: [`MembersRequest`]. Ack: [`Members`] or [`Refusal`](crate::Refusal).
pub const MEMBERS: &str = "members";

/// The event with which a moderator adds and removes members, and an owner gives any role. Everybody may end the own
/// membership.
///
/// Arguments: [`SetRole`]. Ack: [`Moderated`] or [`Refusal`](crate::Refusal).
pub const SET_ROLE: &str = "set role";

/// The event with which a moderator makes an invitation to a room.
///
/// Arguments: [`Invite`]. Ack: [`Invited`] or [`Refusal`](crate::Refusal).
pub const INVITE: &str = "invite";

/// The event with which a moderator lists the invitations to a room.
///
/// Argument: the room. Ack: [`Invitations`] or [`Refusal`](crate::Refusal).
pub const INVITATIONS: &str = "invitations";

/// The event with which a user becomes a member by an invitation.
///
/// Argument: the code. Ack: [`KeptRoom`] or [`Refusal`](crate::Refusal).
pub const ACCEPT_INVITATION: &str = "accept invitation";

/// The event with which a moderator ends an invitation. Whoever has become a member by it stays one.
///
/// Arguments: [`RevokeInvitation`]. Ack: [`Moderated`] or [`Refusal`](crate::Refusal).
pub const REVOKE_INVITATION: &str = "revoke invitation";

/// The event with which a moderator sends a user out of a room, on all nodes. The user may come back.
///
/// Arguments: [`Kick`]. Ack: [`Moderated`] or [`Refusal`](crate::Refusal).
pub const KICK: &str = "kick";

/// The event with which a moderator keeps a user out of a room, or out of everything.
///
/// Arguments: [`Moderate`]. Ack: [`Moderated`] or [`Refusal`](crate::Refusal).
pub const BAN: &str = "ban";

/// The event with which a moderator keeps a user from writing.
///
/// Arguments: [`Moderate`]. Ack: [`Moderated`] or [`Refusal`](crate::Refusal).
pub const MUTE: &str = "mute";

/// The event with which a moderator ends a ban, a mute, or both.
///
/// Arguments: [`Moderate`]. Ack: [`Moderated`] or [`Refusal`](crate::Refusal).
pub const LIFT: &str = "lift";

/// The event with which a moderator reads who did what to whom.
///
/// Arguments: [`LogRequest`]; without a room, everything, for moderators of everything. Ack: [`ModerationLog`] or
/// [`Refusal`](crate::Refusal).
pub const MODERATION_LOG: &str = "moderation log";

/// The event with which a user tells how far it has read, on any device, and with which the server tells a room of up to
/// 100 users who has, and the user's other devices.
///
/// | direction | arguments | ack |
/// |---|---|---|
/// | client to server | [`ReadRequest`] | [`ReadKept`] or [`Refusal`](crate::Refusal) |
/// | server to client | [`Seen`], at most once | none |
pub const READ: &str = "read";

/// The event with which a user asks for what it has not read, in the rooms of the connection and in conversations of which
/// it has read something.
///
/// No arguments. Ack: [`Unread`] or [`Refusal`](crate::Refusal).
pub const UNREAD: &str = "unread";

/// The event with which a user asks who has read a room, and how far.
///
/// Argument: the room. Ack: [`Readers`] or [`Refusal`](crate::Refusal).
pub const READERS: &str = "readers";

/// The event that reports who is typing, in both directions. Delivered at most once: it may be lost.
///
/// | direction | arguments | ack |
/// |---|---|---|
/// | client to server | room, whether it types | [`TypingHeard`] or [`Refusal`](crate::Refusal) |
/// | server to client | [`Typing`] | none |
pub const TYPING: &str = "typing";

/// The event that reports who is typing a private message, in both directions. Delivered at most once: it may be lost.
///
/// | direction | arguments | ack |
/// |---|---|---|
/// | client to server | the nickname of the other user, whether it types | [`PrivateTypingHeard`] or [`Refusal`](crate::Refusal) |
/// | server to client | [`PrivateTyping`] | none |
pub const PRIVATE_TYPING: &str = "private typing";

/// The event with which a user asks whether another one, to whom it may write, is there.
///
/// Argument: the nickname. Ack: [`Online`] or [`Refusal`](crate::Refusal).
pub const ONLINE: &str = "is online";

/// The event with which a user begins to upload a file, or goes on. The bytes go over HTTP: `PATCH` with `Upload-Offset` and
/// the token, in as many requests as wanted. A message whose text has the [line](crate::FileReference) of a file that has
/// arrived carries it.
///
/// Argument: [`Upload`]. Ack: [`UploadTicket`] or [`Refusal`](crate::Refusal).
pub const UPLOAD: &str = "upload";

/// The event with which a client asks for links to the files of a message that it may read. They work for an hour at least.
///
/// Argument: the offset of the message. Ack: [`FileLinks`] or [`Refusal`](crate::Refusal).
pub const FILE_LINKS: &str = "file links";

/// The event with which a client asks whether there are files here, and how large they may be.
///
/// No arguments. Ack: [`FileLimits`] or [`Refusal`](crate::Refusal).
pub const FILE_LIMITS: &str = "file limits";

/// The event that tells a room that a user has joined: [`UserChange`]. Delivered at most once.
pub const USER_JOINED: &str = "user joined";

/// The event that tells a room that a user has left: [`UserChange`]. Delivered at most once.
pub const USER_LEFT: &str = "user left";

/// Returns the name of an event from its JSON text: the first item of the array. `None` if there is none.
pub fn event_name(json: &str) -> Option<String> {
    serde_json::from_str(Arguments::of(json).ok()?.raw(0)?).ok()
}

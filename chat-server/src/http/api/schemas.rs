//! The forms of answers whose types other crates have, for the [document](super::document). A test compares real answers
//! with them.

#![allow(dead_code, reason = "they are described, and made of other types")]

use utoipa::ToSchema;

/// A message that is stored: its position in the log, the same for everybody.
#[derive(ToSchema)]
pub(super) struct Ack {
    /// The position in the log.
    offset: u64,
    /// Whether it had been stored before, so that this was a retry.
    duplicate: bool,
}

/// A message of the log.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Message {
    /// The text; for an event, its payload as JSON.
    content: String,
    /// The name of the event; absent if it is a text.
    #[schema(nullable = false)]
    event: Option<String>,
    /// Its position in the log.
    offset: u64,
    /// The room it was sent to.
    room: String,
    /// The sender's name; `null` if there is none.
    #[schema(required)]
    from: Option<String>,
    /// The user who wrote it; `null` for programs, and without a nickname.
    #[schema(required)]
    user: Option<String>,
    /// When the server received it, in milliseconds since 1970; `null` if the log does not know.
    #[schema(required)]
    at: Option<i64>,
    /// The key, for tokens of the name that has sent it; `null` for all others.
    #[schema(required)]
    client_offset: Option<String>,
    /// The offset of the message that it answers; absent if it answers none.
    #[schema(nullable = false)]
    reply_to: Option<u64>,
    /// Whether this is another text than at first; absent if not.
    #[schema(nullable = false)]
    edited: Option<bool>,
    /// Whether it was deleted, so that its content is empty; absent if not.
    #[schema(nullable = false)]
    deleted: Option<bool>,
    /// The reactions that are given to it now; absent if there are none, and in streams.
    #[schema(nullable = false)]
    reactions: Option<Vec<Reaction>>,
}

/// What was found.
#[derive(ToSchema)]
pub(super) struct SearchResults {
    /// The messages, newest first.
    hits: Vec<SearchHit>,
    /// The value of `before` for the next page; absent if there is none.
    #[schema(nullable = false)]
    before: Option<u64>,
}

/// A message that was found.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct SearchHit {
    /// Its position in the log.
    offset: u64,
    /// The room it was sent to.
    room: String,
    /// The sender's name; `null` if there is none.
    #[schema(required)]
    from: Option<String>,
    /// The user who wrote it; `null` for programs, and without a nickname.
    #[schema(required)]
    user: Option<String>,
    /// When the server received it, in milliseconds since 1970; `null` if the log does not know.
    #[schema(required)]
    at: Option<i64>,
    /// The text, or if it is long, the part around what was found, with `…` where it was cut.
    text: String,
    /// Beginnings and ends of what was found in the text, in UTF-16 code units.
    matches: Vec<Vec<u64>>,
    /// The offset of the message that it answers; absent if it answers none.
    #[schema(nullable = false)]
    reply_to: Option<u64>,
    /// Whether this is another text than at first; absent if not.
    #[schema(nullable = false)]
    edited: Option<bool>,
}

/// How often one emoji is given to a message.
#[derive(ToSchema)]
struct Reaction {
    /// The emoji.
    emoji: String,
    /// How many users give it.
    count: u64,
    /// Whether a token of this name is one of them.
    own: bool,
}

/// A change of a message, or a reaction to it: the data of `message edited`, `message deleted` and `reaction` in a stream.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Change {
    /// The position of the change itself.
    offset: u64,
    /// The offset of the message.
    of: u64,
    /// Whether a reaction is given, or taken back; absent if it is no reaction.
    #[schema(nullable = false)]
    on: Option<bool>,
    /// The new text, or the emoji of a reaction; absent for a deletion.
    #[schema(nullable = false)]
    content: Option<String>,
    /// The room of the message.
    room: String,
    /// The name of who did it; `null` if there is none.
    #[schema(required)]
    from: Option<String>,
    /// The user who did it; `null` for programs, and without a nickname.
    #[schema(required)]
    user: Option<String>,
    /// When the server received it, in milliseconds since 1970.
    #[schema(required)]
    at: Option<i64>,
    /// The key, for tokens of the name that did it; `null` for all others.
    #[schema(required)]
    client_offset: Option<String>,
}

/// Who is in a room.
#[derive(ToSchema)]
pub(super) struct Users {
    /// The room.
    room: String,
    /// The number of users: each one with a nickname once, and each connection without a nickname.
    users: u64,
    /// The nicknames, sorted; the first 1,000.
    nicknames: Vec<String>,
}

/// The devices of a user.
#[derive(ToSchema)]
pub(super) struct Devices {
    /// The devices, the one used last first.
    devices: Vec<Device>,
}

/// A device of a user.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Device {
    /// Identifies it among the devices of the user.
    id: String,
    /// What the user calls it; `null` if it has no name.
    #[schema(required)]
    label: Option<String>,
    /// When it was added, in milliseconds since 1970.
    added_at: i64,
    /// When it was last used, in milliseconds since 1970, to the hour.
    used_at: i64,
    /// Always false: it is not the one that asks.
    current: bool,
}

/// A page of the log of moderators.
#[derive(ToSchema)]
pub(super) struct LogOfModeration {
    /// The entries, the newest first.
    entries: Vec<LogEntry>,
    /// Whether there are more before the last one.
    more: bool,
}

/// Who did what to whom.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct LogEntry {
    /// Its number in the log of everything, from 1.
    number: u64,
    /// When, in milliseconds since 1970.
    at: i64,
    /// Who; `null` for those who run the server.
    #[schema(required)]
    by: Option<String>,
    /// The nickname that this user has now; `null` if there is none.
    #[schema(required)]
    by_nickname: Option<String>,
    /// What was done.
    action: String,
    /// The key of the room; `null` for everywhere.
    #[schema(required)]
    room: Option<String>,
    /// To which user; `null` if to none.
    #[schema(required)]
    user: Option<String>,
    /// The nickname that this user has now; `null` if there is none.
    #[schema(required)]
    nickname: Option<String>,
    /// To which address; `null` if to none.
    #[schema(required)]
    address: Option<String>,
    /// The role that the user has in the room since; `null` if it is not about that.
    #[schema(required)]
    role: Option<String>,
    /// Until when, in milliseconds since 1970.
    #[schema(required)]
    until: Option<i64>,
    /// Why.
    #[schema(required)]
    reason: Option<String>,
}

/// A page of rooms.
#[derive(ToSchema)]
pub(super) struct RoomsList {
    /// The rooms.
    rooms: Vec<Room>,
    /// Whether there are more.
    more: bool,
    /// The value of `after` for those; absent if there are none.
    #[schema(nullable = false)]
    next: Option<String>,
}

/// A room; where rooms are not kept, its name and who is there alone.
#[derive(ToSchema)]
struct Room {
    /// Its name.
    room: String,
    /// The number of users who are there now.
    users: u64,
    /// What it is about.
    #[schema(nullable = false)]
    topic: Option<String>,
    /// `public`: everybody may find and read it.
    #[schema(nullable = false)]
    visibility: Option<String>,
    /// Who may write there: `everyone`, `members` or `moderators`.
    #[schema(nullable = false)]
    posting: Option<String>,
    /// The number of members, the owners among them.
    #[schema(nullable = false)]
    members: Option<u32>,
    /// Always `null`: a token is no member.
    role: Option<String>,
}

/// What a request of a moderator has done.
#[derive(ToSchema)]
pub(super) struct Moderated {
    /// Whether it has changed anything.
    changed: bool,
}

/// Why a request is not carried out.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Error {
    /// The reason, for programs: that of a refusal, as clients get it, or `not_found`, `method_not_allowed`,
    /// `unsupported_media_type` or `other_log`.
    code: String,
    /// The reason, for people.
    message: String,
    /// When to send the same request again, in milliseconds; absent if that is useless.
    #[schema(nullable = false)]
    retry_after: Option<u64>,
    /// With `client_offset_conflict`, the offset of the message that has the key.
    #[schema(nullable = false)]
    offset: Option<u64>,
}

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::LinkCode;
use super::arguments::{Arguments, invalid};
use super::rooms::room;
use super::users::nickname;
use crate::{
    AccessAction, Nickname, Posting, Reason, Refusal, RefusalCode, Role, RoomId, SanctionKind,
    Timestamp, Topic, UserId, Visibility,
};

/// Maximum number of seconds in a request: a hundred years.
const MOST_SECONDS: u64 = 36_500 * 24 * 60 * 60;

/// The argument of [`ROOMS`](super::ROOMS): `emit("rooms", { after, limit, unread })`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoomsRequest {
    /// Only rooms after this one.
    pub after: Option<RoomId>,
    /// Maximum number of rooms, from 1 to [`MAX_LIMIT`](Self::MAX_LIMIT).
    pub limit: usize,
    /// Whether to count what the user has not read there.
    pub unread: bool,
}

impl RoomsRequest {
    /// The maximum number of rooms in an answer, and the number without a limit.
    pub const MAX_LIMIT: usize = 100;

    /// Reads the argument from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EXPECTED: &str =
            "the argument must be options such as { after: \"general\", limit: 50 }";
        const LIMIT: &str = "`limit` must be a whole number from 1 to 100";
        let options = Arguments::of(json)?.options(1, EXPECTED)?;
        let after: Option<String> = options.field("after", "`after` must be the name of a room")?;
        let after = parsed(after)?;
        let unread = options.field("unread", "`unread` must be true or false")?.unwrap_or(false);
        Ok(Self { after, limit: options.limit(Self::MAX_LIMIT, LIMIT)?, unread })
    }
}

/// The arguments of [`CREATE_ROOM`](super::CREATE_ROOM) and [`CHANGE_ROOM`](super::CHANGE_ROOM): `emit("create room",
/// room, { topic, visibility, posting })`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoomSettings {
    /// The room.
    pub room: RoomId,
    /// What it is about.
    pub topic: Option<Topic>,
    /// Who may find and read it.
    pub visibility: Option<Visibility>,
    /// Who may write there.
    pub posting: Option<Posting>,
}

impl RoomSettings {
    /// Reads the arguments from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EXPECTED: &str = "the second argument must be options such as { topic, visibility: \"private\", posting }";
        let arguments = Arguments::of(json)?;
        let options = arguments.options(2, EXPECTED)?;
        Ok(Self {
            room: room(&arguments)?,
            topic: parsed(options.field::<String>("topic", "`topic` must be a text")?)?,
            visibility: options
                .field("visibility", "`visibility` must be \"public\" or \"private\"")?,
            posting: options.field(
                "posting",
                "`posting` must be \"everyone\", \"members\" or \"moderators\"",
            )?,
        })
    }
}

/// The arguments of [`SET_ROLE`](super::SET_ROLE): `emit("set role", room, nickname, role)`; `"none"` ends the
/// membership.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetRole {
    /// The room.
    pub room: RoomId,
    /// The user.
    pub nickname: Nickname,
    /// The role; none for somebody who is no member any more.
    pub role: Option<Role>,
}

impl SetRole {
    /// Reads the arguments from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const ROLE: &str =
            "the third argument must be \"member\", \"moderator\", \"owner\" or \"none\"";
        let arguments = Arguments::of(json)?;
        let role: String = arguments.required(3, ROLE)?;
        let role = match &*role {
            "none" => None,
            role => Some(role.parse().map_err(|_| invalid(ROLE))?),
        };
        Ok(Self { room: room(&arguments)?, nickname: nickname_at(&arguments, 2)?, role })
    }
}

/// The arguments of [`INVITE`](super::INVITE): `emit("invite", room, { uses, expiresIn })`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invite {
    /// The room.
    pub room: RoomId,
    /// How many users may accept it, from 1 to 1,000.
    pub uses: u32,
    /// How long it is valid.
    pub expires_in: Duration,
}

impl Invite {
    /// How long an invitation is valid if the request does not say: seven days.
    pub const DEFAULT_EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// Reads the arguments from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EXPECTED: &str =
            "the second argument must be options such as { uses: 1, expiresIn: 3600 }";
        const USES: &str = "`uses` must be a whole number from 1 to 1000";
        let arguments = Arguments::of(json)?;
        let options = arguments.options(2, EXPECTED)?;
        let uses = match options.whole("uses", USES)? {
            None => 1,
            Some(uses @ 1..=1000) => u32::try_from(uses).unwrap_or(1),
            Some(_) => return Err(invalid(USES)),
        };
        let expires_in = seconds(options.whole("expiresIn", SECONDS_EXPIRY)?, SECONDS_EXPIRY)?;
        let expires_in = expires_in.unwrap_or(Self::DEFAULT_EXPIRY);
        Ok(Self { room: room(&arguments)?, uses, expires_in })
    }
}

const SECONDS_EXPIRY: &str = "`expiresIn` must be a number of seconds from 1 on";

/// The answer to [`INVITE`](super::INVITE).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Invited {
    /// The code to hand on.
    pub code: LinkCode,
    /// When it stops being valid, in milliseconds since 1970.
    pub expires_at: Timestamp,
}

impl Invited {
    /// Creates an answer.
    pub fn new(code: LinkCode, expires_at: Timestamp) -> Self {
        Self { code, expires_at }
    }
}

/// Reads the argument of [`ACCEPT_INVITATION`](super::ACCEPT_INVITATION) from the JSON text of an event: the code.
///
/// # Errors
/// The refusal to answer with.
pub fn invitation_from_event(json: &str) -> Result<LinkCode, Refusal> {
    let arguments = Arguments::of(json)?;
    code_at(&arguments, 1, "the first argument must be the code of an invitation")
}

/// The arguments of [`REVOKE_INVITATION`](super::REVOKE_INVITATION): `emit("revoke invitation", room, code)`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevokeInvitation {
    /// The room.
    pub room: RoomId,
    /// The code that was handed on.
    pub code: LinkCode,
}

impl RevokeInvitation {
    /// Reads the arguments from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        let arguments = Arguments::of(json)?;
        let code = code_at(&arguments, 2, "the second argument must be the code of an invitation")?;
        Ok(Self { room: room(&arguments)?, code })
    }
}

/// The arguments of [`BAN`](super::BAN), [`MUTE`](super::MUTE) and [`LIFT`](super::LIFT): `emit("ban", nickname, {
/// room, for, reason })`, `emit("lift", nickname, { room, kind })`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moderate {
    /// The user.
    pub nickname: Nickname,
    /// Where; none for everywhere.
    pub room: Option<RoomId>,
    /// What [`LIFT`](super::LIFT) ends; none for both. Other events ignore it.
    pub kind: Option<SanctionKind>,
    /// How long; none until it is lifted.
    pub duration: Option<Duration>,
    /// Why.
    pub reason: Option<Reason>,
}

impl Moderate {
    /// Reads the arguments from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EXPECTED: &str =
            "the second argument must be options such as { room: \"general\", for: 3600, reason }";
        const FOR: &str = "`for` must be a number of seconds from 1 on";
        let arguments = Arguments::of(json)?;
        let options = arguments.options(2, EXPECTED)?;
        Ok(Self {
            nickname: nickname(&arguments)?,
            room: options.room()?,
            kind: options.field("kind", "`kind` must be \"ban\" or \"mute\"")?,
            duration: seconds(options.whole("for", FOR)?, FOR)?,
            reason: parsed(options.field::<String>("reason", "`reason` must be a text")?)?,
        })
    }
}

/// The arguments of [`KICK`](super::KICK): `emit("kick", room, nickname, { reason })`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kick {
    /// The room.
    pub room: RoomId,
    /// The user.
    pub nickname: Nickname,
    /// Why.
    pub reason: Option<Reason>,
}

impl Kick {
    /// Reads the arguments from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EXPECTED: &str = "the third argument must be options such as { reason: \"spam\" }";
        let arguments = Arguments::of(json)?;
        let options = arguments.options(3, EXPECTED)?;
        let reason = parsed(options.field::<String>("reason", "`reason` must be a text")?)?;
        Ok(Self { room: room(&arguments)?, nickname: nickname_at(&arguments, 2)?, reason })
    }
}

/// The answer to [`ROOMS`](super::ROOMS).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rooms {
    /// The rooms in the order of their names.
    pub rooms: Vec<KeptRoom>,
    /// Whether there are more after the last one.
    pub more: bool,
}

impl Rooms {
    /// Creates an answer.
    pub fn new(rooms: Vec<KeptRoom>, more: bool) -> Self {
        Self { rooms, more }
    }
}

/// A room that is kept: an item of [`Rooms`], and the answer to events that change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRoom {
    /// Its name.
    pub room: RoomId,
    /// What it is about.
    pub topic: Topic,
    /// Who may find and read it.
    pub visibility: Visibility,
    /// Who may write there.
    pub posting: Posting,
    /// The number of users who are there now.
    pub users: usize,
    /// The number of members, the owners among them.
    pub members: u32,
    /// The role of the user who asks; `null` if it is no member.
    pub role: Option<Role>,
    /// What the user who asks has not read, up to [`Unread::MAX_COUNT`](super::Unread::MAX_COUNT); absent unless it asks,
    /// and where it neither is nor is a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<u64>,
}

/// The answer to [`MEMBERS`](super::MEMBERS).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Members {
    /// The room.
    pub room: RoomId,
    /// Its members in the order of their ids, at most [`MAX_MEMBERS`](Self::MAX_MEMBERS).
    pub members: Vec<Member>,
    /// Whether there are more after the last one.
    pub more: bool,
}

impl Members {
    /// The maximum number of members in an answer.
    pub const MAX_MEMBERS: usize = 1000;

    /// Creates an answer.
    pub fn new(room: RoomId, members: Vec<Member>, more: bool) -> Self {
        Self { room, members, more }
    }
}

/// An item of [`Members`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user.
    #[serde(serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// The user's role.
    pub role: Role,
}

/// The answer to events that do something to a user: whether anything was to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Moderated {
    /// Whether it has changed anything.
    pub changed: bool,
}

impl Moderated {
    /// Creates an answer.
    pub fn new(changed: bool) -> Self {
        Self { changed }
    }
}

/// The answer to [`MODERATION_LOG`](super::MODERATION_LOG), the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModerationLog {
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// Whether there are more before the last one.
    pub more: bool,
}

impl ModerationLog {
    /// The maximum number of entries in an answer.
    pub const MAX_ENTRIES: usize = 200;

    /// Creates an answer.
    pub fn new(entries: Vec<LogEntry>, more: bool) -> Self {
        Self { entries, more }
    }
}

/// Who did what to whom: an item of [`ModerationLog`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its number in the log of everything, from 1.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at: Timestamp,
    /// Who; `null` for those who run the server.
    #[serde(serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub by: Option<UserId>,
    /// What was done.
    pub action: AccessAction,
    /// The key of the room; `null` for everywhere.
    pub room: Option<String>,
    /// To which user; `null` if to none.
    #[serde(serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// To which address; `null` if to none.
    pub address: Option<String>,
    /// The role that the user has in the room since; `null` if it is not about that.
    pub role: Option<Role>,
    /// Until when, in milliseconds since 1970.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: Option<Reason>,
}

fn code_at(arguments: &Arguments<'_>, index: usize, expected: &str) -> Result<LinkCode, Refusal> {
    let code: String = arguments.required(index, expected)?;
    code.parse().map_err(|error| Refusal::invalid(RefusalCode::InvalidCode, error))
}

fn nickname_at(arguments: &Arguments<'_>, index: usize) -> Result<Nickname, Refusal> {
    let name: String =
        arguments.required(index, "the second argument must be a nickname, a string")?;
    name.parse().map_err(|error| Refusal::invalid(RefusalCode::InvalidNickname, error))
}

fn parsed<T: std::str::FromStr<Err = crate::ParseError>>(
    text: Option<String>,
) -> Result<Option<T>, Refusal> {
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(|error| Refusal::invalid(RefusalCode::InvalidArguments, error))
}

fn seconds(number: Option<u64>, expected: &str) -> Result<Option<Duration>, Refusal> {
    match number {
        None => Ok(None),
        Some(seconds @ 1..=MOST_SECONDS) => Ok(Some(Duration::from_secs(seconds))),
        Some(_) => Err(invalid(expected)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_or_refused_with_a_reason() {
        let settings = RoomSettings::from_event(
            r#"["create room","Rust",{"topic":"Crates","visibility":"private","posting":"members"}]"#,
        );
        let settings = settings.unwrap();
        assert_eq!(settings.visibility, Some(Visibility::Private));
        assert_eq!(settings.topic.unwrap().as_str(), "Crates");
        for json in [
            r#"["create room"]"#,
            r#"["create room"," x"]"#,
            r#"["create room","x",{"visibility":"secret"}]"#,
            r#"["create room","x",{"topic":5}]"#,
            r#"["create room","x","topic"]"#,
        ] {
            let refused = RoomSettings::from_event(json).unwrap_err();
            assert_eq!(refused.code, RefusalCode::InvalidArguments, "{json}");
        }
        let ban = Moderate::from_event(r#"["ban","Eve",{"room":"x","for":60,"reason":"spam"}]"#);
        assert_eq!(ban.unwrap().duration, Some(Duration::from_secs(60)));
        for json in [
            r#"["ban","Eve",{"for":0}]"#,
            r#"["ban","Eve",{"for":-1}]"#,
            r#"["ban","Eve",{"for":1e15}]"#,
        ] {
            assert!(Moderate::from_event(json).is_err(), "{json}");
        }
        let role = |role: &str| SetRole::from_event(&format!(r#"["set role","x","Eve","{role}"]"#));
        assert_eq!(role("owner").unwrap().role, Some(Role::Owner));
        assert_eq!(role("none").unwrap().role, None);
        assert!(role("king").is_err());
        assert_eq!(Invite::from_event(r#"["invite","x"]"#).unwrap().uses, 1);
        assert!(Invite::from_event(r#"["invite","x",{"uses":1001}]"#).is_err());
        assert!(Kick::from_event(r#"["kick","x","Eve",{"reason":"spam"}]"#).is_ok());
        assert!(RoomsRequest::from_event(r#"["rooms",{"limit":0}]"#).is_err());
        let lift =
            |kind: &str| Moderate::from_event(&format!(r#"["lift","Eve",{{"kind":{kind}}}]"#));
        assert_eq!(lift("null").unwrap().kind, None);
        assert_eq!(lift(r#""mute""#).unwrap().kind, Some(SanctionKind::Mute));
        assert!(lift(r#""kick""#).is_err());
        assert!(RevokeInvitation::from_event(r#"["revoke invitation","x","abcde fghjk"]"#).is_ok());
        let wrong = RevokeInvitation::from_event(r#"["revoke invitation","x","abcde"]"#);
        assert_eq!(wrong.unwrap_err().code, RefusalCode::InvalidCode);
    }
}

use serde::{Deserialize, Serialize};

use super::arguments::{Arguments, Options, invalid, nickname_at, parsed};
use super::rooms::room;
use crate::{Nickname, Posting, Refusal, Role, RoomId, Topic, UserId, Visibility};

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
            visibility: visibility(&options)?,
            posting: options.field(
                "posting",
                "`posting` must be \"everyone\", \"members\" or \"moderators\"",
            )?,
        })
    }
}

/// Who may find and read a room. A room is deleted with [`DELETE_ROOM`](super::DELETE_ROOM).
fn visibility(options: &Options<'_>) -> Result<Option<Visibility>, Refusal> {
    const EXPECTED: &str = "`visibility` must be \"public\" or \"private\"";
    match options.field("visibility", EXPECTED)? {
        Some(Visibility::Deleted) => Err(invalid(EXPECTED)),
        visibility => Ok(visibility),
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
    /// The role; none for somebody who is no longer a member.
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

/// The answer to [`ROOMS`](super::ROOMS).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rooms {
    /// The rooms in the order of their names.
    pub rooms: Vec<KeptRoom>,
    /// Whether there are more after the last one.
    pub more: bool,
    /// The role that the user who asks has in every room; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

impl Rooms {
    /// Creates an answer.
    pub fn new(rooms: Vec<KeptRoom>, more: bool) -> Self {
        Self { rooms, more, role: None }
    }

    /// Sets the role that the user who asks has in every room.
    #[must_use]
    pub fn with_role(self, role: Option<Role>) -> Self {
        Self { role, ..self }
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
    /// The user's nickname; `null` if there is none.
    pub nickname: Option<Nickname>,
    /// The user's role.
    pub role: Role,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RefusalCode;

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
            r#"["create room","x",{"visibility":"deleted"}]"#,
            r#"["create room","x",{"topic":5}]"#,
            r#"["create room","x","topic"]"#,
        ] {
            let refused = RoomSettings::from_event(json).unwrap_err();
            assert_eq!(refused.code, RefusalCode::InvalidArguments, "{json}");
        }
        let role = |role: &str| SetRole::from_event(&format!(r#"["set role","x","Eve","{role}"]"#));
        assert_eq!(role("owner").unwrap().role, Some(Role::Owner));
        assert_eq!(role("none").unwrap().role, None);
        assert!(role("king").is_err());
        assert!(RoomsRequest::from_event(r#"["rooms",{"limit":0}]"#).is_err());
    }
}

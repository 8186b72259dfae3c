use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::arguments::{Arguments, nickname_at, parsed, seconds};
use super::rooms::room;
use super::users::nickname;
use crate::{
    AccessAction, Nickname, Reason, Refusal, Role, RoomId, SanctionKind, Timestamp, UserId,
};

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
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Its number in the log of everything, from 1.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at: Timestamp,
    /// Who; `null` for those who run the server.
    #[serde(serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub by: Option<UserId>,
    /// The nickname that this user has now; `null` if there is none.
    pub by_nickname: Option<Nickname>,
    /// What was done.
    pub action: AccessAction,
    /// The key of the room; `null` for everywhere.
    pub room: Option<String>,
    /// To which user; `null` if to none.
    #[serde(serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// The nickname that this user has now; `null` if there is none.
    pub nickname: Option<Nickname>,
    /// To which address; `null` if to none.
    pub address: Option<String>,
    /// The role that the user has in the room since; `null` if it is not about that.
    pub role: Option<Role>,
    /// Until when, in milliseconds since 1970.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: Option<Reason>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moderators_ask_for_is_read_or_refused() {
        let ban = Moderate::from_event(r#"["ban","Eve",{"room":"x","for":60,"reason":"spam"}]"#);
        assert_eq!(ban.unwrap().duration, Some(Duration::from_secs(60)));
        for json in [
            r#"["ban","Eve",{"for":0}]"#,
            r#"["ban","Eve",{"for":-1}]"#,
            r#"["ban","Eve",{"for":1e15}]"#,
        ] {
            assert!(Moderate::from_event(json).is_err(), "{json}");
        }
        assert!(Kick::from_event(r#"["kick","x","Eve",{"reason":"spam"}]"#).is_ok());
        let lift =
            |kind: &str| Moderate::from_event(&format!(r#"["lift","Eve",{{"kind":{kind}}}]"#));
        assert_eq!(lift("null").unwrap().kind, None);
        assert_eq!(lift(r#""mute""#).unwrap().kind, Some(SanctionKind::Mute));
        assert!(lift(r#""kick""#).is_err());
    }
}

use super::arguments::{Arguments, invalid};
use super::kept_rooms::Members;
use super::moderation::ModerationLog;
use super::rooms::room;
use crate::{Refusal, RefusalCode, RoomId, UserId};

/// The arguments of [`MEMBERS`](super::MEMBERS): `emit("members", room, { after, limit })`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MembersRequest {
    /// The room.
    pub room: RoomId,
    /// Only members after this one, the last of the page before.
    pub after: Option<UserId>,
    /// Maximum number of members, from 1 to [`Members::MAX_MEMBERS`].
    pub limit: usize,
}

impl MembersRequest {
    /// Reads the arguments from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EXPECTED: &str = "the second argument must be options such as { limit: 50 }";
        const AFTER: &str = "`after` must be the id of a user, from the page before";
        const LIMIT: &str = "`limit` must be a whole number from 1 to 1000";
        let arguments = Arguments::of(json)?;
        let options = arguments.options(2, EXPECTED)?;
        let after: Option<String> = options.field("after", AFTER)?;
        let after = after.map(|user| user.parse()).transpose().map_err(|_| invalid(AFTER))?;
        let limit = options.limit(Members::MAX_MEMBERS, LIMIT)?;
        Ok(Self { room: room(&arguments)?, after, limit })
    }
}

/// The arguments of [`MODERATION_LOG`](super::MODERATION_LOG): `emit("moderation log", room, { before, limit })`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogRequest {
    /// The room; none for everything.
    pub room: Option<RoomId>,
    /// Only entries before the one with this number, the last of the page before.
    pub before: Option<u64>,
    /// Maximum number of entries, from 1 to [`ModerationLog::MAX_ENTRIES`].
    pub limit: usize,
}

impl LogRequest {
    /// Reads the arguments from the JSON text of an event. `null` for the room stands for none.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const ROOM: &str = "the first argument must be the name of a room";
        const EXPECTED: &str = "the second argument must be options such as { limit: 50 }";
        const BEFORE: &str = "`before` must be the number of an entry, from the page before";
        const LIMIT: &str = "`limit` must be a whole number from 1 to 200";
        let arguments = Arguments::of(json)?;
        let room: Option<String> = arguments.optional(1, ROOM)?;
        let room = room.map(|room| room.parse()).transpose();
        let room = room.map_err(|error| Refusal::invalid(RefusalCode::InvalidArguments, error))?;
        let options = arguments.options(2, EXPECTED)?;
        let before = options.whole("before", BEFORE)?;
        Ok(Self { room, before, limit: options.limit(ModerationLog::MAX_ENTRIES, LIMIT)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_a_beginning_and_a_size() {
        let read = |json: &str| MembersRequest::from_event(json);
        let all = read(r#"["members","x"]"#).unwrap();
        assert_eq!((all.after, all.limit), (None, Members::MAX_MEMBERS));
        let page = read(r#"["members","x",{"after":"00000000000000ff","limit":5}]"#).unwrap();
        assert_eq!((page.after, page.limit), (Some(UserId::from_stored(255)), 5));
        for json in [
            r#"["members"]"#,
            r#"["members","x",{"after":"Ada"}]"#,
            r#"["members","x",{"limit":0}]"#,
            r#"["members","x",{"limit":1001}]"#,
            r#"["members","x","Ada"]"#,
        ] {
            assert_eq!(read(json).unwrap_err().code, RefusalCode::InvalidArguments, "{json}");
        }

        let read = |json: &str| LogRequest::from_event(json);
        let all = read(r#"["moderation log"]"#).unwrap();
        assert_eq!((all.room, all.before, all.limit), (None, None, ModerationLog::MAX_ENTRIES));
        let page = read(r#"["moderation log",null,{"before":7,"limit":5}]"#).unwrap();
        assert_eq!((page.room, page.before, page.limit), (None, Some(7), 5));
        for json in [
            r#"["moderation log"," x"]"#,
            r#"["moderation log","x",{"before":-1}]"#,
            r#"["moderation log","x",{"limit":201}]"#,
        ] {
            assert_eq!(read(json).unwrap_err().code, RefusalCode::InvalidArguments, "{json}");
        }
    }
}

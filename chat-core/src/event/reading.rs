use serde::{Deserialize, Serialize};

use super::arguments::{Arguments, invalid};
use super::history::HistoryOf;
use crate::{Nickname, Offset, Refusal, RefusalCode, RoomId, UserId};

/// The argument of [`READ`](super::READ) from a client: `emit("read", { room, offset })`, or `{ with, offset }` for the
/// private messages with a user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadRequest {
    /// What the user has read.
    pub of: HistoryOf,
    /// The newest message of it that the user has read.
    pub offset: Offset,
}

impl ReadRequest {
    /// Reads the argument from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EXPECTED: &str =
            "the argument must be options such as { room: \"general\", offset: 100 }";
        const WITH: &str = "`with` must be a nickname, a string";
        const OFFSET: &str = "`offset` must be an offset, a whole number from 0 on";
        let options = Arguments::of(json)?.options(1, EXPECTED)?;
        let of = match (options.room()?, options.field::<String>("with", WITH)?) {
            (Some(room), None) => HistoryOf::Room(room),
            (None, Some(name)) => HistoryOf::With(
                name.parse()
                    .map_err(|error| Refusal::invalid(RefusalCode::InvalidNickname, error))?,
            ),
            _ => return Err(invalid("name a room, or a user with `with`, and not both")),
        };
        let offset = options.offset("offset", OFFSET)?.ok_or_else(|| invalid(OFFSET))?;
        Ok(Self { of, offset })
    }
}

/// The answer to [`READ`](super::READ): it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReadKept {
    /// The newest message that the user has read, as far as it was told with this request.
    pub offset: Offset,
}

impl ReadKept {
    /// Creates an answer.
    pub fn new(offset: Offset) -> Self {
        Self { offset }
    }
}

/// The argument of [`READ`](super::READ) from the server: somebody in the room has read it up to an offset, or the user
/// itself has read a room, or private messages, on another device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Seen {
    /// The room; none for private messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// The other user of the private messages; none for a room.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "UserId::public",
        deserialize_with = "UserId::from_public"
    )]
    pub with: Option<UserId>,
    /// The user.
    #[serde(serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// The user's nickname.
    pub nickname: Option<Nickname>,
    /// The newest message that the user has read.
    pub offset: Offset,
}

impl Seen {
    /// Creates the report that a user has read a room up to an offset.
    pub fn new(room: RoomId, user: UserId, nickname: Option<Nickname>, offset: Offset) -> Self {
        Self { room: Some(room), with: None, user: Some(user), nickname, offset }
    }

    /// Creates the report that a user has read the private messages with another one up to an offset.
    pub fn privately(
        with: UserId,
        user: UserId,
        nickname: Option<Nickname>,
        offset: Offset,
    ) -> Self {
        Self { room: None, with: Some(with), user: Some(user), nickname, offset }
    }
}

/// The answer to [`UNREAD`](super::UNREAD).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unread {
    /// The rooms that the connection is in.
    pub rooms: Vec<UnreadRoom>,
    /// The conversations of which the user has read something.
    pub conversations: Vec<UnreadConversation>,
}

impl Unread {
    /// Counting ends at this many messages: it stands for as many or more.
    pub const MAX_COUNT: u64 = 100;

    /// The maximum number of conversations in an answer.
    pub const MAX_CONVERSATIONS: usize = 100;
}

/// A room in [`Unread`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadRoom {
    /// The room.
    pub room: RoomId,
    /// The newest message that the user has read; 0 if none.
    pub read: Offset,
    /// The number of messages after it, at most [`Unread::MAX_COUNT`].
    pub unread: u64,
}

/// A conversation in [`Unread`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadConversation {
    /// The other user.
    #[serde(serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// The newest message that the user has read.
    pub read: Offset,
    /// The number of messages after it, at most [`Unread::MAX_COUNT`].
    pub unread: u64,
}

/// The answer to [`READERS`](super::READERS).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Readers {
    /// The room.
    pub room: RoomId,
    /// Who has read it, and how far, at most [`MAX_READERS`](Self::MAX_READERS).
    pub readers: Vec<Reader>,
}

impl Readers {
    /// The maximum number of readers in an answer.
    pub const MAX_READERS: usize = 200;

    /// Creates an answer.
    pub fn new(room: RoomId, readers: Vec<Reader>) -> Self {
        Self { room, readers }
    }
}

/// A user in [`Readers`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reader {
    /// The user.
    #[serde(serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// The user's nickname; `null` if there is none.
    pub nickname: Option<Nickname>,
    /// The newest message that the user has read.
    pub offset: Offset,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_a_room_or_a_conversation_and_an_offset() {
        let read = |json: &str| ReadRequest::from_event(json).map_err(|refusal| refusal.code);
        let room = read(r#"["read",{"room":"rust","offset":7}]"#).unwrap();
        assert_eq!(room.of, HistoryOf::Room("rust".parse().unwrap()));
        assert_eq!(room.offset.as_u64(), 7);
        assert!(read(r#"["read",{"with":"Ada","offset":0}]"#).is_ok());
        for json in [
            r#"["read"]"#,
            r#"["read",{"room":"rust"}]"#,
            r#"["read",{"offset":1}]"#,
            r#"["read",{"room":"rust","with":"Ada","offset":1}]"#,
            r#"["read",{"room":"rust","offset":-1}]"#,
            r#"["read",{"room":"rust","offset":1.5}]"#,
            r#"["read",7]"#,
        ] {
            assert_eq!(read(json), Err(RefusalCode::InvalidArguments), "{json}");
        }
        let name = read(r#"["read",{"with":" ","offset":1}]"#);
        assert_eq!(name, Err(RefusalCode::InvalidNickname));
    }
}

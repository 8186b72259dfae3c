use serde::{Deserialize, Serialize};

use super::arguments::{Arguments, Options, invalid};
use super::delivery::is_false;
use crate::moment::Moment;
use crate::{
    Audience, ClientOffset, Content, EventName, Kind, Message, Nickname, Offset, Refusal,
    RefusalCode, RoomId, Timestamp, UserId,
};

/// The argument of [`HISTORY`](super::HISTORY): `emit("history", { room, before, limit })`, or `{ with, before, limit
/// }` for the private messages with a user. Instead of `before`, it may have `after` or `around`. Each of these is an offset,
/// or `{ at }` with a time in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryRequest {
    /// The feed to read.
    pub of: HistoryOf,
    /// Which of its messages.
    pub range: HistoryRange,
    /// Maximum number of messages, from 1 to [`MAX_LIMIT`](Self::MAX_LIMIT).
    pub limit: usize,
}

/// The feed that a [`HistoryRequest`] asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryOf {
    /// The messages of a room.
    Room(RoomId),
    /// The private messages with the user who has this nickname.
    With(Nickname),
}

/// Which messages a [`HistoryRequest`] asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryRange {
    /// The newest ones.
    Newest,
    /// The last ones before this.
    Before(Moment),
    /// The first ones after this. For a time, those from then on.
    After(Moment),
    /// Those around this, half of them before.
    Around(Moment),
}

impl HistoryRequest {
    /// The number of messages if the request has no limit.
    pub const DEFAULT_LIMIT: usize = 50;

    /// The maximum number of messages that one request may ask for.
    pub const MAX_LIMIT: usize = 200;

    /// Creates a request for the newest messages of a feed, [`DEFAULT_LIMIT`](Self::DEFAULT_LIMIT) at most.
    pub fn new(of: HistoryOf) -> Self {
        Self { of, range: HistoryRange::Newest, limit: Self::DEFAULT_LIMIT }
    }

    /// Requests only messages before this offset.
    #[must_use]
    pub fn with_before(self, before: Offset) -> Self {
        self.with_range(HistoryRange::Before(Moment::Offset(before)))
    }

    /// Sets which messages are requested.
    #[must_use]
    pub fn with_range(self, range: HistoryRange) -> Self {
        Self { range, ..self }
    }

    /// Sets the maximum number of messages, from 1 to [`MAX_LIMIT`](Self::MAX_LIMIT).
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Reads the argument from the JSON text of an event: an array whose first item is the event's name.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EXPECTED: &str =
            "the argument must be options such as { room: \"general\", before: 100, limit: 50 }";
        const WITH: &str = "`with` must be a nickname, a string";
        const ONE: &str = "of `before`, `after` and `around`, name one at the most";
        const LIMIT: &str = "`limit` must be a whole number from 1 to 200";
        let options = Arguments::of(json)?.options(1, EXPECTED)?;
        let of = match (options.room()?, options.field::<String>("with", WITH)?) {
            (Some(room), None) => HistoryOf::Room(room),
            (None, Some(name)) => HistoryOf::With(
                name.parse()
                    .map_err(|error| Refusal::invalid(RefusalCode::InvalidNickname, error))?,
            ),
            _ => return Err(invalid("name a room, or a user with `with`, and not both")),
        };
        let range = match (
            moment(&options, "before")?,
            moment(&options, "after")?,
            moment(&options, "around")?,
        ) {
            (None, None, None) => HistoryRange::Newest,
            (Some(before), None, None) => HistoryRange::Before(before),
            (None, Some(after), None) => HistoryRange::After(after),
            (None, None, Some(around)) => HistoryRange::Around(around),
            _ => return Err(invalid(ONE)),
        };
        let limit = match options.whole("limit", LIMIT)?.map(usize::try_from) {
            None => Self::DEFAULT_LIMIT,
            Some(Ok(limit @ 1..=Self::MAX_LIMIT)) => limit,
            Some(_) => return Err(invalid(LIMIT)),
        };
        Ok(Self { of, range, limit })
    }
}

/// Reads an optional field that is an offset, or `{ at }` with a time.
fn moment(options: &Options<'_>, name: &str) -> Result<Option<Moment>, Refusal> {
    #[derive(Deserialize)]
    struct At {
        at: Timestamp,
    }

    let expected = format!(
        "`{name}` must be an offset, a whole number from 0 on, or a time such as {{ at: 1700000000000 }}"
    );
    if options.is_object(name) {
        let time: Option<At> = options.field(name, &expected)?;
        return Ok(time.map(|At { at }| Moment::Time(at)));
    }
    Ok(options.offset(name, &expected)?.map(Moment::Offset))
}

/// The answer to [`HISTORY`](super::HISTORY).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct History {
    /// The messages, oldest first.
    pub messages: Vec<HistoryMessage>,
    /// Whether there are earlier messages. The answer may have fewer messages than requested if they are large.
    pub more: bool,
    /// Whether there are later messages; absent if the request has neither `after` nor `around`.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "moreAfter")]
    pub more_after: Option<bool>,
    /// Messages before this offset were deleted from the beginning of the log; absent if there are earlier ones than these,
    /// or if none were.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "goneBefore")]
    pub gone_before: Option<Offset>,
}

impl History {
    /// Creates an answer with these messages, oldest first.
    pub fn new(messages: Vec<HistoryMessage>, more: bool) -> Self {
        Self { messages, more, more_after: None, gone_before: None }
    }

    /// Tells whether there are later messages.
    #[must_use]
    pub fn with_more_after(self, more: bool) -> Self {
        Self { more_after: Some(more), ..self }
    }

    /// Tells that everything before an offset was deleted.
    #[must_use]
    pub fn with_gone_before(self, before: Offset) -> Self {
        Self { gone_before: Some(before), ..self }
    }
}

/// One message of a [`History`]. Convert a [`Message`] to make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HistoryMessage {
    /// The text; for an event, its payload as JSON.
    pub content: Content,
    /// The name of the event; absent if it is a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventName>,
    /// Its position in the log.
    pub offset: Offset,
    /// The room it was sent to; absent if it is private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// The sender's nickname; `null` if anonymous.
    pub from: Option<Nickname>,
    /// The user who wrote it, who may have another nickname by now; `null` if anonymous, or if the log does not know.
    #[serde(default, serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// The receiver's nickname; absent if it was sent to a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Nickname>,
    /// When the server received it; `null` if the log does not know.
    pub at: Option<Timestamp>,
    /// The author's key for it; `null` for all other users, and if the author gave none.
    pub client_offset: Option<ClientOffset>,
    /// The offset of the message that it answers; absent if it answers none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Offset>,
    /// Whether this is another text than at first; absent if not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub edited: bool,
    /// Whether it was deleted, so that its content is empty; absent if not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
    /// The reactions that are given to it now, in the order in which they were first given; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<ReactionCount>,
}

/// How often one emoji is given to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReactionCount {
    /// The emoji.
    pub emoji: String,
    /// How many users give it. Clients without a nickname count once for each session.
    pub count: u64,
    /// Whether the asking user is one of them.
    pub own: bool,
}

impl ReactionCount {
    /// Creates a count.
    pub fn new(emoji: String, count: u64, own: bool) -> Self {
        Self { emoji, count, own }
    }
}

impl HistoryMessage {
    /// Converts a message for its author, with the key.
    pub fn to_author(mut message: Message) -> Self {
        let client_offset = message.client_offset.take();
        Self { client_offset, ..message.into() }
    }
}

/// Converts a message for other users, without the key.
impl From<Message> for HistoryMessage {
    fn from(message: Message) -> Self {
        let (edited, deleted) = (message.is_edited(), message.is_deleted());
        let Message { offset, audience, content, kind, from, user, at, .. } = message;
        let event = kind.event().cloned();
        let reply_to = if let Kind::Reply(to) = kind { Some(to) } else { None };
        let (room, to, user) = match audience {
            Audience::Room(room) => (Some(room), None, user),
            Audience::Private { from, to, nickname } => {
                // What the application tells a user is from nobody.
                let sender = Some(from).filter(|_| from != to);
                (None, Some(nickname), sender.or(user))
            }
        };
        Self {
            content,
            event,
            offset,
            room,
            from,
            user,
            to,
            at,
            client_offset: None,
            reply_to,
            edited,
            deleted,
            reactions: Vec::new(),
        }
    }
}

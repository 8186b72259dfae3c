use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    Audience, Author, AuthorId, ClientOffset, Emoji, EventName, Kind, Nickname, Offset, ParseError,
    RoomId, UserId,
};

/// The text of a message: 1 to 65,536 bytes of UTF-8, any characters.
///
/// `parse` and `try_from` check new content. Deserialising accepts any text, like [`from_stored`](Self::from_stored):
/// it is for messages that are in the log already.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Content(Box<str>);

impl Content {
    /// The maximum length of content in bytes of UTF-8: 64 KiB.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Creates content from text that was read back from a store. Another program may have written it, so it may be
    /// empty or over the limit.
    ///
    /// The text is not checked: history is never refused.
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the content as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Content {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Err(ParseError::Empty { what: "a message" });
        }
        if text.len() > Self::MAX_BYTES {
            return Err(ParseError::TooLong {
                what: "a message",
                bytes: text.len(),
                max: Self::MAX_BYTES,
            });
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for Content {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.to_owned().try_into()
    }
}

impl From<Content> for String {
    fn from(content: Content) -> Self {
        content.0.into()
    }
}

/// Shows the length only: what users write does not belong in logs.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

/// What is left of a content that was changed or deleted: enough to recognise that it is sent again, and too little to
/// read it. Its CRC-32, which takes a fraction of a cryptographic digest's time, and 32 bits of one protect no better:
/// whoever has it can check a guess, with one of four billion wrong guesses taken for right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentDigest(u32);

impl ContentDigest {
    /// Creates the digest of a content.
    pub fn of(content: &Content) -> Self {
        Self(crc32fast::hash(content.as_str().as_bytes()))
    }

    /// Returns whether it can be the digest of this content.
    pub fn is_of(self, content: &Content) -> bool {
        self == Self::of(content) || self == Self::earlier(content)
    }

    /// Returns what earlier versions have stored: the first 32 bits of the SHA-256.
    fn earlier(content: &Content) -> Self {
        let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(content.as_str()).into();
        Self(u32::from_be_bytes([a, b, c, d]))
    }

    /// Creates a digest from a number that was read back from a store.
    pub const fn from_stored(number: u32) -> Self {
        Self(number)
    }

    /// Returns the number to store.
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

/// A point in time, in whole milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Creates a timestamp from milliseconds since 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the current time by this machine's clock.
    ///
    /// Clocks of different nodes differ: order messages by [`Offset`], never by time.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Returns the time from `earlier` to this timestamp; zero if this one is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns the timestamp `duration` later, or the last possible one.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// Returns the timestamp `duration` earlier, or the first possible one.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// Returns the number of milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

/// Why an event cannot be made of a payload.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The payload cannot be serialised as JSON.
    #[error("the payload of an event cannot be serialised")]
    Json(#[from] serde_json::Error),
    /// Its JSON is too long.
    #[error(transparent)]
    Length(#[from] ParseError),
    /// Its JSON has too many levels.
    #[error("the payload of an event has more than {MAX_PAYLOAD_DEPTH} levels")]
    Depth,
}

/// How many arrays and objects of a payload may be in each other: every client can read that.
const MAX_PAYLOAD_DEPTH: usize = 64;

/// Checks that clients of every format can read a payload.
///
/// # Errors
/// When it is no JSON, has numbers or texts that cannot be read, or is too deep.
pub fn check_payload(json: &str) -> Result<(), PayloadError> {
    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    let is_deep = depth(&serde_json::from_str(json)?) > MAX_PAYLOAD_DEPTH;
    if is_deep { Err(PayloadError::Depth) } else { Ok(()) }
}

/// The content of the deletion of a message whose user is erased. Other deletions have none.
const ERASED: &str = "erased";

/// A message that is not in the log yet: a text, an event of an application, or a change of an earlier message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewMessage {
    /// Who receives the message.
    pub audience: Audience,
    /// The text, or the payload of an event as JSON.
    pub content: Content,
    /// What it is.
    pub kind: Kind,
    /// The client's key for the message; without one, a retry is stored as a second message.
    pub client_offset: Option<ClientOffset>,
    /// The nickname that it is sent under; none if anonymous.
    pub from: Option<Nickname>,
    /// The author, who also owns the key; none if unknown.
    pub author: Option<Author>,
    /// The user who writes it; none if anonymous.
    pub user: Option<UserId>,
    /// When the server received it.
    pub at: Timestamp,
    /// Whether it is only looked up and never stored: it may be a retry of a message that is in the log.
    pub is_only_retry: bool,
}

impl NewMessage {
    /// Creates a message without a nickname and an author, received now.
    pub fn new(audience: impl Into<Audience>, content: Content) -> Self {
        Self {
            audience: audience.into(),
            content,
            kind: Kind::Text,
            client_offset: None,
            from: None,
            author: None,
            user: None,
            at: Timestamp::now(),
            is_only_retry: false,
        }
    }

    /// Creates an event of the application's own, with a payload that is serialised as JSON: 64 KiB at the most.
    ///
    /// ```
    /// use chat_core::{EventName, NewMessage, RoomId};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Order {
    ///     id: u32,
    ///     state: &'static str,
    /// }
    ///
    /// let room: RoomId = "orders".parse()?;
    /// let name: EventName = "order updated".parse()?;
    /// let event = NewMessage::event(room, name, &Order { id: 7, state: "paid" })?;
    /// assert_eq!(event.content.as_str(), r#"{"id":7,"state":"paid"}"#);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the payload cannot be serialised, is too long or too deep, or is JSON that clients cannot read: a number that is
    /// none, or half a character.
    pub fn event(
        audience: impl Into<Audience>,
        name: EventName,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<Self, PayloadError> {
        let content = Content::try_from(serde_json::to_string(payload)?)?;
        check_payload(content.as_str())?;
        Ok(Self { kind: Kind::Event(name), ..Self::new(audience, content) })
    }

    /// Creates the new text of a message. The audience must be that of the message.
    pub fn edit(audience: impl Into<Audience>, of: Offset, content: Content) -> Self {
        Self { kind: Kind::Edit(of), ..Self::new(audience, content) }
    }

    /// Creates the deletion of a message. The audience must be that of the message.
    pub fn deletion(audience: impl Into<Audience>, of: Offset) -> Self {
        Self { kind: Kind::Deletion(of), ..Self::new(audience, Content::default()) }
    }

    /// Creates the deletion of a message because its user is erased: whoever keeps messages also forgets the name under
    /// which it was sent. The audience must be that of the message.
    pub fn erasure(audience: impl Into<Audience>, of: Offset) -> Self {
        let content = Content::from_stored(ERASED);
        Self { kind: Kind::Deletion(of), ..Self::new(audience, content) }
    }

    /// Creates a reaction to a message, or takes it back. The audience must be that of the message.
    pub fn reaction(audience: impl Into<Audience>, to: Offset, emoji: &Emoji, on: bool) -> Self {
        let content = Content::from_stored(emoji.as_str());
        Self { kind: Kind::Reaction { to, on }, ..Self::new(audience, content) }
    }

    /// Makes a text the answer to the message at an offset.
    #[must_use]
    pub fn in_reply_to(self, offset: Offset) -> Self {
        Self { kind: Kind::Reply(offset), ..self }
    }

    /// Sets the client's key.
    #[must_use]
    pub fn with_client_offset(self, key: ClientOffset) -> Self {
        Self { client_offset: Some(key), ..self }
    }

    /// Sets the nickname that it is sent under.
    #[must_use]
    pub fn with_from(self, nickname: Nickname) -> Self {
        Self { from: Some(nickname), ..self }
    }

    /// Sets the author.
    #[must_use]
    pub fn with_author(self, author: Author) -> Self {
        Self { author: Some(author), ..self }
    }

    /// Sets the user who writes it.
    #[must_use]
    pub fn with_user(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// Sets when the server received it.
    #[must_use]
    pub fn with_at(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    /// Has it looked up by its key and not stored.
    #[must_use]
    pub fn as_only_retry(self) -> Self {
        Self { is_only_retry: true, ..self }
    }

    /// Returns whether `stored`, which has the same [`ClientOffset`], is this message: the same content for the same
    /// audience. If not, the key was used for another message.
    ///
    /// Compares users, not names. If an author is unknown, names are compared by their key, if both are known.
    pub fn is_retry_of(&self, stored: &Message) -> bool {
        let is_same_content = match stored.original {
            Some(original) => original.is_of(&self.content),
            None => self.content == stored.content,
        };
        if !is_same_content || self.kind != stored.kind {
            return false;
        }
        match (self.author, stored.author) {
            (Some(author), Some(_)) if author.wrote(stored) => {
                self.audience.has_same_receivers(&stored.audience)
            }
            (Some(_), Some(_)) => self.audience.is_same(&stored.audience),
            _ => {
                self.audience.is_same(&stored.audience)
                    && self.is_by_same_name(stored).unwrap_or(true)
            }
        }
    }

    /// Returns whether this message has the same name as `stored`, compared by key; none if one of them has no name.
    pub fn is_by_same_name(&self, stored: &Message) -> Option<bool> {
        let (new, old) = (self.from.as_ref()?, stored.from.as_ref()?);
        Some(new == old || new.key() == old.key())
    }
}

/// A message in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Fields")]
#[non_exhaustive]
pub struct Message {
    /// Its position in the log.
    pub offset: Offset,
    /// Who receives the message.
    #[serde(flatten)]
    pub audience: Audience,
    /// The text, or the payload of an event as JSON. Empty if it was deleted.
    pub content: Content,
    /// The digest of its first content; none as long as that is unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<ContentDigest>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Kind::is_text")]
    pub kind: Kind,
    /// The author's key for it, which only the author may see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_offset: Option<ClientOffset>,
    /// The nickname that it was sent under; none if anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Nickname>,
    /// The author; none if the log does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<AuthorId>,
    /// The user who wrote it; none if anonymous, or if the log does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// When the server received it; none for messages from a log that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// A message as it is deserialised: for a struct with a flattened field, serde would buffer all fields first.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    offset: Offset,
    room: Option<RoomId>,
    private: Option<Private>,
    content: Content,
    original: Option<ContentDigest>,
    #[serde(default)]
    kind: Kind,
    client_offset: Option<ClientOffset>,
    from: Option<Nickname>,
    author: Option<AuthorId>,
    user: Option<UserId>,
    at: Option<Timestamp>,
}

/// [`Audience::Private`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Private {
    from: UserId,
    to: UserId,
    nickname: Nickname,
}

impl TryFrom<Fields> for Message {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let Fields { offset, room, private, content, original, kind, client_offset, .. } = fields;
        let Fields { from, author, user, at, .. } = fields;
        let audience = match (room, private) {
            (Some(room), None) => Audience::Room(room),
            (None, Some(Private { from, to, nickname })) => {
                Audience::Private { from, to, nickname }
            }
            _ => return Err("a message is for a room or private, and not both"),
        };
        Ok(Self {
            offset,
            audience,
            content,
            original,
            kind,
            client_offset,
            from,
            author,
            user,
            at,
        })
    }
}

impl Message {
    /// Creates a message with what every log has of it: without a key, a nickname, an author and a time. For stores,
    /// which set the fields that they have read.
    pub fn new(offset: Offset, audience: impl Into<Audience>, content: Content) -> Self {
        let audience = audience.into();
        Self {
            offset,
            audience,
            content,
            original: None,
            kind: Kind::Text,
            client_offset: None,
            from: None,
            author: None,
            user: None,
            at: None,
        }
    }

    /// Creates a message from `new` at this offset.
    pub fn from_new(offset: Offset, new: NewMessage) -> Self {
        let NewMessage { audience, content, kind, client_offset, from, author, user, at, .. } = new;
        let author = author.map(Author::id);
        let at = Some(at);
        Self {
            offset,
            audience,
            content,
            original: None,
            kind,
            client_offset,
            from,
            author,
            user,
            at,
        }
    }

    /// Returns whether it has another content than at first.
    pub fn is_edited(&self) -> bool {
        self.original.is_some() && !self.content.as_str().is_empty()
    }

    /// Returns whether its content is gone: it was deleted, or it is an edit and another edit came later. Nobody gets it
    /// any more.
    pub fn is_deleted(&self) -> bool {
        self.original.is_some() && self.content.as_str().is_empty()
    }

    /// Returns whether it is something that was [said](Kind::is_said) and not deleted since.
    pub fn is_still_said(&self) -> bool {
        self.kind.is_said() && !self.is_deleted()
    }

    /// Returns whether a message of this kind in this audience may refer to this one: if that is in the same room or
    /// between the same users, was said, and is still there. Only texts can be edited.
    pub fn takes(&self, kind: &Kind, audience: &Audience) -> bool {
        let is_text = matches!(self.kind, Kind::Text | Kind::Reply(_));
        let is_fit = if matches!(kind, Kind::Edit(_)) { is_text } else { self.kind.is_said() };
        is_fit && !self.is_deleted() && self.audience.is_same_conversation(audience)
    }

    /// Returns whether it is the [deletion of a message whose user is erased](NewMessage::erasure).
    pub fn is_erasure(&self) -> bool {
        matches!(self.kind, Kind::Deletion(_)) && self.content.as_str() == ERASED
    }

    /// Returns whether it names a user: as the one who wrote it, or as the sender or receiver of a private message.
    pub fn concerns(&self, user: UserId) -> bool {
        self.is_by(user) || matches!(self.audience, Audience::Private { to, .. } if to == user)
    }

    /// Returns whether a user wrote it.
    pub fn is_by(&self, user: UserId) -> bool {
        self.user == Some(user)
            || matches!(self.audience, Audience::Private { from, .. } if from == user)
    }

    /// Removes a user who is erased: as the author, and the name as the receiver of a private message. The content stays.
    pub fn forget_user(&mut self, user: UserId) {
        if self.is_by(user) {
            (self.from, self.author) = (None, None);
            // A node that reads the deletion later has to know whom it forgets.
            self.user = self.user.filter(|_| self.is_erasure());
        }
        if let Audience::Private { to, nickname, .. } = &mut self.audience
            && *to == user
        {
            *nickname = user.name_when_erased();
        }
    }

    /// Replaces the content, and keeps the digest of the first one. An empty content deletes it.
    pub fn change_content(&mut self, content: Content) {
        self.original.get_or_insert_with(|| ContentDigest::of(&self.content));
        self.content = content;
    }
}
impl Author {
    /// Returns whether this is the author of `message`: its user, or its session while it had no user.
    pub fn wrote(self, message: &Message) -> bool {
        message.author.is_some_and(|author| author == self.session || Some(author) == self.user)
    }
}

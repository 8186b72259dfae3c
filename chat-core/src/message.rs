use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::{
    Audience, Author, AuthorId, ClientOffset, Nickname, Offset, ParseError, PersonId, RoomId,
};

/// The text of a message: 1 to 65,536 bytes of UTF-8, any characters.
///
/// A new message is checked by `parse` or `try_from`. Deserialising takes any text, as
/// [`from_stored`](Self::from_stored) does: it is for messages that are in the log already.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Content(Box<str>);

impl Content {
    /// The longest content in bytes of UTF-8: 64 KiB.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Content read back from a store, which may hold what another program wrote: also an empty text
    /// or one over the limit.
    ///
    /// It is not checked: history is never refused.
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself.
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

/// Shows the length only: what people write does not belong into logs.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

/// A moment, in whole milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment this many milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The present moment, by the clock of this machine.
    ///
    /// Clocks of several nodes differ: order messages by [`Offset`], never by time.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// How much later this moment is than an earlier one; nothing when it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment that much later; the last one there is when it would be later than that.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// The number of milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

/// A message that has no place in the log yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Who it is for.
    pub audience: Audience,
    /// What it says.
    pub content: Content,
    /// The client's key for it; with none, a retry is a second message.
    pub client_offset: Option<ClientOffset>,
    /// Under which name it is sent; none when anonymous.
    pub from: Option<Nickname>,
    /// Whose it is, and with it the key; none when nobody knows.
    pub author: Option<Author>,
    /// When the server received it.
    pub at: Timestamp,
}

impl NewMessage {
    /// A message from nobody in particular, received now.
    pub fn new(audience: impl Into<Audience>, content: Content) -> Self {
        let (audience, at) = (audience.into(), Timestamp::now());
        Self { audience, content, client_offset: None, from: None, author: None, at }
    }

    /// The same message with the client's key for it.
    #[must_use]
    pub fn with_client_offset(self, key: ClientOffset) -> Self {
        Self { client_offset: Some(key), ..self }
    }

    /// The same message with its author.
    #[must_use]
    pub fn with_author(self, author: Author) -> Self {
        Self { author: Some(author), ..self }
    }

    /// Whether `stored`, which has the same [`ClientOffset`], is this message: the same content for the same
    /// audience. If not, the key was used for something else.
    ///
    /// Users are compared and not names: a user with another name is another [`PersonId`] as the sender of a
    /// private message, and the same user. Where an author is not known, names are compared if both are known,
    /// however they are written.
    pub fn is_retry_of(&self, stored: &Message) -> bool {
        if self.content != stored.content {
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

    /// Whether it is sent under the name of `stored`, however it is written; none when one has no name.
    pub fn is_by_same_name(&self, stored: &Message) -> Option<bool> {
        let (new, old) = (self.from.as_ref()?, stored.from.as_ref()?);
        Some(new == old || new.key() == old.key())
    }
}

/// A message in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Fields")]
pub struct Message {
    /// Its position.
    pub offset: Offset,
    /// Who it is for.
    #[serde(flatten)]
    pub audience: Audience,
    /// What it says.
    pub content: Content,
    /// The author's key for it, which is nobody else's business.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_offset: Option<ClientOffset>,
    /// Under which name it was sent; none when anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Nickname>,
    /// Whose it is; none when the log does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<AuthorId>,
    /// When the server received it; none for messages from a log that did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// A message as it is read: serde would put all the fields of a struct with a flattened one aside
/// before it reads them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    offset: Offset,
    room: Option<RoomId>,
    private: Option<Private>,
    content: Content,
    client_offset: Option<ClientOffset>,
    from: Option<Nickname>,
    author: Option<AuthorId>,
    at: Option<Timestamp>,
}

/// [`Audience::Private`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Private {
    from: PersonId,
    to: PersonId,
    nickname: Nickname,
}

impl TryFrom<Fields> for Message {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let Fields { offset, room, private, content, client_offset, from, author, at } = fields;
        let audience = match (room, private) {
            (Some(room), None) => Audience::Room(room),
            (None, Some(Private { from, to, nickname })) => {
                Audience::Private { from, to, nickname }
            }
            _ => return Err("a message is for a room or private, and not both"),
        };
        Ok(Self { offset, audience, content, client_offset, from, author, at })
    }
}

impl Message {
    /// `new` at its place in the log.
    pub fn from_new(offset: Offset, new: NewMessage) -> Self {
        let NewMessage { audience, content, client_offset, from, author, at } = new;
        let author = author.map(Author::id);
        Self { offset, audience, content, client_offset, from, author, at: Some(at) }
    }
}
impl Author {
    /// Whether this is the author of `message`: its user, or its session while it had none.
    pub fn wrote(self, message: &Message) -> bool {
        message.author.is_some_and(|author| author == self.session || Some(author) == self.user)
    }
}

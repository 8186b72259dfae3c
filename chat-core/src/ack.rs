use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Offset, ParseError};

/// The answer to a message that is stored.
///
/// The message is committed: it survives a crash of the server. Every retry of the same message gets the same offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ack {
    /// The message's position in the log.
    pub offset: Offset,
    /// Whether it had been stored before, so that this was a retry.
    pub duplicate: bool,
}

impl Ack {
    /// Creates the answer to a message that is stored at `offset`.
    pub const fn new(offset: Offset, duplicate: bool) -> Self {
        Self { offset, duplicate }
    }
}

/// The answer to a client's request: its result, or a refusal to carry it out.
///
/// `T` is the type of the result, [`Ack`] for messages. A missing answer is not represented here: the request may
/// have been carried out or not, and has to be sent again.
///
/// ```
/// use chat_core::{Answer, Offset, RefusalCode};
///
/// let stored: Answer = serde_json::from_str(r#"{"offset":7,"duplicate":false}"#)?;
/// let Answer::Done(ack) = stored else { panic!("it is stored") };
/// assert_eq!(ack.offset.as_u64(), 7);
///
/// let refused = r#"{"error":{"code":"not_in_room","message":"join the room first"}}"#;
/// let refused: Answer = serde_json::from_str(refused)?;
/// assert_eq!(refused.into_result().unwrap_err().code, RefusalCode::NotInRoom);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer<T = Ack> {
    // First, because `T` may be a type that deserialises from anything.
    /// The request is not carried out.
    Refused(Refusal),
    /// The request was carried out.
    Done(T),
}

impl<T> Answer<T> {
    /// Converts the answer to a result with the refusal as its error.
    ///
    /// # Errors
    /// The refusal.
    pub fn into_result(self) -> Result<T, Refusal> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}

/// The answer to a request that the server does not carry out: however often it is sent, or, with
/// [`retry_after`](Self::retry_after), until that time has passed.
///
/// On the wire: `{"error":{"code":"…","message":"…"}}`, plus `"retryAfter"` in milliseconds if there is one. Programs
/// use the code, people read the message. A request that failed because the store failed gets *no* answer, so that
/// the client keeps retrying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(from = "RefusalOnWire", into = "RefusalOnWire")]
#[error("{message}")]
#[non_exhaustive]
pub struct Refusal {
    /// The reason, for programs.
    pub code: RefusalCode,
    /// The reason, for people, with what to do about it.
    pub message: String,
    /// When to send the same request again; none if retrying is useless. Whole milliseconds on the wire.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Creates a refusal with this code and explanation.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// Creates a refusal with [`RefusalCode::SlowDown`]: the same request may be sent again after `wait`, which is
    /// rounded up to whole milliseconds.
    pub fn slow_down(message: impl Into<String>, wait: Duration) -> Self {
        Self::new(RefusalCode::SlowDown, message).with_retry_after(wait)
    }

    /// Allows the same request to be sent again after `wait`, which is rounded up to whole milliseconds.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Self {
        let millis = wait.as_nanos().div_ceil(1_000_000);
        let wait = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
        Self { retry_after: Some(wait), ..self }
    }

    /// Creates the refusal of a request with a value that does not parse.
    pub fn invalid(code: RefusalCode, error: ParseError) -> Self {
        Self::new(code, error.to_string())
    }
}

/// The reasons for a [`Refusal`]. On the wire: the name in `snake_case`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// The arguments are not those that the event takes.
    InvalidArguments,
    /// The content of a message is empty or too long.
    InvalidContent,
    /// The client offset is empty, too long, or contains control characters.
    InvalidClientOffset,
    /// The author has used the client offset for another message. Choose a new one for a new message.
    ClientOffsetConflict,
    /// What is searched for cannot be understood. The message says where the mistake is.
    InvalidQuery,
    /// This server has no search.
    SearchOff,
    /// This server takes no files.
    FilesOff,
    /// There is no such file of this user for this conversation, it has not arrived completely, or another message has it.
    UnknownFile,
    /// There is no such message here, or it has been deleted.
    UnknownMessage,
    /// The message has the maximum number of different reactions. Give one that it has.
    TooManyReactions,
    /// This connection is not in the room. Join it first.
    NotInRoom,
    /// This connection is in the maximum number of rooms. Leave one first.
    TooManyRooms,
    /// The nickname is empty, too long, or contains characters that are not allowed.
    InvalidNickname,
    /// The nickname belongs to another user. Choose another one, or send its token.
    NicknameTaken,
    /// The request needs a nickname. Take one first.
    NicknameRequired,
    /// Nobody has this nickname.
    UnknownNickname,
    /// The client's token determines its nickname: it cannot choose one.
    NicknameFixed,
    /// Nobody becomes a new user here. Link the device with a code of an existing user, or show that user's token.
    RegistrationClosed,
    /// The receiver of a private message is its sender.
    MessageToOneself,
    /// The token is missing, malformed, too short, or not signed correctly. Get another one from its issuer.
    InvalidToken,
    /// The token has expired. Get another one from its issuer.
    ExpiredToken,
    /// The code that adds a device is malformed, not valid any more, or used. Get another one.
    InvalidCode,
    /// The user has no such device.
    UnknownDevice,
    /// The token names another user than the connection's. Connect with it instead.
    OtherUser,
    /// There is a room with this name already, or one that compares as the same.
    RoomExists,
    /// The room is not kept. Create it first.
    UnknownRoom,
    /// The room would have no owner. Make somebody else one first.
    LastOwner,
    /// There is no such event.
    UnknownEvent,
    /// The client sent too many requests. Retry after [`Refusal::retry_after`].
    SlowDown,
    /// The value is larger than this server accepts. The message gives the limit.
    TooLarge,
    /// The client has used up its storage quota for now. Retry after [`Refusal::retry_after`].
    QuotaExceeded,
    /// The server does not let this client do that. Retrying is useless until its access changes.
    Forbidden,
    /// The server cannot find out now whether this client may do that. Retry after [`Refusal::retry_after`].
    Unavailable,
    /// A code of a later version of this crate.
    #[serde(other)]
    Unknown,
}

impl RefusalCode {
    /// Returns all codes.
    pub fn all() -> impl Iterator<Item = Self> {
        [
            Self::InvalidArguments,
            Self::InvalidContent,
            Self::InvalidClientOffset,
            Self::ClientOffsetConflict,
            Self::InvalidQuery,
            Self::SearchOff,
            Self::FilesOff,
            Self::UnknownFile,
            Self::UnknownMessage,
            Self::TooManyReactions,
            Self::NotInRoom,
            Self::TooManyRooms,
            Self::InvalidNickname,
            Self::NicknameTaken,
            Self::NicknameRequired,
            Self::UnknownNickname,
            Self::NicknameFixed,
            Self::RegistrationClosed,
            Self::MessageToOneself,
            Self::InvalidToken,
            Self::ExpiredToken,
            Self::InvalidCode,
            Self::UnknownDevice,
            Self::OtherUser,
            Self::RoomExists,
            Self::UnknownRoom,
            Self::LastOwner,
            Self::UnknownEvent,
            Self::SlowDown,
            Self::TooLarge,
            Self::QuotaExceeded,
            Self::Forbidden,
            Self::Unavailable,
            Self::Unknown,
        ]
        .into_iter()
    }
}

#[derive(Serialize, Deserialize)]
struct RefusalOnWire {
    error: ErrorOnWire,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorOnWire {
    code: RefusalCode,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl From<RefusalOnWire> for Refusal {
    fn from(RefusalOnWire { error }: RefusalOnWire) -> Self {
        let ErrorOnWire { code, message, retry_after } = error;
        Self { code, message, retry_after: retry_after.map(Duration::from_millis) }
    }
}

impl From<Refusal> for RefusalOnWire {
    fn from(Refusal { code, message, retry_after }: Refusal) -> Self {
        let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Self { error: ErrorOnWire { code, message, retry_after: retry_after.map(millis) } }
    }
}

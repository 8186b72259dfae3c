use serde::{Deserialize, Serialize};

/// Who wrote a message: a user, or a session that had no name.
///
/// Only compared, to know whose a message and its [key](crate::ClientOffset) are. It never leaves the
/// server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthorId(i64);

impl AuthorId {
    /// A user, known by the first bytes of a hash of what shows who it is.
    pub const fn of_user(hash: [u8; 8]) -> Self {
        Self(i64::from_be_bytes(hash) & i64::MAX)
    }

    /// A session of a client without a name, known by the first bytes of a hash of its public id.
    pub const fn of_session(hash: [u8; 8]) -> Self {
        Self(i64::from_be_bytes(hash) | i64::MIN)
    }

    /// The id with a number that was [stored](Self::as_i64).
    pub const fn from_stored(number: i64) -> Self {
        Self(number)
    }

    /// The number, as databases keep it: negative for a session.
    pub const fn as_i64(self) -> i64 {
        self.0
    }
}

/// Who writes: a session, and the user behind it once it has said who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Author {
    /// The session.
    pub session: AuthorId,
    /// The user; none while anonymous.
    pub user: Option<AuthorId>,
    /// Whether the session may have written before it had a user: a retry of what it wrote then is
    /// recognised.
    pub was_anonymous: bool,
}

impl Author {
    /// A session without a user.
    pub const fn anonymous(session: AuthorId) -> Self {
        Self { session, user: None, was_anonymous: true }
    }

    /// A session that had this user from its beginning.
    pub const fn user(user: AuthorId, session: AuthorId) -> Self {
        Self { session, user: Some(user), was_anonymous: false }
    }

    /// Whose the messages are that are written now: the user's, or without one the session's.
    pub fn id(self) -> AuthorId {
        self.user.unwrap_or(self.session)
    }
}

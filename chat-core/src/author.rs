use serde::{Deserialize, Serialize};

/// The author of a message: a user, or a session that had no nickname.
///
/// Used only for comparing, to tell who owns a message and its [key](crate::ClientOffset). It never leaves the
/// server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthorId(i64);

impl AuthorId {
    /// Creates the id of a user from the first bytes of a hash of the user's proof of identity.
    pub const fn of_user(hash: [u8; 8]) -> Self {
        Self(i64::from_be_bytes(hash) & i64::MAX)
    }

    /// Creates the id of a session without a nickname from the first bytes of a hash of its public id.
    pub const fn of_session(hash: [u8; 8]) -> Self {
        Self(i64::from_be_bytes(hash) | i64::MIN)
    }

    /// Creates an id from a number that was [stored](Self::as_i64).
    pub const fn from_stored(number: i64) -> Self {
        Self(number)
    }

    /// Returns the id as a number for databases: negative for a session.
    pub const fn as_i64(self) -> i64 {
        self.0
    }
}

/// The writer of a message: a session, and its user once the user is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Author {
    /// The session.
    pub session: AuthorId,
    /// The user; none while anonymous.
    pub user: Option<AuthorId>,
    /// Whether the session may have written before it had a user, so that retries of those messages are recognised.
    pub was_anonymous: bool,
}

impl Author {
    /// Creates an author for a session without a user.
    pub const fn anonymous(session: AuthorId) -> Self {
        Self { session, user: None, was_anonymous: true }
    }

    /// Creates an author for a session that had this user from its beginning.
    pub const fn user(user: AuthorId, session: AuthorId) -> Self {
        Self { session, user: Some(user), was_anonymous: false }
    }

    /// Sets the user, who has just become known: messages that the session wrote before stay its own.
    #[must_use]
    pub const fn with_user(self, user: AuthorId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// Returns the owner of messages written now: the user, or the session if there is none.
    pub fn id(self) -> AuthorId {
        self.user.unwrap_or(self.session)
    }

    /// Returns whom the user was before it had a name, if it may have written something as that one.
    pub fn earlier(self) -> Option<AuthorId> {
        (self.user.is_some() && self.was_anonymous).then_some(self.session)
    }
}

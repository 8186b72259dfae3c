use std::fmt;

use chat_core::{Reason, RoomKey, SanctionKind, Timestamp, UserId};

/// Who is banned, muted or sent away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Everybody who connects from an address: a single one, or a range such as `192.0.2.0/24`.
    ///
    /// Compared as text: write equal addresses equally. At most 64 bytes make sense.
    Address(String),
    /// A user, wherever from.
    User(UserId),
}

/// What identifies a sanction: there is at most one of a kind for a subject in a room, and one everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SanctionKey {
    /// Where: one room, which need not be kept, or none for everywhere.
    pub room: Option<RoomKey>,
    /// Who.
    pub subject: Subject,
    /// What the subject may not do.
    pub kind: SanctionKind,
}

/// A ban or a mute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanction {
    /// Who may not do what, and where.
    pub key: SanctionKey,
    /// When it ends; none if only by being lifted.
    pub until: Option<Timestamp>,
    /// Who imposed it; none for the server itself.
    pub by: Option<UserId>,
    /// When it was imposed.
    pub at: Timestamp,
    /// Why.
    pub reason: Option<Reason>,
}

impl Sanction {
    /// Returns whether it is in force at this moment: until it ends, not when it ends.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

impl Subject {
    /// Reads a subject from the text that stores keep; none if it is no such text.
    pub fn from_stored(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("user", number) => Some(Self::User(UserId::from_stored(number.parse().ok()?))),
            ("address", address) => Some(Self::Address(address.to_owned())),
            _ => None,
        }
    }
}

/// The text that stores keep: `user:17`, `address:192.0.2.0/24`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user:{}", user.as_i64()),
            Self::Address(address) => write!(f, "address:{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_comes_back_as_it_was() {
        let address = |text: &str| Subject::Address(text.to_owned());
        for subject in [
            Subject::User(UserId::from_stored(0)),
            Subject::User(UserId::from_stored(i64::MAX)),
            address("192.0.2.0/24"),
            address("2001:db8::/32"),
            address("user:7"),
        ] {
            assert_eq!(Subject::from_stored(&subject.to_string()), Some(subject));
        }
        for text in ["", "user", "user:", "user:x", "7", "group:7"] {
            assert_eq!(Subject::from_stored(text), None, "{text}");
        }
    }
}

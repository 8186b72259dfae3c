use std::collections::BTreeSet;

use chat_core::{Feed, UserId};

/// The parts that feeds consist of, each one once: a database reads one part with a single walk along an index.
///
/// Parts may overlap: a message from one user to another is among the messages that the first one sent and among
/// those that the second one received.
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    /// Messages to these rooms.
    pub(crate) rooms: BTreeSet<&'a str>,
    /// Private messages that these users sent or received: two walks for each.
    pub(crate) users: BTreeSet<i64>,
    /// Private messages from the first user of each pair to the second.
    pub(crate) pairs: BTreeSet<(i64, i64)>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(feeds: &'a [Feed]) -> Self {
        let mut parts = Self::default();
        for feed in feeds {
            match feed {
                Feed::Room(room) => parts.rooms.extend([room.as_str()]),
                Feed::User(user) => parts.users.extend([user.as_i64()]),
                Feed::Between(one, other) => {
                    let [one, other] = [one, other].map(|user: &UserId| user.as_i64());
                    parts.pairs.extend([(one, other), (other, one)]);
                }
            }
        }
        parts
    }
}

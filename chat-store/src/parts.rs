use std::collections::BTreeSet;

use chat_core::{Feed, PersonId};

/// What feeds consist of, each part once: what a database looks for with one walk along an index.
///
/// Parts may overlap: a message from one person to another is among what the one sent and among what the other
/// received.
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    /// Messages to these rooms.
    pub(crate) rooms: BTreeSet<&'a str>,
    /// Private messages that these people sent or received: two walks for each.
    pub(crate) people: BTreeSet<i64>,
    /// Private messages from the first of two people to the second.
    pub(crate) pairs: BTreeSet<(i64, i64)>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(feeds: &'a [Feed]) -> Self {
        let mut parts = Self::default();
        for feed in feeds {
            match feed {
                Feed::Room(room) => parts.rooms.extend([room.as_str()]),
                Feed::Person(person) => parts.people.extend([person.as_i64()]),
                Feed::Between(one, other) => {
                    let [one, other] = [one, other].map(|person: &PersonId| person.as_i64());
                    parts.pairs.extend([(one, other), (other, one)]);
                }
            }
        }
        parts
    }
}

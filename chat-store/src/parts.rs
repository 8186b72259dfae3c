use std::collections::BTreeSet;

use chat_core::{Feed, PersonId};

/// The parts that feeds consist of, each one once: a database reads one part with a single walk along an index.
///
/// Parts may overlap: a message from one person to another is among the messages that the first one sent and among
/// those that the second one received.
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    /// Messages to these rooms.
    pub(crate) rooms: BTreeSet<&'a str>,
    /// Private messages that these people sent or received: two walks for each.
    pub(crate) people: BTreeSet<i64>,
    /// Private messages from the first person of each pair to the second.
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

//! Which reactions messages have, by the log alone.

use std::collections::BTreeMap;

use chat_core::{AuthorId, Kind, Message, UserId};

/// What clients react with.
pub(crate) const EMOJI: [&str; 3] = ["👍", "🎉", ":shipit:"];

/// How often each emoji is given to a message, and whether the asking user is among those who give it.
pub(crate) type Counts = BTreeMap<String, (u64, bool)>;

/// Somebody who gives an emoji, and since which offset.
pub(crate) struct Giver {
    pub(crate) author: Option<AuthorId>,
    user: Option<UserId>,
    pub(crate) since: u64,
}

/// Returns who gives which emoji to a message at the end of this log.
pub(crate) fn given(log: &[Message], of: u64) -> BTreeMap<String, Vec<Giver>> {
    let mut given: BTreeMap<String, Vec<Giver>> = BTreeMap::new();
    for message in log.iter().filter(|message| message.kind.target().is_some()) {
        let emoji = message.content.as_str();
        match message.kind {
            Kind::Deletion(deleted) if deleted.as_u64() == of => return BTreeMap::new(),
            Kind::Reaction { to, on } if to.as_u64() == of => {
                let (author, user) = (message.author, message.user);
                let givers = given.entry(emoji.to_owned()).or_default();
                match givers.iter().position(|giver| giver.author == author) {
                    None if on => {
                        givers.push(Giver { author, user, since: message.offset.as_u64() });
                    }
                    Some(index) if !on => drop(givers.remove(index)),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    given.retain(|_, givers| !givers.is_empty());
    given
}

/// Returns whether a page of messages has the reactions that all of them had together, when the log had one of the ends from
/// `first` on.
pub(crate) fn are_of_one_time(
    log: &[Message],
    page: &[(u64, Counts)],
    user: Option<UserId>,
    first: u64,
) -> bool {
    let counts = |log, of| -> Counts {
        let is_own = |giver: &Giver| user.is_some() && giver.user == user;
        let count = |givers: Vec<Giver>| (givers.len() as u64, givers.iter().any(is_own));
        given(log, of).into_iter().map(|(emoji, givers)| (emoji, count(givers))).collect()
    };
    let first = log.partition_point(|message| message.offset.as_u64() <= first);
    let mut ends = first..=log.len();
    ends.any(|end| page.iter().all(|(of, told)| counts(&log[..end], *of) == *told))
}

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use chat_core::{Audience, Feed, Kind, Message, Nickname, NicknameKey, Offset, Timestamp, UserId};
use chat_store::{NicknameClaim, SessionKey, SessionRecord};

use super::line::{Code, Credential, Line};

/// Where a message stands in the file, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) length: usize,
}

/// What one has to know of the file to answer a question with one look into it.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// The message at index `i` has offset `i + 1`.
    messages: Vec<Place>,
    /// The last message that was deleted from the beginning.
    horizon: Offset,
    /// By the texts under which keys are kept.
    by_key: HashMap<String, Offset>,
    feeds: HashMap<Feed, Vec<Offset>>,
    edits: HashMap<Offset, Vec<Offset>>,
    deletions: HashMap<Offset, Offset>,
    pub(crate) sessions: BTreeMap<SessionKey, SessionRecord>,
    pub(crate) nicknames: BTreeMap<NicknameKey, NicknameClaim>,
    pub(crate) credentials: BTreeMap<[u8; 32], Credential>,
    pub(crate) codes: BTreeMap<[u8; 32], Code>,
}

impl Index {
    /// Takes in a line that counts, which stands at `place`.
    pub(super) fn apply(&mut self, line: Line, place: Place) {
        match line {
            Line::Log(_) | Line::Commit => {}
            Line::Message(message) => self.message(message, place),
            Line::Changed(message) => {
                let index = usize::try_from(message.offset.previous().as_u64());
                if let Some(held) = index.ok().and_then(|index| self.messages.get_mut(index)) {
                    *held = place;
                }
            }
            Line::Trimmed(upto) => self.horizon = upto,
            Line::Session(session) => {
                let session = SessionRecord::from(session);
                self.sessions.insert(session.key, session);
            }
            Line::Swept(key) => {
                self.sessions.remove(&SessionKey(key));
            }
            Line::Nickname(claim) => {
                let claim = NicknameClaim::from(claim);
                self.nicknames.insert(claim.nickname.key(), claim);
            }
            Line::Free(key) => {
                self.nicknames.remove(&NicknameKey::from_stored(key));
            }
            Line::Credential(credential) => {
                self.credentials.insert(credential.key, credential);
            }
            Line::Code(code) => {
                self.codes.insert(code.key, code);
            }
            Line::CodeExpired(key) => {
                self.codes.remove(&key);
            }
        }
    }

    fn message(&mut self, message: Message, place: Place) {
        let Message { offset, audience, client_offset, kind, .. } = message;
        self.messages.push(place);
        match kind {
            Kind::Edit(of) => self.edits.entry(of).or_default().push(offset),
            Kind::Deletion(of) => {
                self.deletions.entry(of).or_insert(offset);
            }
            _ => {}
        }
        self.by_key.extend(client_offset.map(|kept| (kept.into(), offset)));
        let between = match &audience {
            Audience::Room(_) => None,
            Audience::Private { from, to, .. } => Some(between(Feed::Between(*from, *to))),
        };
        for feed in audience.feeds().chain(between) {
            self.feeds.entry(feed).or_default().push(offset);
        }
    }

    /// Whether another owner has a name that looks like the one that is claimed.
    pub(crate) fn has_imitated(&self, claim: &NicknameClaim) -> bool {
        let skeleton = claim.nickname.skeleton();
        self.nicknames.values().any(|other| {
            other.owner != claim.owner
                && other.expires_at > claim.now
                && other.nickname.skeleton() == skeleton
        })
    }

    /// Of the first `count` names after one: the last, and those that have expired and whose users have no
    /// private messages.
    pub(crate) fn expired_names(
        &self,
        now: Timestamp,
        after: Option<&NicknameKey>,
        count: usize,
    ) -> (Option<NicknameKey>, Vec<NicknameKey>) {
        let from = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let names: Vec<_> = self.nicknames.range::<NicknameKey, _>(from).take(count).collect();
        let last = names.last().map(|(key, _)| NicknameKey::clone(key));
        let expired = names.into_iter().filter(|(_, claim)| {
            claim.expires_at <= now && self.feed(&Feed::User(claim.user)).is_empty()
        });
        (last, expired.map(|(key, _)| key.clone()).collect())
    }

    /// Of each user, the name that was chosen last.
    pub(crate) fn current_names(&self, users: &[UserId]) -> Vec<(UserId, Nickname)> {
        let current = |user: &UserId| {
            let names = self.nicknames.values().filter(|claim| claim.user == *user);
            let last = names.max_by_key(|claim| (claim.now, claim.expires_at))?;
            Some((*user, last.nickname.clone()))
        };
        users.iter().filter_map(current).collect()
    }

    pub(crate) fn tail(&self) -> Offset {
        Offset::ZERO.plus(self.messages.len() as u64)
    }

    pub(crate) fn horizon(&self) -> Offset {
        self.horizon
    }

    /// The edits of a message, in their order.
    pub(crate) fn edits(&self, of: Offset) -> &[Offset] {
        self.edits.get(&of).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn deletion(&self, of: Offset) -> Option<Offset> {
        self.deletions.get(&of).copied()
    }

    pub(crate) fn known(&self, kept: &str) -> Option<Offset> {
        self.by_key.get(kept).copied()
    }

    pub(super) fn place(&self, offset: Offset) -> Option<Place> {
        self.messages.get(usize::try_from(offset.previous().as_u64()).ok()?).copied()
    }

    /// The first `count` offsets of these feeds after one, or of all messages.
    pub(crate) fn after(&self, feeds: Option<&[Feed]>, after: Offset, count: usize) -> Vec<Offset> {
        let Some(feeds) = feeds else {
            let missing = self.tail().as_u64().saturating_sub(after.as_u64());
            return (1..=missing).take(count).map(|step| after.plus(step)).collect();
        };
        // A message may be in several of them, and is to be read once.
        let mut offsets = BTreeSet::new();
        for feed in feeds {
            let feed = self.feed(feed);
            let start = feed.partition_point(|offset| *offset <= after);
            offsets.extend(feed[start..].iter().take(count));
        }
        offsets.into_iter().take(count).collect()
    }

    /// The last `count` offsets of a feed before one, the last first, as far as they are above the horizon.
    pub(crate) fn before(&self, feed: &Feed, before: Option<Offset>, count: usize) -> Vec<Offset> {
        let feed = self.feed(feed);
        let feed = &feed[feed.partition_point(|offset| *offset <= self.horizon)..];
        let end =
            before.map_or(feed.len(), |before| feed.partition_point(|offset| *offset < before));
        feed[..end].iter().rev().take(count).copied().collect()
    }

    fn feed(&self, feed: &Feed) -> &[Offset] {
        self.feeds.get(&between(feed.clone())).map_or(&[], Vec::as_slice)
    }
}

/// One name for the messages between two users.
fn between(feed: Feed) -> Feed {
    match feed {
        Feed::Between(one, other) if other < one => Feed::Between(other, one),
        feed => feed,
    }
}

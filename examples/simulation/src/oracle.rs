use std::collections::BTreeMap;

use chat_core::{Audience, Kind, Message, UserId};
use tokio::time::Instant;

use crate::disk::Disk;
use crate::rooms::PRIVATE;

/// What a client has to get, from what it asked for and what is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    pub(crate) nickname: Option<String>,
    /// The feeds that the client follows.
    feeds: BTreeMap<String, From>,
    /// The greatest offset since the connection began or last went back.
    last: u64,
    /// How often the connection may go back: once for each join from an earlier offset.
    may_go_back: usize,
}

/// From where on a feed is followed.
#[derive(Debug, Clone, Default)]
struct From {
    /// The last offset that the client has; unknown while a join is not answered.
    after: Option<u64>,
    /// Where it goes on instead, once a join from there is done: one for each time that it was asked.
    or_after: Vec<u64>,
    /// How often a join was asked that is not answered.
    asked: usize,
    /// When it was asked first.
    asking_since: Option<Instant>,
    /// When the client asked first for what it was told last: that it is there.
    asked_at: Option<Instant>,
    /// When the client was told that.
    since: Option<Instant>,
    /// Whether the client was told that it is not there, and may be by now.
    is_out: bool,
}

impl Expected {
    /// The client has asked for a new session, at a time, that follows these rooms from an offset on.
    pub(crate) fn begins(
        &mut self,
        rooms: impl Iterator<Item = String>,
        after: u64,
        since: Instant,
    ) {
        let private = self.nickname.is_some().then(|| PRIVATE.to_owned());
        let since = Some(since);
        let from = From { after: Some(after), asked_at: since, since, ..From::default() };
        self.feeds = rooms.chain(private).map(|feed| (feed, from.clone())).collect();
        (self.last, self.may_go_back) = (after, 0);
    }

    /// The client has a room, or may have it.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = &String> {
        let there = self.feeds.iter().filter(|(feed, from)| *feed != PRIVATE && !from.is_out);
        there.map(|(feed, _)| feed)
    }

    /// Returns whether the client was told that it is not in a room where it has been: its session may have the room still.
    pub(crate) fn may_be_in(&self, room: &str) -> bool {
        self.feeds.get(room).is_some_and(|from| from.is_out)
    }

    pub(crate) fn join_asked(&mut self, room: &str, after: Option<u64>) {
        let from = self.feeds.entry(room.to_owned()).or_default();
        from.asked += 1;
        from.asking_since.get_or_insert(Instant::now());
        from.is_out = false;
        from.or_after.extend(after);
        self.may_go_back += usize::from(after.is_some());
    }

    pub(crate) fn joined(&mut self, room: &str, after: Option<u64>, tail: u64) {
        let Some(from) = self.feeds.get_mut(room) else { return };
        let after = match after {
            Some(after) => Some(after),
            // It may have joined earlier, with a connection that broke.
            None if from.asked > 1 => from.after,
            None => from.after.or(Some(tail)),
        };
        let (asked_at, since) = (from.asking_since, Some(Instant::now()));
        *from = From { after, asked_at, since, ..From::default() };
    }

    /// The client is told that it is not in a room. A join that it has asked for may come before that or after it.
    pub(crate) fn is_out(&mut self, room: &str) {
        if let Some(from) = self.feeds.get_mut(room) {
            (from.after, from.is_out) = (None, from.asked == 0);
        }
    }

    /// A join was refused, or the client learns that it is not there.
    pub(crate) fn refused(&mut self, room: &str) {
        if let Some(from) = self.feeds.get_mut(room) {
            (from.asked, from.asking_since) = (0, None);
        }
        self.is_out(room);
    }

    /// Returns when the client asked to be in the room that it was told to be in. It may have been sent out since, and have
    /// been told that earlier.
    pub(crate) fn asked_at(&self, room: &str) -> Option<Instant> {
        self.feeds.get(room)?.asked_at
    }

    /// Returns since when the client has known that it is in a room.
    pub(crate) fn since(&self, room: &str) -> Option<Instant> {
        self.feeds.get(room)?.since
    }

    /// Returns whether a client does not ask to be in a room.
    pub(crate) fn is_asking(&self, room: &str) -> bool {
        self.feeds.get(room).is_some_and(|from| from.asked > 0)
    }

    pub(crate) fn left(&mut self, room: &str) {
        self.feeds.remove(room);
    }

    /// Checks a message that the client got.
    pub(crate) fn received(
        &mut self,
        disk: &Disk,
        feed: &str,
        told: &Told<'_>,
        connected: (usize, Instant),
    ) -> Result<(), String> {
        let Told { offset, content, .. } = *told;
        let Some(stored) = disk.at(offset) else {
            return Err(format!("a client got {offset}, which is not stored"));
        };
        if !disk.says(stored, content, Some(connected)) || !is_for(stored, feed, self.user(disk)) {
            return Err(format!("a client got {content:?} in {feed} at {offset}, not {stored:?}"));
        }
        if disk.is_gone(offset, connected.1) {
            return Err(format!("a client got {offset}, which was deleted before it connected"));
        }
        let user = self.user(disk);
        if told.kind != stored.kind || told.has_key && stored.user != user {
            return Err(format!("a client got {told:?}, not {stored:?}"));
        }
        let Some(from) = self.feeds.get_mut(feed) else {
            return Err(format!("a client got {offset} of {feed}, where it is not"));
        };
        let follows = |after: u64| follows(disk, feed, user, after, offset);
        if from.after.is_some_and(|after| !follows(after)) {
            let instead = from.or_after.iter().position(|after| follows(*after));
            let known = from.after;
            let Some(instead) = instead else {
                let expected = known.and_then(|after| next(disk, feed, user, after));
                return Err(format!(
                    "a client got {offset} of {feed} after {known:?}, and not {expected:?}"
                ));
            };
            from.or_after.remove(instead);
        }
        from.after = Some(offset);
        if offset <= self.last {
            let Some(left) = self.may_go_back.checked_sub(1) else {
                return Err(format!("a client got {offset} after {}", self.last));
            };
            self.may_go_back = left;
        }
        self.last = offset;
        Ok(())
    }

    /// The client is told that messages up to an offset may be gone.
    pub(crate) fn gone(&mut self, disk: &Disk, upto: u64) -> Result<(), String> {
        if upto > disk.horizon.as_u64() {
            return Err(format!("a client is told that {upto} is gone, which is there"));
        }
        for from in self.feeds.values_mut() {
            for after in from.after.iter_mut().chain(&mut from.or_after) {
                *after = upto.max(*after);
            }
        }
        Ok(())
    }

    /// Returns what the client does not have, but for rooms that it may have been sent out of since a time: it may not
    /// have been told.
    pub(crate) fn missing(
        &self,
        disk: &Disk,
        may_be_out: impl Fn(&str, Instant) -> bool,
    ) -> Option<String> {
        let user = self.user(disk);
        self.feeds.iter().find_map(|(feed, from)| {
            let is_out = |since| feed != PRIVATE && may_be_out(feed, since);
            if from.asked_at.is_some_and(is_out) {
                return None;
            }
            let missing = next(disk, feed, user, from.after?)?;
            Some(format!("{missing} of {feed}"))
        })
    }

    /// The user that the client is; none if it has no name, or has not got it yet.
    pub(crate) fn user(&self, disk: &Disk) -> Option<UserId> {
        disk.users.get(self.nickname.as_ref()?).copied()
    }
}

/// What a client gets.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) offset: u64,
    pub(crate) content: &'a str,
    pub(crate) kind: Kind,
    /// Whether it has the author's key.
    pub(crate) has_key: bool,
}

fn is_for(message: &Message, feed: &str, user: Option<UserId>) -> bool {
    match &message.audience {
        Audience::Room(room) => room.as_str() == feed,
        Audience::Private { from, to, .. } => {
            feed == PRIVATE && [from, to].into_iter().any(|one| Some(*one) == user)
        }
    }
}

/// Returns the next message that a client has to get after an offset.
fn next(disk: &Disk, feed: &str, user: Option<UserId>, after: u64) -> Option<u64> {
    let mut messages = disk.after(after).iter().filter(|message| !message.is_deleted());
    messages.find(|message| is_for(message, feed, user)).map(|message| message.offset.as_u64())
}

/// Returns whether a message comes after an offset without others in between, but for some that were deleted.
fn follows(disk: &Disk, feed: &str, user: Option<UserId>, after: u64, offset: u64) -> bool {
    let mut messages = disk.after(after).iter().filter(|message| is_for(message, feed, user));
    let is_there = |message: &&Message| message.offset.as_u64() == offset || !message.is_deleted();
    messages.find(is_there).is_some_and(|message| message.offset.as_u64() == offset)
}

/// Checks a page of a room's history, from before an offset or from the end that the node knows.
pub(crate) fn check_page(
    disk: &Disk,
    room: &str,
    before: Option<u64>,
    page: &[(u64, Option<&str>)],
    more: bool,
) -> Result<(), String> {
    let earlier = |before: u64| {
        let is_said = |stored: &&Message| stored.kind.is_said() && is_for(stored, room, None);
        let mut earlier = disk.log.iter().rev().filter(is_said);
        earlier.find(|stored| stored.offset.as_u64() < before)
    };
    let mut before = before;
    for (offset, content) in page.iter().rev() {
        let expected = match before {
            Some(before) => earlier(before),
            None => disk.at(*offset).filter(|stored| is_for(stored, room, None)),
        };
        let is_it = |it: &&Message| {
            let says = content.is_some_and(|content| disk.says(it, content, None));
            it.offset.as_u64() == *offset && it.kind.is_said() && says
        };
        if !expected.is_some_and(|stored| is_it(&stored)) {
            return Err(format!("a page of {room} has {offset} before {before:?}"));
        }
        before = Some(*offset);
    }
    let is_kept = |stored: &Message| stored.offset > disk.horizon;
    let has_more = before.and_then(earlier).is_some_and(is_kept);
    if has_more && !more {
        return Err(format!("a page of {room} begins at {before:?}, and claims that this is all"));
    }
    Ok(())
}

/// What was acked.
#[derive(Debug, Clone)]
pub(crate) struct Acked {
    /// What it is: see [`identity`].
    pub(crate) what: String,
    pub(crate) offset: u64,
    /// When.
    pub(crate) at: Instant,
}

impl Acked {
    pub(crate) fn new(what: String, offset: u64) -> Self {
        Self { what, offset, at: Instant::now() }
    }
}

/// Checks the log: dense offsets, each message once, and everything that was acked in its place.
pub(crate) fn check_log(disk: &Disk, acked: &[Acked]) -> Result<(), String> {
    let mut at = BTreeMap::new();
    for (message, expected) in disk.log.iter().zip(1..) {
        let offset = message.offset.as_u64();
        if offset != expected {
            return Err(format!("the log has {offset} in the place of {expected}"));
        }
        let what = identity(disk, message);
        if let Some(earlier) = at.insert(what.clone(), offset) {
            return Err(format!("{what:?} is stored at {earlier} and {offset}"));
        }
    }
    for Acked { what, offset, .. } in acked.iter().filter(|it| !disk.has_lost(it.offset, it.at)) {
        if at.get(what.as_str()) != Some(offset) {
            let found = at.get(what.as_str());
            return Err(format!("{what:?} was acked at {offset}, and is at {found:?}"));
        }
    }
    Ok(())
}

/// Returns what a message is: no other one is the same.
pub(crate) fn identity(disk: &Disk, message: &Message) -> String {
    match message.kind {
        Kind::Deletion(of) => format!("the deletion of {of}"),
        Kind::Reaction { to, on } => {
            let (emoji, author, key) =
                (message.content.as_str(), message.author, &message.client_offset);
            format!("{emoji} to {to}, {on}, by {author:?} under {key:?}")
        }
        _ => disk.original(message).to_owned(),
    }
}

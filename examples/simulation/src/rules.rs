//! Who may read and write where, now and at all times before, and what the clients may therefore be told and given.

use std::collections::BTreeMap;
use std::time::Duration;

use chat_core::{AccessAction, Posting, Role, RoomId, SanctionKind, Timestamp, UserId, Visibility};
use chat_store::{
    AccessChange, AccessNumber, MemoryStore, RoomAccess, RoomStore, Sanction, Subject,
};
use tokio::time::Instant;

use crate::client::name;
use crate::effect::{Effects, Occasion};
use crate::roles::Roles;
use crate::rooms::{KEPT, RULED, ruled_as};
use crate::world::{Asked, World};

/// Within this time a change is in effect on every connection, whatever goes wrong: a call of the store that hangs, an
/// outage and a pause one after the other, and what is on the way to a connection that stalls.
pub(crate) const GRACE: Duration = Duration::from_secs(40);

/// The number of users that are moderated.
pub(crate) const USERS: usize = 4;

/// The most changes that are made at once.
const AT_ONCE: usize = 100;

/// A client by its number, and whether it has a name.
pub(crate) type Who = (usize, bool);

/// What is denied, now and at all times before.
#[derive(Default)]
pub(crate) struct Rules {
    /// The last change that is known here.
    known: u64,
    /// When reading and writing began or ceased to be denied.
    past: BTreeMap<(Who, &'static str), Vec<Denial>>,
    kicks: Vec<Kick>,
    pub(crate) roles: Roles,
    pub(crate) effects: Effects,
}

/// What is denied from a change on.
#[derive(Clone, Copy)]
struct Denial {
    at: Instant,
    change: u64,
    denied: [bool; 2],
}

/// A user is sent out of a room.
struct Kick {
    client: usize,
    room: &'static str,
    at: Instant,
}

/// What a client does in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Read,
    Write,
}

/// Looks at what has changed in the store, at once after each change. It waits for nothing.
pub(crate) async fn look(world: &World, store: &MemoryStore) {
    let known = AccessNumber::new(world.rules().known);
    let Ok(changes) = store.access_changes_after(known, AT_ONCE).await else { return };
    let mut denied = Vec::new();
    for client in 0..USERS {
        let user = world.disk().users.get(&name(client)).copied();
        for is_named in [true, false] {
            // Nobody has the name yet, perhaps.
            let user = user.filter(|_| is_named);
            for room in RULED {
                denied.push((((client, is_named), room), denies(store, user, room).await));
            }
        }
    }
    // Whoever has made a change had its role until now.
    changes.iter().for_each(|change| check_maker(world, change));
    for client in 0..USERS {
        let user = world.disk().users.get(&name(client)).copied();
        for room in KEPT {
            let access = store.find_access(&RoomId::from_stored(room).key(), user).await;
            let role = access.ok().flatten().and_then(|access| access.role);
            world.rules().roles.note(client, room, role);
        }
    }
    for change in changes {
        world.note(format_args!("change {}", shown(&change)));
        world.rules().note(world, &change, &denied);
    }
}

/// Checks that the client that has made a change could be allowed to.
fn check_maker(world: &World, change: &AccessChange) {
    let client = |user: UserId| {
        (0..USERS).find(|client| world.disk().users.get(&name(*client)) == Some(&user))
    };
    let (Some(by), Some(Subject::User(on)), Some(key)) = (change.by, &change.subject, &change.room)
    else {
        return;
    };
    let who = (client(by), client(*on), KEPT.into_iter().find(|room| *room == key.as_str()));
    let (Some(by), Some(on), Some(room)) = who else { return };
    // What it has asked for on an earlier connection may still be done.
    let now = Instant::now();
    let since = now.checked_sub(GRACE).unwrap_or(now);
    let since = match world.asked().get(&by) {
        Some(Asked { since: asked, is_deed: true, .. }) => since.max(*asked),
        _ => since,
    };
    if !world.rules().roles.may_have_acted((by, on), room, since) {
        let AccessChange { number, action, .. } = change;
        world.violated(format_args!(
            "change {number}, {action:?} in {room}: client {by} may not do that to client {on}"
        ));
    }
}

fn shown(change: &AccessChange) -> String {
    let AccessChange { number, action, room, subject, role, .. } = change;
    format!("{number}: {action:?} in {room:?} of {subject:?} as {role:?}")
}

/// Returns whether reading and writing is denied by what the store keeps.
async fn denies(store: &MemoryStore, user: Option<UserId>, room: &str) -> [bool; 2] {
    let key = RoomId::from_stored(room).key();
    let access = store.find_access(&key, user).await.ok().flatten();
    let sanctions = store.sanctions_of(user, &[], Timestamp::now()).await.unwrap_or_default();
    let role = access.as_ref().and_then(|access| access.role);
    // Owners are above what holds in their room, and not above what holds everywhere.
    let counts = |sanction: &&Sanction| match &sanction.key.room {
        Some(at) => *at == key && role != Some(Role::Owner),
        None => true,
    };
    let is = |kind| sanctions.iter().filter(counts).any(|sanction| sanction.key.kind == kind);
    let kept = access.map(|RoomAccess { room, .. }| (room.visibility, room.posting));
    let is_out = matches!(kept, Some((Visibility::Private, _))) && role.is_none();
    let posts = match kept {
        Some((_, Posting::Members)) => role.is_some(),
        Some((_, Posting::Moderators)) => matches!(role, Some(Role::Moderator | Role::Owner)),
        _ => true,
    };
    let reads = is_out || is(SanctionKind::Ban);
    [reads, reads || !posts || is(SanctionKind::Mute)]
}

impl Rules {
    fn note(
        &mut self,
        world: &World,
        change: &AccessChange,
        denied: &[((Who, &'static str), [bool; 2])],
    ) {
        let (at, number) = (Instant::now(), change.number.as_u64());
        self.known = number;
        for &(key, denied) in denied {
            let past = self.past.entry(key).or_default();
            if past.last().map_or([false; 2], |last| last.denied) != denied {
                past.push(Denial { at, change: number, denied });
            }
        }
        if let (AccessAction::Kick, Some(key), Some(Subject::User(user))) =
            (change.action, &change.room, &change.subject)
        {
            let user = Some(user);
            let is_it = |client: &usize| world.disk().users.get(&name(*client)) == user;
            let client = (0..USERS).find(is_it);
            if let (Some(client), Some(room)) = (client, ruled_as(key.as_str())) {
                self.kicks.push(Kick { client, room, at });
            }
        }
    }

    fn past(&self, who: Who, feed: &str) -> &[Denial] {
        let past = ruled_as(feed).and_then(|ruled| self.past.get(&(who, ruled)));
        past.map_or(&[], Vec::as_slice)
    }

    /// Returns whether something was denied at any time since.
    fn was_denied(&self, who: Who, feed: &str, deed: Deed, since: Instant) -> bool {
        let past = self.past(who, feed);
        let first = past.partition_point(|denial| denial.at <= since);
        past[first.saturating_sub(1)..].iter().any(|denial| denial.denied[deed as usize])
    }

    /// Returns whether something was denied for so long when it was done, or had been decided before it was done, that no
    /// node may have let it happen.
    pub(crate) fn is_denied(
        &self,
        who: Who,
        feed: &str,
        deed: Deed,
        occasion: &Occasion,
        done: Instant,
    ) -> bool {
        let past = self.past(who, feed);
        let past = &past[..past.partition_point(|denial| denial.at <= done)];
        let in_effect = |denial: &Denial| {
            denial.at + GRACE <= done || self.effects.is_known(denial.change, denial.at, occasion)
        };
        // What is in effect, and what may be.
        let Some(first) = past.iter().rposition(in_effect) else { return false };
        past[first..].iter().all(|denial| denial.denied[deed as usize])
    }

    /// Returns whether a client may be refused now.
    pub(crate) fn may_refuse(&self, who: Who, feed: &str, deed: Deed) -> bool {
        let now = Instant::now();
        self.was_denied(who, feed, deed, now.checked_sub(GRACE).unwrap_or(now))
    }

    /// Returns whether a client may have been sent out of a room since it was told that it is there.
    pub(crate) fn may_be_out(&self, who: Who, room: &str, since: Instant) -> bool {
        self.was_denied(who, room, Deed::Read, since) || self.may_be_kicked(who, room, since)
    }

    /// Returns whether a client may have been sent out of a room by a kick since.
    pub(crate) fn may_be_kicked(&self, who: Who, room: &str, since: Instant) -> bool {
        self.kicks_of(who, room).any(|at| since <= at + GRACE)
    }

    /// Returns whether a client that was told to be in a room must have been sent out since, by a kick.
    pub(crate) fn is_kicked(
        &self,
        who: Who,
        room: &str,
        since: Instant,
        occasion: &Occasion,
    ) -> bool {
        let mut kicks = self.kicks_of(who, room).filter(|at| since < *at);
        kicks.any(|at| self.effects.is_carried_out(at, occasion))
    }

    fn kicks_of(&self, who: Who, room: &str) -> impl Iterator<Item = Instant> {
        let room = ruled_as(room);
        let is_it = move |kick: &&Kick| who == (kick.client, true) && Some(kick.room) == room;
        self.kicks.iter().filter(is_it).map(|kick| kick.at)
    }
}

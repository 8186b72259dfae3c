//! Who may read and write where, as somebody who runs the chat changes it, and what the clients may be told and given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chat_core::{Posting, Role, RoomId, SanctionKind, Timestamp, Topic, UserId, Visibility};
use chat_store::{
    AccessChanged, AccessRequest, MemoryStore, NewAccessChange, RoomStore, SanctionKey, Subject,
};
use tokio::time::{Instant, sleep};

use crate::client::name;
use crate::world::World;

/// The rooms that are kept, and whose rules change.
pub(crate) const KEPT: [&str; 2] = ["a", "b"];

/// Within this time a change is in effect on every connection, whatever goes wrong: a call of the store that hangs, an
/// outage and a pause one after the other, and what is on the way to a connection that stalls.
pub(crate) const GRACE: Duration = Duration::from_secs(40);

/// The number of users that are moderated.
const USERS: usize = 4;

/// What is denied, now and at all times before.
#[derive(Default)]
pub(crate) struct Rules {
    banned: BTreeSet<usize>,
    banned_from: BTreeSet<(usize, &'static str)>,
    muted: BTreeSet<(usize, &'static str)>,
    private: BTreeSet<&'static str>,
    members: BTreeSet<(usize, &'static str)>,
    /// By client, whether it has a name, and room: when reading and writing began or ceased to be denied.
    past: Past,
}

type Past = BTreeMap<(usize, bool, &'static str), Vec<(Instant, [bool; 2])>>;

/// What a client does in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Read,
    Write,
}

/// A change that somebody makes.
#[derive(Debug, Clone, Copy)]
enum Change {
    Ban(usize, Option<&'static str>, bool),
    Mute(usize, &'static str, bool),
    Private(&'static str, bool),
    Member(usize, &'static str, bool),
}

impl Rules {
    fn denies(&self, (client, is_named, room): (usize, bool, &'static str)) -> [bool; 2] {
        let is_kept = KEPT.contains(&room);
        let is_out =
            self.private.contains(room) && !(is_named && self.members.contains(&(client, room)));
        let is_banned = self.banned.contains(&client) || self.banned_from.contains(&(client, room));
        let reads = (is_kept && is_out) || (is_named && is_banned);
        [reads, reads || (is_named && self.muted.contains(&(client, room)))]
    }

    fn apply(&mut self, change: Change) {
        fn set<T: Ord>(all: &mut BTreeSet<T>, one: T, on: bool) {
            if on {
                all.insert(one);
            } else {
                all.remove(&one);
            }
        }
        match change {
            Change::Ban(client, None, on) => set(&mut self.banned, client, on),
            Change::Ban(client, Some(room), on) => set(&mut self.banned_from, (client, room), on),
            Change::Mute(client, room, on) => set(&mut self.muted, (client, room), on),
            Change::Private(room, on) => set(&mut self.private, room, on),
            Change::Member(client, room, on) => set(&mut self.members, (client, room), on),
        }
        let now = Instant::now();
        for client in 0..USERS {
            for is_named in [true, false] {
                for room in ["general", KEPT[0], KEPT[1]] {
                    let key = (client, is_named, room);
                    let denied = self.denies(key);
                    let past = self.past.entry(key).or_default();
                    if past.last().map_or([false; 2], |(_, denied)| *denied) != denied {
                        past.push((now, denied));
                    }
                }
            }
        }
    }

    /// Returns at which times from one on something was denied, and at which not: each true if there was one.
    fn since(&self, who: (usize, bool), room: &str, deed: Deed, from: Instant) -> (bool, bool) {
        let Some(room) = ["general", KEPT[0], KEPT[1]].into_iter().find(|known| *known == room)
        else {
            return (false, true);
        };
        let past = self.past.get(&(who.0, who.1, room)).map_or(&[][..], Vec::as_slice);
        let (mut denied, mut allowed) = (false, false);
        let first = past.partition_point(|(at, _)| *at <= from);
        let before = first.checked_sub(1).map_or([false; 2], |index| past[index].1);
        for state in std::iter::once(before).chain(past[first..].iter().map(|(_, state)| *state)) {
            let is = state[deed as usize];
            (denied, allowed) = (denied || is, allowed || !is);
        }
        (denied, allowed)
    }

    /// Returns whether something was denied at any time since.
    pub(crate) fn was_denied(
        &self,
        who: (usize, bool),
        room: &str,
        deed: Deed,
        from: Instant,
    ) -> bool {
        self.since(who, room, deed, from).0
    }

    /// Returns whether writing had been denied for so long when a message was stored that no node may have let it happen.
    pub(crate) fn was_denied_before(&self, who: (usize, bool), room: &str, at: Instant) -> bool {
        let Some(from) = at.checked_sub(GRACE) else { return false };
        let past = Self { past: self.until(at), ..Self::default() };
        !past.since(who, room, Deed::Write, from).1
    }

    /// What was known at a time.
    fn until(&self, at: Instant) -> Past {
        let known = |past: &Vec<(Instant, [bool; 2])>| {
            past.iter().take_while(|(then, _)| *then <= at).copied().collect()
        };
        self.past.iter().map(|(key, past)| (*key, known(past))).collect()
    }

    /// Returns whether something has been denied for so long that no node may let it happen: since before the connection,
    /// for which the rules were looked up, or for the time in which changes take effect.
    pub(crate) fn is_denied(
        &self,
        who: (usize, bool),
        room: &str,
        deed: Deed,
        connect_began: Instant,
    ) -> bool {
        let grace = Instant::now().checked_sub(GRACE).unwrap_or(connect_began);
        !self.since(who, room, deed, grace.max(connect_began)).1
    }

    /// Returns whether a client may be refused now.
    pub(crate) fn may_refuse(&self, who: (usize, bool), room: &str, deed: Deed) -> bool {
        let now = Instant::now();
        self.was_denied(who, room, deed, now.checked_sub(GRACE).unwrap_or(now))
    }
}

/// Changes the rules until there are no more faults, as the commands of the program do: in the store, past all nodes.
pub(crate) async fn moderate(world: Arc<World>, store: Arc<MemoryStore>) {
    let often = world.random(|rng| [200, 1000, 4000][rng.below(3)]);
    while !world.is_calm() {
        sleep(world.random(|rng| rng.millis(50, often))).await;
        let (kind, client, room, on) = world
            .random(|rng| (rng.below(5), rng.below(USERS), KEPT[rng.below(2)], rng.chance(600)));
        let change = match kind {
            0 => Change::Ban(client, None, on),
            1 => Change::Ban(client, Some(room), on),
            2 => Change::Mute(client, room, on),
            3 => Change::Private(room, on),
            _ => Change::Member(client, room, on),
        };
        make(&world, &store, change).await;
    }
    // Everybody comes back; what holds in rooms stays.
    for client in 0..USERS {
        make(&world, &store, Change::Ban(client, None, false)).await;
    }
}

/// Makes a room that is kept, before anybody is there.
pub(crate) async fn keep_rooms(store: &MemoryStore) {
    for room in KEPT {
        let create = AccessRequest::CreateRoom {
            room: RoomId::from_stored(room),
            topic: Topic::default(),
            visibility: Visibility::Public,
            posting: Posting::Everyone,
            owner: None,
        };
        let _ = store.change_access(&NewAccessChange::new(create, Timestamp::now())).await;
    }
}

async fn make(world: &World, store: &MemoryStore, change: Change) {
    let key = |room: &str| RoomId::from_stored(room).key();
    let user = |client: usize| world.disk().users.get(&name(client)).copied();
    let sanction = |user: UserId, room: Option<&str>, kind, on| {
        let key = SanctionKey { room: room.map(key), subject: Subject::User(user), kind };
        if on {
            AccessRequest::Sanction { key, until: None }
        } else {
            AccessRequest::LiftSanction { key }
        }
    };
    let request =
        match change {
            Change::Ban(client, room, on) => {
                user(client).map(|user| sanction(user, room, SanctionKind::Ban, on))
            }
            Change::Mute(client, room, on) => {
                user(client).map(|user| sanction(user, Some(room), SanctionKind::Mute, on))
            }
            Change::Private(room, on) => Some(AccessRequest::ChangeRoom {
                room: key(room),
                topic: None,
                visibility: Some(if on { Visibility::Private } else { Visibility::Public }),
                posting: None,
            }),
            Change::Member(client, room, true) => user(client)
                .map(|user| AccessRequest::AddMember { room: key(room), user, role: Role::Member }),
            Change::Member(client, room, false) => {
                user(client).map(|user| AccessRequest::RemoveMember { room: key(room), user })
            }
        };
    // Nobody has the name yet.
    let Some(request) = request else { return };
    let made = store.change_access(&NewAccessChange::new(request, Timestamp::now())).await;
    if let Ok(AccessChanged::Yes(_)) = made {
        world.note(format_args!("somebody makes {change:?}"));
        world.rules().apply(change);
    }
}

//! Somebody who runs the chat, and changes who may read and write where.

use std::sync::Arc;
use std::time::Duration;

use chat_core::{Posting, Role, RoomId, SanctionKind, Timestamp, Topic, UserId, Visibility};
use chat_store::{
    AccessChanged, AccessRequest, MemoryStore, NewAccessChange, RoomStore, SanctionKey, Subject,
};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::name;
use crate::cluster::Cluster;
use crate::rng::Rng;
use crate::rooms::{KEPT, ruled_as};
use crate::rules::{USERS, look};
use crate::world::{Asked, World};

/// How long a node may take for a change. One that crashes meanwhile never answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// A change that somebody makes.
#[derive(Debug, Clone, Copy)]
enum Change {
    Create(&'static str, Visibility, Posting, Option<usize>),
    Sanction(SanctionKind, usize, Option<&'static str>, bool),
    Visibility(&'static str, Visibility),
    Posting(&'static str, Posting),
    Member(usize, &'static str, Role),
    Role(usize, &'static str, Role),
    NoMember(usize, &'static str),
    Kick(usize, &'static str),
}

/// Makes some of the rooms that are kept, before anybody is there.
pub(crate) async fn keep_rooms(world: &World, store: &MemoryStore) {
    for room in KEPT {
        if world.random(|rng| rng.chance(700)) {
            let create = Change::Create(room, Visibility::Public, Posting::Everyone, None);
            make(world, store, create).await;
        }
    }
}

/// Changes the rules until there are no more faults: most of them through a node, the others as the commands of the program
/// do, in the store, past all nodes.
pub(crate) async fn moderate(world: Arc<World>, cluster: Arc<Cluster>) {
    let often = world.random(|rng| [100, 400, 2000][rng.below(3)]);
    let mut under_way = JoinSet::new();
    while !world.is_calm() {
        sleep(world.random(|rng| rng.millis(50, often))).await;
        let asked = asked(&world);
        let change = world.random(|rng| any(rng, asked));
        let node = world.random(|rng| rng.chance(700).then(|| rng.below(cluster.size())));
        let its_node = |node| asked.map_or(node, |(.., node)| node);
        match node.map(its_node) {
            None => make(&world, &cluster.names, change).await,
            Some(node) => {
                under_way.spawn(make_through(world.clone(), cluster.clone(), node, change));
            }
        }
    }
    while under_way.join_next().await.is_some() {}
    // Everybody comes back; what holds in rooms stays.
    for client in 0..USERS {
        let lift = Change::Sanction(SanctionKind::Ban, client, None, false);
        make(&world, &cluster.names, lift).await;
    }
}

/// Returns, half of the time, what one of the clients is just asking for, and where: who, in which room, on which node.
fn asked(world: &World) -> Option<(usize, &'static str, usize)> {
    let asked = world.asked().clone();
    let is_kept = |(client, Asked { room, node, .. }): (usize, Asked)| {
        let room = ruled_as(&room).filter(|room| KEPT.contains(room))?;
        Some((client, room, node))
    };
    let asked: Vec<_> = asked.into_iter().filter_map(is_kept).collect();
    world.random(|rng| rng.chance(500).then(|| rng.pick(&asked).copied()).flatten())
}

fn any(rng: &mut Rng, asked: Option<(usize, &'static str, usize)>) -> Change {
    let (client, room) = (rng.below(USERS), KEPT[rng.below(KEPT.len())]);
    let (client, room) = asked.map_or((client, room), |(client, room, _)| (client, room));
    // Most is allowed most of the time: what is denied is denied to somebody who is there.
    let on = rng.chance(if asked.is_some() { 700 } else { 250 });
    let role = [Role::Member, Role::Moderator, Role::Owner][rng.below(3)];
    let all = [Posting::Everyone, Posting::Everyone, Posting::Members, Posting::Moderators];
    let posting = all[rng.below(all.len())];
    let visibility = if on { Visibility::Private } else { Visibility::Public };
    match rng.below(13) {
        0 => Change::Sanction(SanctionKind::Ban, client, None, on),
        1 => Change::Sanction(SanctionKind::Ban, client, Some(room), on),
        2 => Change::Sanction(SanctionKind::Mute, client, None, on),
        3 => Change::Sanction(SanctionKind::Mute, client, Some(room), on),
        4 | 5 => Change::Visibility(room, visibility),
        6 => Change::Posting(room, posting),
        7 | 8 => Change::Member(client, room, role),
        9 => Change::Role(client, room, role),
        10 => Change::NoMember(client, room),
        11 => Change::Kick(client, room),
        _ => Change::Create(room, visibility, posting, Some(client)),
    }
}

/// Makes a change in the store, past all nodes.
async fn make(world: &World, store: &MemoryStore, change: Change) {
    let Some(request) = request(world, change) else { return };
    world.note(format_args!("somebody makes {change:?}"));
    let _ = store.change_access(&NewAccessChange::new(request, Timestamp::now())).await;
    look(world, store).await;
}

/// Makes a change through a node, if it is running.
async fn make_through(world: Arc<World>, cluster: Arc<Cluster>, node: usize, change: Change) {
    let (Some(chat), Some(request)) = (cluster.chat(node), request(&world, change)) else { return };
    world.note(format_args!("somebody makes {change:?} through node {node}"));
    let change = NewAccessChange::new(request, Timestamp::now());
    let made = timeout(PATIENCE, chat.change_access(&change)).await;
    if let Ok(Ok(AccessChanged::Yes(number))) = made {
        world.note(format_args!("change {number} is made through node {node}"));
        world.rules().effects.made(number.as_u64(), node);
    }
}

/// Returns what to ask for. None while nobody has the name.
fn request(world: &World, change: Change) -> Option<AccessRequest> {
    let key = |room: &str| RoomId::from_stored(room).key();
    let user = |client: usize| -> Option<UserId> { world.disk().users.get(&name(client)).copied() };
    let change_room = |room, visibility, posting| AccessRequest::ChangeRoom {
        room: key(room),
        topic: None,
        visibility,
        posting,
    };
    Some(match change {
        Change::Sanction(kind, client, room, on) => {
            let subject = Subject::User(user(client)?);
            let key = SanctionKey { room: room.map(key), subject, kind };
            match on {
                true => AccessRequest::Sanction { key, until: None },
                false => AccessRequest::LiftSanction { key },
            }
        }
        Change::Create(room, visibility, posting, owner) => AccessRequest::CreateRoom {
            room: RoomId::from_stored(room),
            topic: Topic::default(),
            visibility,
            posting,
            owner: owner.and_then(user),
        },
        Change::Visibility(room, visibility) => change_room(room, Some(visibility), None),
        Change::Posting(room, posting) => change_room(room, None, Some(posting)),
        Change::Member(client, room, role) => {
            AccessRequest::AddMember { room: key(room), user: user(client)?, role }
        }
        Change::Role(client, room, role) => {
            AccessRequest::SetRole { room: key(room), user: user(client)?, role }
        }
        Change::NoMember(client, room) => {
            AccessRequest::RemoveMember { room: key(room), user: user(client)? }
        }
        Change::Kick(client, room) => {
            AccessRequest::Kick { room: Some(key(room)), subject: Subject::User(user(client)?) }
        }
    })
}

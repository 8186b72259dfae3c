//! The rooms of an import.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, bail};
use chat_core::{
    AccessAction, Posting, Reason, Role, RoomId, RoomKey, Timestamp, Topic, Visibility,
};
use chat_server::ImportedUser;
use chat_store::{
    AccessChange, AccessChanged, AccessNumber, AccessRequest, NewAccessChange, Refused, Store,
};

use super::export::ForeignRoom;

/// Maximum number of rooms with names that compare as the same.
const MAX_NUMBER: usize = 1000;

/// The reason that the log of moderators has for rooms which were made by an import.
const IMPORTED: &str = "imported";

/// Maximum number of entries of that log that are read at once.
const PAGE: usize = 500;

/// Creates the rooms, with their members, and returns how they are called.
pub(super) async fn create(
    store: &dyn Store,
    rooms: Vec<ForeignRoom>,
    people: &HashMap<String, ImportedUser>,
) -> anyhow::Result<HashMap<String, RoomId>> {
    let made = made_before(store).await?;
    let mut called = HashMap::new();
    let mut taken: HashSet<RoomKey> = HashSet::new();
    for room in rooms {
        let mut names = (1..=MAX_NUMBER).map(|number| room_name(&room.name, number));
        let name = names.find(|name| !taken.contains(&name.key()));
        let name = name.with_context(|| format!("no name is free for the room {}", room.name))?;
        taken.insert(name.key());
        if name.as_str() != room.name {
            println!("the room {} is called {name}", room.name);
        }
        create_one(store, &name, &room, people, &made).await?;
        called.insert(room.id, name);
    }
    Ok(called)
}

async fn create_one(
    store: &dyn Store,
    name: &RoomId,
    room: &ForeignRoom,
    people: &HashMap<String, ImportedUser>,
    made: &HashSet<RoomKey>,
) -> anyhow::Result<()> {
    let user = |id: &String| people.get(id).map(|user| user.id);
    let visibility = if room.is_private { Visibility::Private } else { Visibility::Public };
    let create = AccessRequest::CreateRoom {
        room: name.clone(),
        topic: topic(&room.topic),
        visibility,
        posting: Posting::Everyone,
        owner: room.owners.iter().find_map(user),
    };
    match change(store, create).await? {
        AccessChanged::Yes(_) | AccessChanged::Unchanged => {}
        // It was made before.
        AccessChanged::No(Refused::RoomExists(_)) if made.contains(&name.key()) => {}
        AccessChanged::No(Refused::RoomExists(_)) => bail!(
            "there is a room {name} that this import has not made; name a new store, or delete the room"
        ),
        AccessChanged::No(refused) => bail!("the room {name} cannot be created: {refused:?}"),
    }
    let owners = room.owners.iter().map(|id| (id, Role::Owner));
    // Everybody is in the others, who comes.
    let members = room.members.iter().filter(|_| room.is_private).map(|id| (id, Role::Member));
    for (user, role) in owners.chain(members).filter_map(|(id, role)| Some((user(id)?, role))) {
        change(store, AccessRequest::AddMember { room: name.key(), user, role }).await?;
    }
    Ok(())
}

/// Returns the rooms that were made by an import: what others have made must not get its messages.
async fn made_before(store: &dyn Store) -> anyhow::Result<HashSet<RoomKey>> {
    let (mut made, mut after) = (HashSet::new(), AccessNumber::new(0));
    loop {
        let changes = store.access_changes_after(after, PAGE).await?;
        let Some(last) = changes.last() else { return Ok(made) };
        after = last.number;
        let is_ours = |it: &AccessChange| {
            it.action == AccessAction::CreateRoom
                && it.by.is_none()
                && it.reason.as_ref().is_some_and(|reason| reason.as_str() == IMPORTED)
        };
        made.extend(changes.into_iter().filter(is_ours).filter_map(|it| it.room));
    }
}

async fn change(store: &dyn Store, request: AccessRequest) -> anyhow::Result<AccessChanged> {
    let change = NewAccessChange::new(request, Timestamp::now());
    let change = change.with_reason(Reason::from_stored(IMPORTED));
    Ok(store.change_access(&change).await?)
}

/// Returns the name of a room as it can be one, and with a number from 2 on.
fn room_name(name: &str, number: usize) -> RoomId {
    let visible: String = name.chars().filter(|it| !it.is_control()).collect();
    let end = visible.floor_char_boundary(RoomId::MAX_BYTES - 5);
    let name = visible[..end].trim();
    let numbered = if number > 1 { format!("{name} {number}") } else { name.to_owned() };
    numbered.parse().unwrap_or_else(|_| RoomId::from_stored(format!("room {number}")))
}

fn topic(text: &str) -> Topic {
    let one_line: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let end = one_line.floor_char_boundary(Topic::MAX_BYTES);
    one_line[..end].parse().unwrap_or_else(|_| Topic::from_stored(""))
}

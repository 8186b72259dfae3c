//! Tells those in a room that what is kept about it has changed.

use std::collections::HashSet;

use chat_core::event::{ROOM_CHANGED, RoomChanged};
use chat_core::{AccessAction, AccessScope, RoomId, RoomKey};
use chat_store::{AccessChange, RoomRecord, RoomStore};

use super::connect::Connections;
use crate::engine::delivery::EphemeralEvent;

impl Connections {
    /// Tells those on this node who are in a room of which one of these changes is about topic, visibility or posting.
    /// First applies the change: whoever may not read the room any more is not told. At most once: if the store fails
    /// now, nobody is told.
    pub(super) async fn tell_of_rooms(&self, rooms: &dyn RoomStore, changes: &[AccessChange]) {
        let is_told = |it: &&AccessChange| {
            matches!(it.action, AccessAction::CreateRoom | AccessAction::ChangeRoom)
        };
        let keys: HashSet<&RoomKey> =
            changes.iter().filter(is_told).filter_map(|it| it.room.as_ref()).collect();
        for key in keys {
            let mut names = self.rooms();
            names.retain(|room| room.key() == *key);
            if names.is_empty() {
                continue;
            }
            let scopes: Vec<_> = names.iter().cloned().map(AccessScope::Room).collect();
            self.apply(scopes.iter()).await;
            match rooms.find_room(key).await {
                Ok(Some(record)) => names.iter().for_each(|name| self.tell_of_room(name, &record)),
                Ok(None) => {}
                Err(error) => tracing::debug!("a changed room was not read: {error}"),
            }
        }
    }

    /// Tells those who have joined a room under this name, and may read it.
    fn tell_of_room(&self, name: &RoomId, record: &RoomRecord) {
        let RoomRecord { topic, visibility, posting, .. } = record;
        let changed = RoomChanged::new(name.clone(), topic.clone(), *visibility, *posting);
        let Some(event) = EphemeralEvent::new(ROOM_CHANGED, &changed) else { return };
        for connection in self.live().all() {
            if connection.position.is_in(name)
                && let Ok(_grant) = connection.permit_read(std::slice::from_ref(name))
            {
                connection.waiting.ephemeral.push(event.clone());
            }
        }
    }
}

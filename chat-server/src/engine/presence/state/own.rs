//! Which connections of this node belong to a user.

use std::sync::Arc;

use chat_core::{Nickname, PresenceId, RoomId, UserId};

use super::super::few::Few;
use super::super::room::ConnectionKey;
use super::State;
use crate::engine::delivery::EphemeralEvents;

impl State {
    /// Notes that a connection belongs to a user from now on. Ignored for anonymous clients.
    pub(super) fn belongs(&mut self, key: ConnectionKey, who: PresenceId) {
        if who.as_user().is_some() {
            self.of_users.entry(who).or_default().insert(key);
        }
    }

    pub(super) fn belongs_no_more(&mut self, key: ConnectionKey, who: PresenceId) {
        if let Some(keys) = self.of_users.get_mut(&who) {
            keys.remove(&key);
            if keys.as_slice().is_empty() {
                self.of_users.remove(&who);
            }
        }
    }

    /// Returns the user of a connection that is not broken.
    pub(super) fn user_of(&self, key: ConnectionKey) -> Option<UserId> {
        let connection = self.connections.get(&key)?;
        connection.ephemeral.as_ref()?;
        connection.user.as_ref().map(|user| user.0)
    }

    pub(super) fn nickname_of(&self, who: PresenceId) -> Option<Nickname> {
        let key = self.of_users.get(&who)?.as_slice().first()?;
        self.connections.get(key)?.user.as_ref().map(|user| user.1.clone())
    }

    /// Returns the queues of a user's connections but one; those that are in a room and see it, if one is given.
    pub(super) fn own_connections<'a>(
        &'a self,
        who: PresenceId,
        but: Option<ConnectionKey>,
        room: Option<&'a RoomId>,
    ) -> impl Iterator<Item = &'a Arc<EphemeralEvents>> {
        let keys = self.of_users.get(&who).map_or(&[][..], Few::as_slice);
        keys.iter().filter(move |key| Some(**key) != but).filter_map(move |key| {
            let connection = self.connections.get(key)?;
            let is_meant =
                room.is_none_or(|room| connection.rooms.contains(room) && self.sees(*key, room));
            connection.ephemeral.as_ref().filter(|_| is_meant)
        })
    }
}

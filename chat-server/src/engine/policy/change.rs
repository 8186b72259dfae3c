use std::cell::RefCell;
use std::collections::HashMap;

use chat_core::{AccessScope, RoomId, RoomKey};

use crate::engine::planted::{self, Bug};

/// A change of access, to be compared with what many clients do.
pub(super) struct Change<'a> {
    pub(super) scope: &'a AccessScope,
    /// The key of the room that has changed.
    key: Option<RoomKey>,
    /// Whether names are those of the room: the same ones are asked about for each client, and keys are costly.
    names: RefCell<HashMap<RoomId, bool>>,
}

impl<'a> Change<'a> {
    pub(super) fn new(scope: &'a AccessScope) -> Self {
        let key = match scope {
            AccessScope::Room(room) => Some(room.key()),
            _ => None,
        };
        Self { scope, key, names: RefCell::default() }
    }

    /// Returns whether this is a change of a room, under whatever spelling.
    pub(super) fn is_of(&self, room: &RoomId) -> bool {
        let Some(key) = &self.key else { return false };
        let mut names = self.names.borrow_mut();
        if let Some(is_it) = names.get(room) {
            return *is_it;
        }
        let is_it = match planted::is(Bug::SpellingIgnored) {
            true => room.as_str() == key.as_str(),
            false => room.key() == *key,
        };
        names.insert(room.clone(), is_it);
        is_it
    }
}

//! Who has had which role in which room when, and who may therefore act on whom there.

use std::collections::BTreeMap;

use chat_core::Role;
use tokio::time::Instant;

/// The roles of clients in rooms, and since when.
#[derive(Default)]
pub(crate) struct Roles(BTreeMap<(usize, &'static str), Past>);

type Past = Vec<(Instant, Option<Role>)>;

impl Roles {
    pub(crate) fn note(&mut self, client: usize, room: &'static str, role: Option<Role>) {
        let past = self.0.entry((client, room)).or_default();
        if past.last().is_none_or(|(_, last)| *last != role) {
            past.push((Instant::now(), role));
        }
    }

    /// Returns the roles of a client in a room at any time since, and at least the one that it has.
    fn since(&self, client: usize, room: &'static str, since: Instant) -> Vec<Option<Role>> {
        let past = self.0.get(&(client, room)).map_or(&[][..], Vec::as_slice);
        let first = past.partition_point(|(at, _)| *at <= since);
        let mut roles: Vec<_> =
            past[first.saturating_sub(1)..].iter().map(|(_, role)| *role).collect();
        if first == 0 {
            roles.push(None);
        }
        roles
    }

    /// Returns whether a client could be allowed to act on another one at any time since.
    pub(crate) fn may_have_acted(
        &self,
        (client, on): (usize, usize),
        room: &'static str,
        since: Instant,
    ) -> bool {
        let role = self.since(client, room, since).into_iter().max().flatten();
        let other = self.since(on, room, since).into_iter().min().flatten();
        client != on && role >= Some(Role::Moderator) && other < role
    }

    /// Returns whether a client could act on another one at all times since.
    pub(crate) fn could_act(
        &self,
        (client, on): (usize, usize),
        room: &'static str,
        since: Instant,
    ) -> bool {
        let role = self.since(client, room, since).into_iter().min().flatten();
        let other = self.since(on, room, since).into_iter().max().flatten();
        client != on && role >= Some(Role::Moderator) && other < role
    }
}

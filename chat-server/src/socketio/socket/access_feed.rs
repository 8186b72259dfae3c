//! The store's log of changes to rooms, bans and mutes, followed on each node: a change takes effect on live connections
//! whatever frames are lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chat_core::{AccessAction, AccessScope, Refusal, RefusalCode, RoomId, RoomKey, Timestamp};
use chat_store::{AccessChange, AccessNumber, RoomStore, StoreError, Subject};
use tokio::time::{Instant, sleep};

use super::connect::Connections;
use super::connection::Connection;
use crate::engine::outage::Outage;

/// The time between two looks at the log.
const PAUSE: Duration = Duration::from_millis(500);

/// Maximum number of changes that are read at once.
const PAGE: usize = 200;

/// The time between two sweeps of what has ended.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10 * 60);

impl Connections {
    /// Applies the changes in the log from now on, and deletes what has ended from time to time. Never returns.
    pub(crate) async fn follow_rooms(self, rooms: Arc<dyn RoomStore>) {
        let outage = Outage::new("following the changes of rooms in the store");
        let (mut known, mut swept) = (None, Instant::now());
        loop {
            match outage.watch(self.apply_after(&*rooms, known).await) {
                Ok(upto) => known = Some(upto),
                Err(error) => tracing::debug!("changes of rooms were not read: {error}"),
            }
            if swept.elapsed() >= SWEEP_INTERVAL {
                swept = Instant::now();
                while let Ok(1..) = rooms.sweep_access(Timestamp::now()).await {}
            }
            sleep(PAUSE).await;
        }
    }

    /// Applies the changes after one, and returns the last. At first, only finds out where the log ends: clients ask
    /// about everything when they connect.
    async fn apply_after(
        &self,
        rooms: &dyn RoomStore,
        known: Option<AccessNumber>,
    ) -> Result<AccessNumber, StoreError> {
        let Some(mut known) = known else { return rooms.access_tail().await };
        loop {
            let changes = rooms.access_changes_after(known, PAGE).await?;
            let Some(last) = changes.last() else { return Ok(known) };
            known = last.number;
            changes.iter().for_each(|change| self.kick(change));
            let scopes = self.scopes(&changes);
            scopes.into_iter().for_each(|scope| self.services().changes.note(scope));
            self.tell_of_rooms(rooms, &changes).await;
        }
    }

    /// Sends somebody out of a room who was kicked.
    fn kick(&self, change: &AccessChange) {
        let (AccessAction::Kick, Some(key), Some(Subject::User(user))) =
            (change.action, &change.room, &change.subject)
        else {
            return;
        };
        let mut message = "you were sent out of the room".to_owned();
        if let Some(reason) = &change.reason {
            message += &format!(": {reason}");
        }
        let is_user = |it: &Arc<Connection>| it.user().is_some_and(|known| known.id == *user);
        for connection in self.live().all().into_iter().filter(is_user) {
            let following = connection.position.following();
            for room in following.rooms.keys().filter(|room| room.key() == *key) {
                let room = room.clone();
                let refusal = Refusal::new(RefusalCode::Forbidden, message.clone());
                let later = Arc::clone(&connection);
                // After a join that is under way, and before one that comes later.
                connection.requests.now_or_later(move || later.exclude(&room, refusal));
            }
        }
    }

    fn scopes(&self, changes: &[AccessChange]) -> HashSet<AccessScope> {
        let mut scopes = HashSet::new();
        let mut keys: HashSet<&RoomKey> = HashSet::new();
        for change in changes {
            match &change.subject {
                Some(Subject::User(user)) => {
                    scopes.insert(AccessScope::User(*user));
                }
                Some(Subject::Address(_)) => {
                    scopes.insert(AccessScope::Everything);
                }
                None => keys.extend(&change.room),
            }
        }
        if !keys.is_empty() {
            let named = self.rooms().into_iter().filter(|room| keys.contains(&room.key()));
            scopes.extend(named.map(AccessScope::Room));
        }
        scopes
    }

    /// Returns the rooms of all live connections.
    pub(super) fn rooms(&self) -> HashSet<RoomId> {
        let all = self.live().all();
        let followed = all.iter().map(|connection| connection.position.following());
        followed.flat_map(|following| following.rooms.keys().cloned().collect::<Vec<_>>()).collect()
    }
}

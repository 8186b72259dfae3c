//! The store's log of changes to rooms, bans and mutes, followed on each node: a change takes effect on live connections
//! whatever frames are lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chat_core::{AccessAction, AccessScope, Refusal, RefusalCode, RoomId, Timestamp, UserId};
use chat_store::{
    AccessChange, AccessNumber, AccessRequest, AccessState, NewAccessChange, RoomStore, StoreError,
    Subject,
};
use tokio::time::{Instant, timeout};

use super::connect::Connections;
use super::connection::Connection;
use super::services::Services;
use crate::engine::outage::Outage;
use crate::engine::planted::{self, Bug};
use crate::engine::policy::Devices;
use crate::socketio::transport::Farewell;

/// The time between two looks at the log, unless a change is made on this node or announced by another one.
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
            if let Err(error) = outage.watch(self.apply_after(&*rooms, &mut known).await) {
                tracing::debug!("changes of rooms were not read: {error}");
            }
            if swept.elapsed() >= SWEEP_INTERVAL {
                swept = Instant::now();
                self.sweep_rooms(&*rooms).await;
            }
            let _ = timeout(PAUSE, self.services().progress.wanted()).await;
        }
    }

    /// Deletes what has ended, and entries of the log that are too old.
    async fn sweep_rooms(&self, rooms: &dyn RoomStore) {
        while let Ok(1..) = rooms.sweep_access(Timestamp::now()).await {}
        let lifetime = self.services().limits.moderation_log_lifetime;
        let before = Timestamp::now().minus(lifetime);
        while let Ok(1..) = rooms.sweep_access_log(before).await {}
    }

    /// Applies the changes after one, and moves it on with each page: nothing is applied twice if a later page cannot be
    /// read. At first, finds out where the log ends.
    async fn apply_after(
        &self,
        rooms: &dyn RoomStore,
        known: &mut Option<AccessNumber>,
    ) -> Result<(), StoreError> {
        let Some(mut after) = *known else {
            let tail = rooms.access_tail().await?;
            *known = Some(tail);
            self.services().progress.note(tail);
            // Clients may have asked before this.
            self.services().changes.note_policy(AccessScope::Everything);
            return Ok(());
        };
        loop {
            let changes = rooms.access_changes_after(after, PAGE).await?;
            let Some(last) = changes.last() else { return Ok(()) };
            after = last.number;
            *known = Some(after);
            changes.iter().for_each(|change| self.kick(change));
            let scopes = scopes(&changes);
            scopes.into_iter().for_each(|scope| self.services().changes.note_policy(scope));
            self.services().changes.note_devices(Devices::Of(renamed(&changes)));
            self.services().progress.note(after);
            self.tell_of_rooms(rooms, &changes).await;
        }
    }

    /// Applies a change that was just made, here at once, and tells the other nodes. But for kicks, it asks no store: that
    /// might fail, and the change be in effect later than its maker is told.
    pub(crate) async fn made(&self, change: &NewAccessChange, number: AccessNumber) {
        if let AccessRequest::Kick { subject: Subject::User(user), .. } = change.request {
            return self.services().kicked(user, number).await;
        }
        for scope in scopes(&[change.entry(number, &AccessState::default())]) {
            match planted::is(Bug::MadeUnapplied) {
                true => self.services().tell_of_change(&scope).await,
                false => self.access_changed(&scope).await,
            }
        }
    }

    /// Sends somebody out of a room who was kicked, or disconnects who was kicked out of everything.
    fn kick(&self, change: &AccessChange) {
        let (AccessAction::Kick, Some(Subject::User(user))) = (change.action, &change.subject)
        else {
            return;
        };
        let is_user = |it: &Arc<Connection>| it.user().is_some_and(|known| known.id == *user);
        let connections = self.live().all().into_iter().filter(is_user);
        let Some(key) = &change.room else {
            let reason = change.reason.as_ref().map_or("disconnected", |reason| reason.as_str());
            return connections.for_each(|it| it.shut_out(reason, Farewell::SentAway));
        };
        let mut message = "you were sent out of the room".to_owned();
        if let Some(reason) = &change.reason {
            message += &format!(": {reason}");
        }
        for connection in connections {
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

    /// Returns the rooms of all live connections.
    pub(super) fn rooms(&self) -> HashSet<RoomId> {
        let all = self.live().all();
        let followed = all.iter().map(|connection| connection.position.following());
        followed.flat_map(|following| following.rooms.keys().cloned().collect::<Vec<_>>()).collect()
    }
}

/// Returns the users whose nicknames have changed.
fn renamed(changes: &[AccessChange]) -> HashSet<UserId> {
    let of_name =
        |it: &&AccessChange| matches!(it.action, AccessAction::Rename | AccessAction::TakeNickname);
    let subjects = changes.iter().filter(of_name).filter_map(|change| change.subject.as_ref());
    let user = |subject: &Subject| match subject {
        Subject::User(user) => Some(*user),
        Subject::Address(_) => None,
    };
    subjects.filter_map(user).collect()
}

impl Services {
    /// Has a user sent out who was kicked by a change that was just made, here before this returns, and tells the other
    /// nodes. By the log alone: it is done once, and not again to a user who has come back.
    pub(crate) async fn kicked(&self, user: UserId, number: AccessNumber) {
        let scope = AccessScope::User(user);
        tokio::join!(self.progress.reach(number), self.tell_of_change(&scope));
    }
}

/// Returns what the policy is to be asked about again.
fn scopes(changes: &[AccessChange]) -> HashSet<AccessScope> {
    // A kick changes nothing that anybody may do.
    let changes = changes.iter().filter(|change| change.action != AccessAction::Kick);
    let mut scopes = HashSet::new();
    for AccessChange { action, room, subject, .. } in changes {
        let of_subject = subject.as_ref().map(|subject| match subject {
            Subject::User(user) => AccessScope::User(*user),
            Subject::Address(_) => AccessScope::Everything,
        });
        // Others may be in a room that is created for its owner.
        let is_of_room = subject.is_none() || *action == AccessAction::CreateRoom;
        // All spellings of the room have its key, and the key is one of them.
        let room = room.as_ref().filter(|_| is_of_room);
        let of_room = room.map(|key| AccessScope::Room(RoomId::from_stored(key.as_str())));
        scopes.extend(of_subject.into_iter().chain(of_room));
    }
    scopes
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use chat_core::{Posting, Topic, Visibility};
    use chat_store::{MemoryStore, RoomStoreWrapper};

    use super::*;
    use crate::Chat;

    /// Fails at every second read.
    #[derive(Default)]
    struct Alternating {
        store: MemoryStore,
        reads: AtomicUsize,
    }

    #[async_trait]
    impl RoomStoreWrapper for Alternating {
        fn rooms(&self) -> &dyn RoomStore {
            &self.store
        }

        async fn before_read(&self) -> Result<(), StoreError> {
            let is_second = self.reads.fetch_add(1, Ordering::Relaxed) % 2 == 1;
            if is_second { Err(StoreError::Closed) } else { Ok(()) }
        }
    }

    #[tokio::test]
    async fn entries_of_the_log_are_deleted_when_they_are_older_than_the_limit() {
        let moderation_log_lifetime = Duration::from_secs(24 * 60 * 60);
        let limits = crate::Limits { moderation_log_lifetime, ..crate::Limits::default() };
        let builder = Chat::builder(Arc::new(MemoryStore::new())).limits(limits.clone());
        let (chat, rooms) = (builder.start().await.unwrap(), MemoryStore::new());
        let kick =
            AccessRequest::Kick { room: None, subject: Subject::User(UserId::from_stored(1)) };
        for days in [3, 2, 0, 0] {
            let at = Timestamp::now().minus(limits.moderation_log_lifetime * days);
            rooms.change_access(&NewAccessChange::new(kick.clone(), at)).await.unwrap();
        }
        chat.connections.sweep_rooms(&rooms).await;
        let left = rooms.access_changes_after(AccessNumber::ZERO, 10).await.unwrap();
        assert_eq!(left.iter().map(|change| change.number.as_u64()).collect::<Vec<_>>(), [3, 4]);
    }

    #[tokio::test]
    async fn a_page_of_changes_is_applied_once_although_the_next_one_cannot_be_read() {
        let chat = Chat::builder(Arc::new(MemoryStore::new())).start().await.unwrap();
        let rooms = Alternating::default();
        let mut known = None;
        chat.connections.apply_after(&rooms, &mut known).await.unwrap();
        assert_eq!(known, Some(rooms.store.access_tail().await.unwrap()));
        let create = AccessRequest::CreateRoom {
            room: "team".parse().unwrap(),
            topic: Topic::default(),
            visibility: Visibility::Public,
            posting: Posting::Everyone,
            owner: None,
        };
        rooms.store.change_access(&NewAccessChange::new(create, Timestamp::now())).await.unwrap();
        let tail = rooms.store.access_tail().await.unwrap();
        assert_ne!(known, Some(tail));
        rooms.reads.store(0, Ordering::Relaxed);
        chat.connections.apply_after(&rooms, &mut known).await.unwrap_err();
        assert_eq!(known, Some(tail));
    }
}

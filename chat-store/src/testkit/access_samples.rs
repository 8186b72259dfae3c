//! Requests to change who may do what.

use std::sync::Arc;

use chat_core::{Posting, Role, RoomKey, SanctionKind, Topic, Visibility};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::samples::{at, room, user};
use crate::{
    AccessChanged, AccessNumber, AccessRequest, InvitationCode, NewAccessChange, RoomStore,
    SanctionKey, Store, Subject,
};

pub(super) fn key(name: &str) -> RoomKey {
    room(name).key()
}

/// A public room, in which everybody may post.
pub(super) fn create(name: &str, owner: Option<i64>) -> AccessRequest {
    create_with(name, Visibility::Public, owner)
}

pub(super) fn create_with(name: &str, visibility: Visibility, owner: Option<i64>) -> AccessRequest {
    AccessRequest::CreateRoom {
        room: room(name),
        topic: Topic::default(),
        visibility,
        posting: Posting::Everyone,
        owner: owner.map(user),
    }
}

pub(super) fn add(name: &str, number: i64) -> AccessRequest {
    AccessRequest::AddMember { room: key(name), user: user(number), role: Role::Member }
}

pub(super) fn set_role(name: &str, number: i64, role: Role) -> AccessRequest {
    AccessRequest::SetRole { room: key(name), user: user(number), role }
}

pub(super) fn remove(name: &str, number: i64) -> AccessRequest {
    AccessRequest::RemoveMember { room: key(name), user: user(number) }
}

pub(super) fn code(number: u8) -> InvitationCode {
    InvitationCode([number; 32])
}

/// An invitation until the moment 1,000.
pub(super) fn invite(name: &str, number: u8, uses: u32) -> AccessRequest {
    AccessRequest::Invite { room: key(name), code: code(number), expires_at: at(1000), uses }
}

pub(super) fn redeem(number: u8, by: i64) -> AccessRequest {
    AccessRequest::Redeem { code: code(number), user: user(by) }
}

/// In a room, or everywhere.
pub(super) fn ban_of(subject: Subject, name: Option<&str>) -> SanctionKey {
    SanctionKey { room: name.map(key), subject, kind: SanctionKind::Ban }
}

pub(super) fn ban(number: i64, name: Option<&str>) -> SanctionKey {
    ban_of(Subject::User(user(number)), name)
}

pub(super) fn address(text: &str) -> Subject {
    Subject::Address(text.to_owned())
}

/// Imposes a sanction.
pub(super) fn impose(key: SanctionKey, until: Option<i64>) -> AccessRequest {
    AccessRequest::Sanction { key, until: until.map(at) }
}

/// A change at the moment 0.
pub(super) fn new(request: AccessRequest) -> NewAccessChange {
    NewAccessChange::new(request, at(0))
}

pub(super) async fn change(store: &dyn RoomStore, request: AccessRequest) -> AccessChanged {
    store.change_access(&new(request)).await.expect("an answer to a change")
}

/// Makes a change that has to be the one with this number.
pub(super) async fn change_as(store: &dyn RoomStore, number: u64, request: AccessRequest) {
    assert_eq!(change(store, request).await, AccessChanged::Yes(AccessNumber::new(number)));
}

/// Makes changes, each at one of the stores, at once.
pub(super) async fn change_at_once(
    stores: &[Arc<dyn Store>],
    requests: Vec<AccessRequest>,
) -> Vec<AccessChanged> {
    let start = Arc::new(Barrier::new(requests.len()));
    let mut changes = JoinSet::new();
    for (request, store) in requests.into_iter().zip(stores.iter().cycle()) {
        let (store, start) = (Arc::clone(store), Arc::clone(&start));
        changes.spawn(async move {
            start.wait().await;
            change(&*store, request).await
        });
    }
    changes.join_all().await
}

/// Returns how many changes were made.
pub(super) fn made(changes: &[AccessChanged]) -> usize {
    changes.iter().filter(|one| matches!(one, AccessChanged::Yes(_))).count()
}

/// What a user is in a room.
pub(super) async fn role(store: &dyn RoomStore, name: &str, number: i64) -> Option<Role> {
    let access = store.find_access(&key(name), Some(user(number))).await.expect("a lookup");
    access.expect("the room").role
}

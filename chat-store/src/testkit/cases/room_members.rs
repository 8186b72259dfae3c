//! Members of rooms, and their roles.

use chat_core::Role::{Member, Moderator, Owner};

use crate::testkit::SessionBackend;
use crate::testkit::access_samples::{
    add, change, change_as, change_at_once, create, key, made, new, remove, role, set_role,
};
use crate::testkit::samples::{at, user};
use crate::{AccessChanged, AccessLimit, AccessLimits, NewAccessChange, Refused, RoomMember};

/// In their own room only.
pub async fn members_have_roles_and_are_counted(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    change_as(&*store, 2, create("staff", Some(9))).await;
    let later = NewAccessChange::new(add("lobby", 2), at(20));
    store.change_access(&later).await.unwrap();
    change_as(&*store, 4, add("Lobby", 3)).await;
    assert_eq!(role(&*store, "lobby", 2).await, Some(Member));
    assert_eq!(role(&*store, "staff", 2).await, None);
    change_as(&*store, 5, set_role("lobby", 2, Moderator)).await;
    change_as(&*store, 6, set_role("lobby", 3, Owner)).await;
    let expected = [(1, Owner, 0), (2, Moderator, 20), (3, Owner, 0)];
    let expected = expected.map(|(number, role, since)| RoomMember {
        user: user(number),
        role,
        since: at(since),
    });
    assert_eq!(store.list_members(&key("lobby"), None, 9).await.unwrap(), expected);
    let room = store.find_room(&key("lobby")).await.unwrap().unwrap();
    assert_eq!((room.owners, room.members), (2, 3));
    change_as(&*store, 7, remove("lobby", 1)).await;
    change_as(&*store, 8, remove("lobby", 2)).await;
    let room = store.find_room(&key("lobby")).await.unwrap().unwrap();
    assert_eq!((room.owners, room.members), (1, 1));
    let not_member = AccessChanged::No(Refused::NotMember);
    assert_eq!(change(&*store, set_role("lobby", 2, Owner)).await, not_member);
    assert_eq!(change(&*store, remove("lobby", 2)).await, AccessChanged::Unchanged);
}

/// Adding is no way to get a role, or to lose one.
pub async fn who_is_a_member_already_keeps_the_role(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    assert_eq!(change(&*store, add("lobby", 1)).await, AccessChanged::Unchanged);
    assert_eq!(role(&*store, "lobby", 1).await, Some(Owner));
    assert_eq!(change(&*store, set_role("lobby", 1, Owner)).await, AccessChanged::Unchanged);
}

/// Until there is another one.
pub async fn the_last_owner_neither_leaves_nor_becomes_less(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    change_as(&*store, 2, add("lobby", 2)).await;
    for request in [remove("lobby", 1), set_role("lobby", 1, Moderator)] {
        assert_eq!(change(&*store, request).await, AccessChanged::No(Refused::LastOwner));
    }
    change_as(&*store, 3, set_role("lobby", 2, Owner)).await;
    change_as(&*store, 4, set_role("lobby", 1, Member)).await;
    change_as(&*store, 5, remove("lobby", 1)).await;
    let refused = change(&*store, remove("lobby", 2)).await;
    assert_eq!(refused, AccessChanged::No(Refused::LastOwner));
}

/// By leaving, or by becoming less.
pub async fn of_two_owners_that_leave_at_once_one_stays(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for round in 0..10 {
        let name = format!("room {round}");
        change(&*store, create(&name, Some(1))).await;
        change(&*store, add(&name, 2)).await;
        change(&*store, set_role(&name, 2, Owner)).await;
        let requests = vec![remove(&name, 1), set_role(&name, 2, Member)];
        let changes = change_at_once(std::slice::from_ref(&store), requests).await;
        assert_eq!(made(&changes), 1, "{changes:?}");
        assert_eq!(store.find_room(&key(&name)).await.unwrap().unwrap().owners, 1);
    }
}

/// Each once, however small the pages.
pub async fn members_are_listed_page_by_page(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(500))).await;
    change_as(&*store, 2, create("staff", Some(500))).await;
    for number in 0..20 {
        change(&*store, add("lobby", (number * 37) % 101)).await;
        change(&*store, add("staff", 200 + number)).await;
    }
    let all = store.list_members(&key("lobby"), None, 100).await.unwrap();
    assert_eq!(all.len(), 21);
    assert!(all.is_sorted_by_key(|member| member.user));
    for limit in [1, 6, 21] {
        let mut listed: Vec<RoomMember> = Vec::new();
        loop {
            let after = listed.last().map(|member| member.user);
            let page = store.list_members(&key("lobby"), after, limit).await.unwrap();
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        assert_eq!(listed, all, "pages of {limit}");
    }
}

/// A place becomes free when somebody leaves.
pub async fn there_are_no_more_members_than_the_limit(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    change_as(&*store, 2, add("lobby", 2)).await;
    let limited =
        |request| new(request).with_limits(AccessLimits { members: 2, ..AccessLimits::default() });
    let refused = AccessChanged::No(Refused::TooMany(AccessLimit::Members));
    assert_eq!(store.change_access(&limited(add("lobby", 3))).await.unwrap(), refused);
    change_as(&*store, 3, remove("lobby", 2)).await;
    let added = store.change_access(&limited(add("lobby", 3))).await.unwrap();
    assert!(matches!(added, AccessChanged::Yes(_)));
}

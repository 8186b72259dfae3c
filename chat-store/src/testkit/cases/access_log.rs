//! The log of who did what to whom.

use chat_core::{AccessAction, Role};

use crate::testkit::SessionBackend;
use crate::testkit::access_samples::{
    add, address, ban, ban_of, change, change_as, change_at_once, create, impose, invite, key, new,
    redeem, remove, role, set_role,
};
use crate::testkit::dropping::{POLLS, poll_at_most};
use crate::testkit::samples::{at, user};
use crate::{
    AccessChange, AccessChanged, AccessNumber, AccessRequest, NewAccessChange, RoomStore,
    RoomViewer, StoreError, Subject,
};

async fn whole_log(store: &dyn RoomStore) -> Vec<AccessChange> {
    let log = store.access_changes_after(AccessNumber::ZERO, 10_000).await.unwrap();
    let numbers: Vec<_> = log.iter().map(|change| change.number.as_u64()).collect();
    assert_eq!(numbers, (1..=log.len() as u64).collect::<Vec<_>>(), "dense, from 1");
    assert_eq!(store.access_tail().await.unwrap().as_u64(), log.len() as u64);
    log
}

/// Over all kinds of changes.
pub async fn every_change_has_an_entry_and_numbers_are_dense(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    assert_eq!(store.access_tail().await.unwrap(), AccessNumber::ZERO);
    let kick = AccessRequest::Kick { room: None, subject: Subject::User(user(2)) };
    let requests = [
        create("lobby", Some(1)),
        add("lobby", 2),
        set_role("lobby", 2, Role::Moderator),
        remove("lobby", 2),
        invite("lobby", 1, 1),
        redeem(1, 3),
        impose(ban(2, None), None),
        kick.clone(),
        AccessRequest::Rename { user: user(2) },
        AccessRequest::TakeNickname { user: user(2) },
        AccessRequest::ChangeRoom {
            room: key("lobby"),
            topic: None,
            visibility: Some(chat_core::Visibility::Deleted),
            posting: None,
        },
        AccessRequest::LiftSanction { key: ban(2, None) },
        kick,
    ];
    for (number, request) in (1..).zip(requests) {
        change_as(&*store, number, request.clone()).await;
        let log = whole_log(&*store).await;
        assert_eq!(log.last().unwrap().action, request.action());
        assert_eq!(log.len(), number as usize);
    }
}

/// The last one stays, so that no number is given twice.
pub async fn old_entries_are_swept_and_numbers_go_on(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let kick = AccessRequest::Kick { room: None, subject: Subject::User(user(2)) };
    let kick = |millis| NewAccessChange::new(kick.clone(), at(millis));
    for millis in 1..=1200 {
        store.change_access(&kick(millis)).await.unwrap();
    }
    for (before, swept, first) in
        [(1, 0, 1), (11, 10, 11), (5000, 1000, 1011), (5000, 189, 1200), (5000, 0, 1200)]
    {
        assert_eq!(store.sweep_access_log(at(before)).await.unwrap(), swept, "before {before}");
        let left = store.access_changes_after(AccessNumber::ZERO, 1).await.unwrap();
        assert_eq!(left[0].number.as_u64(), first);
        assert_eq!(store.access_tail().await.unwrap().as_u64(), 1200);
    }
    let next = store.change_access(&kick(9000)).await.unwrap();
    assert_eq!(next, AccessChanged::Yes(AccessNumber::new(1201)));
    assert_eq!(store.sweep_access_log(at(9000)).await.unwrap(), 1);
    let left = store.access_changes_before(None, None, 10).await.unwrap();
    assert_eq!(left.iter().map(|change| change.number.as_u64()).collect::<Vec<_>>(), [1201]);
}

/// Nor has what is refused.
pub async fn what_changes_nothing_has_no_entry(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    for request in [
        create("lobby", Some(2)),
        add("lobby", 1),
        add("nowhere", 1),
        remove("lobby", 1),
        remove("lobby", 2),
        redeem(1, 2),
        AccessRequest::LiftSanction { key: ban(2, None) },
    ] {
        let changed = change(&*store, request).await;
        assert!(!matches!(changed, AccessChanged::Yes(_)), "{changed:?}");
    }
    assert_eq!(whole_log(&*store).await.len(), 1);
}

/// Also of what the request does not name: the room of an invitation.
pub async fn entries_say_who_did_what_to_whom_and_why(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let make = async |request, now, by: Option<i64>, reason: Option<&str>| {
        let mut new = NewAccessChange::new(request, at(now));
        new.by = by.map(user);
        new.reason = reason.map(|reason| reason.parse().unwrap());
        assert!(matches!(store.change_access(&new).await.unwrap(), AccessChanged::Yes(_)));
    };
    make(create("The Lobby", Some(1)), 1, Some(1), None).await;
    make(invite("the lobby", 1, 1), 2, Some(1), Some("for Bob")).await;
    make(redeem(1, 2), 3, Some(2), None).await;
    make(set_role("the lobby", 2, Role::Moderator), 4, None, None).await;
    let range = ban_of(address("192.0.2.0/24"), Some("the lobby"));
    make(impose(range, Some(50)), 5, Some(2), Some("spam")).await;
    let entry = |number, action| AccessChange {
        number: AccessNumber::new(number),
        at: at(number.cast_signed()),
        by: None,
        action,
        room: Some(key("the lobby")),
        subject: None,
        role: None,
        until: None,
        reason: None,
    };
    let expected = [
        AccessChange {
            by: Some(user(1)),
            subject: Some(Subject::User(user(1))),
            role: Some(Role::Owner),
            ..entry(1, AccessAction::CreateRoom)
        },
        AccessChange {
            by: Some(user(1)),
            until: Some(at(1000)),
            reason: Some("for Bob".parse().unwrap()),
            ..entry(2, AccessAction::Invite)
        },
        AccessChange {
            by: Some(user(2)),
            subject: Some(Subject::User(user(2))),
            role: Some(Role::Member),
            ..entry(3, AccessAction::Redeem)
        },
        AccessChange {
            subject: Some(Subject::User(user(2))),
            role: Some(Role::Moderator),
            ..entry(4, AccessAction::SetRole)
        },
        AccessChange {
            by: Some(user(2)),
            subject: Some(address("192.0.2.0/24")),
            until: Some(at(50)),
            reason: Some("spam".parse().unwrap()),
            ..entry(5, AccessAction::Ban)
        },
    ];
    assert_eq!(whole_log(&*store).await, expected);
}

/// In order, either way.
pub async fn the_log_is_read_forwards_and_backwards(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for number in 1..=20 {
        change_as(&*store, number, create(&format!("room {number}"), None)).await;
    }
    let all = whole_log(&*store).await;
    let (mut after, mut forwards) = (AccessNumber::ZERO, Vec::new());
    loop {
        let page = store.access_changes_after(after, 7).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.number;
        forwards.extend(page);
    }
    assert_eq!(forwards, all);
    let (mut before, mut backwards) = (None, Vec::new());
    loop {
        let page = store.access_changes_before(before, None, 7).await.unwrap();
        let Some(first) = page.first() else { break };
        before = Some(first.number);
        backwards.splice(0..0, page);
    }
    assert_eq!(backwards, all);
    assert_eq!(store.access_changes_after(AccessNumber::new(99), 7).await.unwrap(), []);
}

/// Whatever the spelling of its name.
pub async fn the_log_of_a_room_has_its_changes_only(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    change_as(&*store, 2, create("staff", Some(1))).await;
    change_as(&*store, 3, add("lobby", 2)).await;
    change_as(&*store, 4, impose(ban(2, None), None)).await;
    change_as(&*store, 5, impose(ban(2, Some("lobby")), None)).await;
    for (before, limit, expected) in
        [(None, 9, &[1, 3, 5][..]), (Some(5), 1, &[3]), (None, 2, &[3, 5])]
    {
        let before = before.map(AccessNumber::new);
        let read = store.access_changes_before(before, Some(&key("LOBBY")), limit).await.unwrap();
        let numbers: Vec<_> = read.iter().map(|change| change.number.as_u64()).collect();
        assert_eq!(numbers, expected);
    }
}

/// Each is in the log where its answer says.
pub async fn changes_at_once_get_numbers_of_their_own(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", None)).await;
    let requests = (1..=30).map(|number| add("lobby", number)).collect();
    let changes = change_at_once(std::slice::from_ref(&store), requests).await;
    let mut numbers: Vec<_> = changes
        .iter()
        .map(|change| match change {
            AccessChanged::Yes(number) => number.as_u64(),
            other => panic!("{other:?}"),
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=31).collect::<Vec<_>>());
    assert_eq!(whole_log(&*store).await.len(), 31);
    assert_eq!(store.find_room(&key("lobby")).await.unwrap().unwrap().members, 30);
}

/// With its entry, and the numbers of members.
pub async fn a_change_that_is_dropped_has_happened_as_a_whole_or_not_at_all(
    backend: &dyn SessionBackend,
) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    for polls in 0..4 * POLLS {
        let number = 100 + polls as i64;
        let new = new(add("lobby", number));
        poll_at_most(polls / 4, store.change_access(&new)).await;
        // Whatever it was, the next call finds the store usable.
        change(&*store, add("lobby", number)).await;
        assert_eq!(role(&*store, "lobby", number).await, Some(Role::Member));
    }
    let log = whole_log(&*store).await;
    assert_eq!(log.len(), 1 + 4 * POLLS, "one entry for each");
    let room = store.find_room(&key("lobby")).await.unwrap().unwrap();
    assert_eq!(room.members as usize, 1 + 4 * POLLS);
}

/// Each call.
pub async fn a_closed_store_says_so_of_rooms(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    store.close().await;
    let room = key("lobby");
    let closed = |error| matches!(error, StoreError::Closed);
    assert!(closed(store.change_access(&new(add("lobby", 2))).await.unwrap_err()));
    assert!(closed(store.sweep_access(at(0)).await.unwrap_err()));
    assert!(closed(store.sweep_access_log(at(0)).await.unwrap_err()));
    assert!(closed(store.find_access(&room, None).await.unwrap_err()));
    assert!(closed(store.list_rooms(RoomViewer::Anyone, None, 9).await.unwrap_err()));
    assert!(closed(store.list_members(&room, None, 9).await.unwrap_err()));
    assert!(closed(store.list_invitations(&room, at(0), 9).await.unwrap_err()));
    assert!(closed(store.sanctions_of(None, &["a"], at(0)).await.unwrap_err()));
    assert!(closed(store.list_sanctions(None, at(0), None, 9).await.unwrap_err()));
    assert!(closed(store.access_tail().await.unwrap_err()));
    assert!(closed(store.access_changes_after(AccessNumber::ZERO, 9).await.unwrap_err()));
    assert!(closed(store.access_changes_before(None, None, 9).await.unwrap_err()));
}

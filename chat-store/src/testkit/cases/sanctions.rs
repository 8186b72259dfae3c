//! Bans and mutes.

use chat_core::{RoomKey, SanctionKind, UserId};

use crate::testkit::SessionBackend;
use crate::testkit::access_samples::{address, ban, ban_of, change, change_as, impose, key, new};
use crate::testkit::samples::{at, user};
use crate::{
    AccessChanged, AccessLimit, AccessLimits, AccessRequest, NewAccessChange, Refused, Sanction,
    SanctionKey, Store, Subject,
};

/// The keys of what is in force against a user.
async fn against(store: &dyn Store, number: i64, now: i64) -> Vec<SanctionKey> {
    let found = store.sanctions_of(Some(user(number)), &[], at(now)).await.unwrap();
    let mut keys: Vec<_> = found.into_iter().map(|one| one.key).collect();
    keys.sort();
    keys
}

/// Not at that moment any more. One without an end holds until it is lifted.
pub async fn a_sanction_holds_until_it_ends(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let request = impose(ban(1, None), Some(100));
    let reason = "flooding".parse().unwrap();
    let change = NewAccessChange::new(request, at(5)).with_by(user(9)).with_reason(reason);
    store.change_access(&change).await.unwrap();
    let expected = Sanction {
        key: ban(1, None),
        until: Some(at(100)),
        by: Some(user(9)),
        at: at(5),
        reason: Some("flooding".parse().unwrap()),
    };
    let found = store.sanctions_of(Some(user(1)), &[], at(99)).await.unwrap();
    assert_eq!(found, [expected]);
    assert_eq!(against(&*store, 1, 100).await, []);
    change_as(&*store, 2, impose(ban(2, None), None)).await;
    assert_eq!(against(&*store, 2, i64::MAX).await, [ban(2, None)]);
    let over = NewAccessChange::new(impose(ban(3, None), Some(7)), at(7));
    assert_eq!(store.change_access(&over).await.unwrap(), AccessChanged::Unchanged);
}

/// A ban and a mute, here and everywhere, are four.
pub async fn a_sanction_is_replaced_and_lifted(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let mute = |room: Option<RoomKey>| SanctionKey {
        room,
        kind: SanctionKind::Mute,
        subject: Subject::User(user(1)),
    };
    let keys = [ban(1, None), mute(None), ban(1, Some("Lobby")), mute(Some(key("lobby")))];
    for (number, key) in (1..).zip(&keys) {
        change_as(&*store, number, impose(key.clone(), Some(100))).await;
        let again = change(&*store, impose(key.clone(), Some(100))).await;
        assert_eq!(again, AccessChanged::Unchanged);
    }
    assert_eq!(against(&*store, 1, 50).await, keys);
    change_as(&*store, 5, impose(ban(1, None), Some(200))).await;
    assert_eq!(against(&*store, 1, 150).await, [ban(1, None)]);
    let lift = |key| AccessRequest::LiftSanction { key };
    change_as(&*store, 6, lift(ban(1, None))).await;
    assert_eq!(change(&*store, lift(ban(1, None))).await, AccessChanged::Unchanged);
    assert_eq!(against(&*store, 1, 50).await, keys[1..]);
    // What has ended is not lifted, and can be imposed anew.
    let late = NewAccessChange::new(lift(mute(None)), at(100));
    assert_eq!(store.change_access(&late).await.unwrap(), AccessChanged::Unchanged);
    let anew = NewAccessChange::new(impose(mute(None), Some(300)), at(100));
    assert!(matches!(store.change_access(&anew).await.unwrap(), AccessChanged::Yes(_)));
    assert_eq!(against(&*store, 1, 250).await, [mute(None)]);
}

/// Those of others are not.
pub async fn sanctions_of_a_user_and_of_addresses_are_found(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let range = ban_of(address("192.0.2.0/24"), None);
    let one = ban_of(address("2001:db8::1"), Some("lobby"));
    for (number, key) in (1..).zip([ban(1, None), ban(2, None), range.clone(), one.clone()]) {
        change_as(&*store, number, impose(key, None)).await;
    }
    let found = async |user: Option<UserId>, addresses: &[&str]| -> Vec<_> {
        let found = store.sanctions_of(user, addresses, at(0)).await.unwrap();
        let mut keys: Vec<_> = found.into_iter().map(|one| one.key).collect();
        keys.sort();
        keys
    };
    let all = ["192.0.2.7", "192.0.2.0/24", "2001:db8::1"];
    assert_eq!(found(Some(user(1)), &all).await, [range.clone(), ban(1, None), one.clone()]);
    assert_eq!(found(None, &all[..2]).await, [range]);
    assert_eq!(found(Some(user(2)), &[]).await, [ban(2, None)]);
    assert_eq!(found(Some(user(3)), &["192.0.2.7", "user:1"]).await, []);
    assert_eq!(found(None, &[]).await, []);
}

/// Those that hold everywhere are listed apart.
pub async fn sanctions_are_listed_by_room_page_by_page(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for number in 0..20 {
        let room = [None, Some("lobby"), Some("staff")][number as usize % 3];
        change(&*store, impose(ban(number, room), Some(if number < 3 { 10 } else { 100 }))).await;
        change(&*store, impose(ban_of(address(&format!("10.0.0.{number}")), room), None)).await;
    }
    for (room, count) in [(None, 13), (Some("lobby"), 13), (Some("staff"), 11)] {
        let room = room.map(key);
        let list = async |after: Option<&SanctionKey>, limit| {
            store.list_sanctions(room.as_ref(), at(10), after, limit).await.unwrap()
        };
        let all = list(None, 100).await;
        assert_eq!(all.len(), count);
        assert!(all.iter().all(|one| one.key.room == room && one.is_in_force(at(10))));
        for limit in [1, 4] {
            let mut listed: Vec<Sanction> = Vec::new();
            loop {
                let page = list(listed.last().map(|one| &one.key), limit).await;
                if page.is_empty() {
                    break;
                }
                listed.extend(page);
            }
            assert_eq!(listed, all, "pages of {limit}");
        }
    }
}

/// In a room, and everywhere. Those that have ended do not count, and one can always be replaced.
pub async fn there_are_no_more_sanctions_than_the_limit(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let ban_at = async |number, room, now| {
        let limits = AccessLimits { sanctions: 2, ..AccessLimits::default() };
        let change = new(impose(ban(number, room), Some(now + 10))).with_limits(limits);
        store.change_access(&NewAccessChange { at: at(now), ..change }).await.unwrap()
    };
    for room in [None, Some("lobby")] {
        for (number, now) in [(1, 0), (2, 5), (2, 6)] {
            assert!(matches!(ban_at(number, room, now).await, AccessChanged::Yes(_)));
        }
        let refused = AccessChanged::No(Refused::TooMany(AccessLimit::Sanctions));
        assert_eq!(ban_at(3, room, 9).await, refused);
        assert!(matches!(ban_at(3, room, 10).await, AccessChanged::Yes(_)));
    }
}

/// Some at a time, until none is left.
pub async fn sanctions_that_have_ended_are_swept(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for number in 0..120 {
        change(&*store, impose(ban(number, None), Some(10 + number % 2))).await;
    }
    change(&*store, impose(ban(500, None), None)).await;
    let tail = store.access_tail().await.unwrap();
    assert_eq!(store.sweep_access(at(9)).await.unwrap(), 0);
    assert_eq!(store.sweep_access(at(10)).await.unwrap(), 60);
    assert_eq!(against(&*store, 1, 10).await, [ban(1, None)]);
    let mut swept = 0;
    loop {
        match store.sweep_access(at(1000)).await.unwrap() {
            0 => break,
            more => swept += more,
        }
    }
    assert_eq!(swept, 60);
    assert_eq!(against(&*store, 500, 1000).await, [ban(500, None)]);
    assert_eq!(store.access_tail().await.unwrap(), tail, "the log has nothing of it");
}

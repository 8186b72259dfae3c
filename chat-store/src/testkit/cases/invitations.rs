//! Invitations to rooms.

use chat_core::Role;

use crate::testkit::SessionBackend;
use crate::testkit::access_samples::{
    add, change, change_as, change_at_once, code, create, invite, key, made, new, redeem, remove,
    role,
};
use crate::testkit::samples::{at, user};
use crate::{
    AccessChanged, AccessLimit, AccessLimits, AccessRequest, Invitation, NewAccessChange, Refused,
};

/// Then it is used up.
pub async fn an_invitation_makes_members_as_often_as_it_is_for(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    assert_eq!(change(&*store, invite("lobby", 1, 2)).await, AccessChanged::No(Refused::NoRoom));
    change_as(&*store, 1, create("lobby", Some(1))).await;
    change_as(&*store, 2, invite("lobby", 1, 2)).await;
    assert_eq!(change(&*store, invite("lobby", 1, 2)).await, AccessChanged::Unchanged, "a retry");
    let none = change(&*store, invite("lobby", 2, 0)).await;
    assert_eq!(none, AccessChanged::No(Refused::InvitationUsedUp));
    change_as(&*store, 3, redeem(1, 2)).await;
    change_as(&*store, 4, redeem(1, 3)).await;
    assert_eq!(role(&*store, "lobby", 3).await, Some(Role::Member));
    let used_up = change(&*store, redeem(1, 4)).await;
    assert_eq!(used_up, AccessChanged::No(Refused::InvitationUsedUp));
    let unknown = change(&*store, redeem(7, 4)).await;
    assert_eq!(unknown, AccessChanged::No(Refused::InvitationUnknown));
    assert_eq!(store.find_room(&key("lobby")).await.unwrap().unwrap().members, 3);
}

/// A retry uses nothing. Who has left, or was removed, does not come back by it; a member does not use it.
pub async fn a_user_redeems_an_invitation_once(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    change_as(&*store, 2, invite("lobby", 1, 2)).await;
    change_as(&*store, 3, redeem(1, 2)).await;
    for member in [2, 1] {
        assert_eq!(change(&*store, redeem(1, member)).await, AccessChanged::Unchanged);
    }
    let left = store.find_invitation(code(1)).await.unwrap().unwrap().uses_left;
    assert_eq!(left, 1);
    change_as(&*store, 4, remove("lobby", 2)).await;
    let again = change(&*store, redeem(1, 2)).await;
    assert_eq!(again, AccessChanged::No(Refused::InvitationRedeemed));
    change_as(&*store, 5, redeem(1, 3)).await;
    assert_eq!(change(&*store, redeem(1, 3)).await, AccessChanged::Unchanged, "a retry");
}

/// Several times by each.
pub async fn an_invitation_is_redeemed_by_no_more_users_at_once_than_it_is_for(
    backend: &dyn SessionBackend,
) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", None)).await;
    for round in 0..5 {
        let number = u8::try_from(round).unwrap();
        change(&*store, invite("lobby", number, 3)).await;
        let users = (0..10).map(|user| redeem(number, 100 * round + user / 2)).collect();
        let changes = change_at_once(std::slice::from_ref(&store), users).await;
        assert_eq!(made(&changes), 3, "{changes:?}");
        assert_eq!(store.find_invitation(code(number)).await.unwrap().unwrap().uses_left, 0);
    }
    assert_eq!(store.find_room(&key("lobby")).await.unwrap().unwrap().members, 15);
}

/// From the moment on at which it expires. A retry of what had been redeemed in time is none.
pub async fn an_invitation_that_has_expired_or_was_revoked_is_refused(
    backend: &dyn SessionBackend,
) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    change_as(&*store, 2, invite("lobby", 1, 9)).await;
    let redeem_at = async |user, now| {
        store.change_access(&NewAccessChange::new(redeem(1, user), at(now))).await.unwrap()
    };
    assert!(matches!(redeem_at(2, 999).await, AccessChanged::Yes(_)));
    assert_eq!(redeem_at(3, 1000).await, AccessChanged::No(Refused::InvitationExpired));
    assert_eq!(redeem_at(2, 1001).await, AccessChanged::Unchanged);
    let late = NewAccessChange::new(invite("lobby", 2, 1), at(1000));
    let late = store.change_access(&late).await.unwrap();
    assert_eq!(late, AccessChanged::No(Refused::InvitationExpired));

    let revoke = |name| AccessRequest::RevokeInvitation { room: key(name), code: code(1) };
    assert_eq!(change(&*store, revoke("staff")).await, AccessChanged::Unchanged, "another's");
    change_as(&*store, 4, revoke("lobby")).await;
    assert_eq!(change(&*store, revoke("lobby")).await, AccessChanged::Unchanged);
    assert_eq!(redeem_at(4, 5).await, AccessChanged::No(Refused::InvitationUnknown));
    assert_eq!(role(&*store, "lobby", 2).await, Some(Role::Member), "members stay");
}

/// Those of one room; the one that expires first is the first.
pub async fn an_invitation_is_found_and_listed_until_it_expires(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    change_as(&*store, 2, create("staff", Some(1))).await;
    let until = |room, number, end| {
        let (room, code) = (key(room), code(number));
        AccessRequest::Invite { room, code, expires_at: at(end), uses: 1 }
    };
    for request in [until("lobby", 1, 30), until("lobby", 2, 20), until("staff", 3, 20)] {
        let new = NewAccessChange::new(request, at(7)).with_by(user(1));
        store.change_access(&new).await.unwrap();
    }
    let expected = |number, end| Invitation {
        code: code(number),
        room: key("lobby"),
        expires_at: at(end),
        uses_left: 1,
        created_by: Some(user(1)),
        created_at: at(7),
    };
    assert_eq!(store.find_invitation(code(1)).await.unwrap(), Some(expected(1, 30)));
    assert_eq!(store.find_invitation(code(9)).await.unwrap(), None);
    for (now, limit, numbers) in [(0, 9, &[2, 1][..]), (0, 1, &[2]), (20, 9, &[1]), (30, 9, &[])] {
        let listed = store.list_invitations(&key("lobby"), at(now), limit).await.unwrap();
        let listed: Vec<_> = listed.into_iter().map(|one| one.code).collect();
        assert_eq!(listed, numbers.iter().copied().map(code).collect::<Vec<_>>());
    }
    let taken = change(&*store, until("staff", 1, 30)).await;
    assert_eq!(taken, AccessChanged::No(Refused::InvitationExists));
}

/// Of one room, and for one invitation. Those that have expired do not count.
pub async fn there_are_no_more_invitations_than_the_limit(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    change_as(&*store, 2, create("staff", Some(1))).await;
    let limits = AccessLimits { invitations: 2, uses: 5, ..AccessLimits::default() };
    let issue = async |name, number, uses, now| {
        let request = AccessRequest::Invite {
            room: key(name),
            code: code(number),
            expires_at: at(now + 10),
            uses,
        };
        let new = NewAccessChange::new(request, at(now)).with_limits(limits);
        store.change_access(&new).await.unwrap()
    };
    let too_many = |limit| AccessChanged::No(Refused::TooMany(limit));
    assert_eq!(issue("lobby", 1, 6, 0).await, too_many(AccessLimit::Uses));
    for (name, number, now) in [("lobby", 1, 0), ("lobby", 2, 5), ("staff", 3, 5)] {
        assert!(matches!(issue(name, number, 5, now).await, AccessChanged::Yes(_)));
    }
    assert_eq!(issue("lobby", 4, 5, 9).await, too_many(AccessLimit::Invitations));
    assert!(matches!(issue("lobby", 4, 5, 10).await, AccessChanged::Yes(_)));
}

/// With it, who has redeemed it is forgotten. Members stay.
pub async fn invitations_that_have_expired_are_swept(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    for (number, end) in [(1, 10), (2, 20), (3, 30)] {
        let (room, code) = (key("lobby"), code(number));
        let request = AccessRequest::Invite { room, code, expires_at: at(end), uses: 2 };
        change(&*store, request).await;
        change(&*store, redeem(number, 10 + i64::from(number))).await;
    }
    let tail = store.access_tail().await.unwrap();
    assert_eq!(store.sweep_access(at(9)).await.unwrap(), 0);
    assert_eq!(store.sweep_access(at(20)).await.unwrap(), 2);
    assert_eq!(store.sweep_access(at(20)).await.unwrap(), 0);
    for (number, is_there) in [(1, false), (2, false), (3, true)] {
        let found = store.find_invitation(code(number)).await.unwrap();
        assert_eq!(found.is_some(), is_there, "{number}");
    }
    assert_eq!(store.access_tail().await.unwrap(), tail, "the log has nothing of it");
    assert_eq!(role(&*store, "lobby", 11).await, Some(Role::Member));
    // The same code is another invitation now, for who had redeemed the first one too.
    change(&*store, remove("lobby", 11)).await;
    change(&*store, invite("lobby", 1, 1)).await;
    assert!(matches!(change(&*store, redeem(1, 11)).await, AccessChanged::Yes(_)));
    assert_eq!(change(&*store, add("lobby", 11)).await, AccessChanged::Unchanged);
    let unlimited = new(redeem(3, 20));
    assert!(matches!(store.change_access(&unlimited).await.unwrap(), AccessChanged::Yes(_)));
}

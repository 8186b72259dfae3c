//! Rooms outlive a store that is closed.

use chat_core::Role;

use crate::testkit::SessionBackend;
use crate::testkit::access_samples::{
    add, ban, change, change_as, code, create, impose, invite, key, new, redeem, role,
};
use crate::testkit::samples::{at, user};
use crate::{AccessChanged, AccessNumber, Refused};

/// With members, invitations and who has redeemed them, sanctions, and the log of it all.
pub async fn rooms_and_their_log_are_kept_over_any_number_of_restarts(
    backend: &dyn SessionBackend,
) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("The Lobby", Some(1))).await;
    change_as(&*store, 2, invite("the lobby", 1, 9)).await;
    change_as(&*store, 3, redeem(1, 2)).await;
    change_as(&*store, 4, impose(ban(3, None), None)).await;
    let room = store.find_room(&key("the lobby")).await.unwrap();
    let log = store.access_changes_after(AccessNumber::ZERO, 9).await.unwrap();
    store.close().await;
    for start in 0..3 {
        let store = backend.open_store().await;
        assert_eq!(store.find_room(&key("THE LOBBY")).await.unwrap(), room);
        assert_eq!(role(&*store, "the lobby", 2).await, Some(Role::Member));
        let again = store.change_access(&new(redeem(1, 2))).await;
        assert_eq!(again.unwrap(), AccessChanged::Unchanged);
        assert_eq!(store.find_invitation(code(1)).await.unwrap().unwrap().uses_left, 8);
        assert_eq!(store.sanctions_of(Some(user(3)), &[], at(0)).await.unwrap().len(), 1);
        let read = store.access_changes_after(AccessNumber::ZERO, 9).await.unwrap();
        assert_eq!(read[..4], log);
        change_as(&*store, 5 + start, create(&format!("room {start}"), None)).await;
        let exists = change(&*store, create("the lobby", None)).await;
        assert!(matches!(exists, AccessChanged::No(Refused::RoomExists(_))));
        store.close().await;
    }
    let store = backend.open_store().await;
    change_as(&*store, 8, add("the lobby", 9)).await;
    store.close().await;
}

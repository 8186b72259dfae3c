//! Rooms that are kept.

use chat_core::{Posting, Reason, Role, RoomId, Topic, Visibility};

use crate::testkit::SessionBackend;
use crate::testkit::access_samples::{
    add, change, change_as, change_at_once, create, create_with, invite, key, made, new, redeem,
    remove, role,
};
use crate::testkit::samples::{at, room, user};
use crate::{
    AccessChanged, AccessLimit, AccessLimits, AccessRequest, NewAccessChange, Refused, RoomAccess,
    RoomRecord, RoomViewer,
};

/// Under any name with the same key, with its owner.
pub async fn a_room_comes_back_as_it_was_created(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    assert_eq!(store.find_room(&key("Lobby")).await.unwrap(), None);
    let request = AccessRequest::CreateRoom {
        room: room("The Lobby"),
        topic: "all are welcome".parse().unwrap(),
        visibility: Visibility::Private,
        posting: Posting::Moderators,
        owner: Some(user(7)),
    };
    let new = NewAccessChange::new(request, at(5)).with_by(user(8));
    assert!(matches!(store.change_access(&new).await.unwrap(), AccessChanged::Yes(_)));
    let expected = RoomRecord {
        id: room("The Lobby"),
        topic: "all are welcome".parse().unwrap(),
        visibility: Visibility::Private,
        posting: Posting::Moderators,
        created_by: Some(user(8)),
        created_at: at(5),
        owners: 1,
        members: 1,
    };
    assert_eq!(store.find_room(&key("the  LOBBY")).await.unwrap(), Some(expected.clone()));
    for (number, role) in [(Some(7), Some(Role::Owner)), (Some(8), None), (None, None)] {
        let found = store.find_access(&key("The Lobby"), number.map(user)).await.unwrap();
        assert_eq!(found, Some(RoomAccess { room: expected.clone(), role }));
    }
}

/// The refusal has the room that is there.
pub async fn a_room_exists_once_whatever_its_case_width_and_spaces(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("The Lobby", Some(1))).await;
    let there = store.find_room(&key("The Lobby")).await.unwrap().unwrap();
    for name in ["The Lobby", "the lobby", "ＴＨＥ lobby", "The   Lobby"] {
        let refused = change(&*store, create(name, Some(2))).await;
        assert_eq!(refused, AccessChanged::No(Refused::RoomExists(there.clone())), "{name}");
    }
    change_as(&*store, 2, create("The Lobbies", None)).await;
    let alone = store.find_room(&key("The Lobbies")).await.unwrap().unwrap();
    assert_eq!((alone.owners, alone.members), (0, 0));
}

/// Its owner is a member of the room that it made, and nobody else.
pub async fn of_creations_at_once_one_makes_the_room(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for round in 0..10 {
        let name = format!("room {round}");
        let requests = (0..8).map(|number| create(&name, Some(number))).collect();
        let changes = change_at_once(std::slice::from_ref(&store), requests).await;
        assert_eq!(made(&changes), 1, "{changes:?}");
        assert_eq!(store.list_members(&key(&name), None, 9).await.unwrap().len(), 1);
    }
}

/// Each of the three by itself, and all at once.
pub async fn what_is_changed_of_a_room_is_changed_and_the_rest_stays(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create("lobby", Some(1))).await;
    let mut expected = store.find_room(&key("lobby")).await.unwrap().unwrap();
    let topic: Topic = "news".parse().unwrap();
    for (number, topic, visibility, posting) in [
        (2, Some(topic), None, None),
        (3, None, Some(Visibility::Private), None),
        (4, None, None, Some(Posting::Members)),
        (5, Some(Topic::default()), Some(Visibility::Public), Some(Posting::Everyone)),
    ] {
        expected.topic = topic.clone().unwrap_or(expected.topic);
        expected.visibility = visibility.unwrap_or(expected.visibility);
        expected.posting = posting.unwrap_or(expected.posting);
        let request = AccessRequest::ChangeRoom { room: key("lobby"), topic, visibility, posting };
        change_as(&*store, number, request.clone()).await;
        assert_eq!(store.find_room(&key("lobby")).await.unwrap().as_ref(), Some(&expected));
        assert_eq!(change(&*store, request).await, AccessChanged::Unchanged);
    }
}

/// Nor can it have members, though messages may be sent to it.
pub async fn a_room_that_is_not_kept_cannot_be_changed(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let (topic, visibility, posting) = (None, Some(Visibility::Private), None);
    let request = AccessRequest::ChangeRoom { room: key("lobby"), topic, visibility, posting };
    for request in [request, add("lobby", 1)] {
        assert_eq!(change(&*store, request).await, AccessChanged::No(Refused::NoRoom));
    }
    assert_eq!(store.list_members(&key("lobby"), None, 9).await.unwrap(), []);
}

/// Each once, however small the pages.
pub async fn rooms_are_listed_in_order_page_by_page(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for number in 0..25 {
        let visibility = if number % 3 == 0 { Visibility::Private } else { Visibility::Public };
        let name = format!("Room {}", (number * 7) % 25);
        change_as(&*store, number + 1, create_with(&name, visibility, Some(1))).await;
    }
    let all = store.list_rooms(RoomViewer::User(user(1)), None, 100).await.unwrap();
    assert_eq!(all.len(), 25);
    assert!(all.is_sorted_by(|a, b| a.room.id.key() < b.room.id.key()));
    assert!(all.iter().all(|one| one.role == Some(Role::Owner)));
    for limit in [1, 2, 7, 25] {
        let mut listed: Vec<RoomAccess> = Vec::new();
        loop {
            let after = listed.last().map(|one| one.room.id.key());
            let page =
                store.list_rooms(RoomViewer::User(user(1)), after.as_ref(), limit).await.unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= limit);
            listed.extend(page);
        }
        assert_eq!(listed, all, "pages of {limit}");
    }
    assert_eq!(store.list_rooms(RoomViewer::User(user(1)), None, 0).await.unwrap(), []);
}

/// Until they leave.
pub async fn a_private_room_is_listed_for_its_members_only(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create_with("staff", Visibility::Private, Some(1))).await;
    change_as(&*store, 2, create_with("board", Visibility::Private, Some(2))).await;
    change_as(&*store, 3, create("lobby", Some(1))).await;
    change_as(&*store, 4, add("lobby", 3)).await;
    let listed = async |number: Option<i64>| -> Vec<_> {
        let rooms = store.list_rooms(number.map(user).into(), None, 9).await.unwrap();
        rooms.into_iter().map(|one| (String::from(one.room.id), one.role)).collect()
    };
    let (lobby, staff, board) = ("lobby".to_owned(), "staff".to_owned(), "board".to_owned());
    let (owner, member) = (Some(Role::Owner), Some(Role::Member));
    assert_eq!(listed(Some(1)).await, [(lobby.clone(), owner), (staff.clone(), owner)]);
    assert_eq!(listed(Some(2)).await, [(board.clone(), owner), (lobby.clone(), None)]);
    assert_eq!(listed(Some(3)).await, [(lobby.clone(), member)]);
    assert_eq!(listed(None).await, [(lobby.clone(), None)]);
    change_as(&*store, 5, add("staff", 3)).await;
    assert_eq!(listed(Some(3)).await, [(lobby.clone(), member), (staff, member)]);
    let remove = AccessRequest::RemoveMember { room: key("staff"), user: user(3) };
    change_as(&*store, 6, remove).await;
    assert_eq!(listed(Some(3)).await, [(lobby, member)]);
}

/// With the private ones.
pub async fn all_rooms_are_listed_for_operators(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    change_as(&*store, 1, create_with("staff", Visibility::Private, Some(1))).await;
    change_as(&*store, 2, create_with("gone", Visibility::Deleted, Some(1))).await;
    change_as(&*store, 3, create("lobby", Some(1))).await;
    let listed = async |after: Option<&str>, limit| -> Vec<_> {
        let after = after.map(key);
        let rooms = store.list_rooms(RoomViewer::Operator, after.as_ref(), limit).await.unwrap();
        rooms.into_iter().map(|one| (String::from(one.room.id), one.role)).collect()
    };
    let (lobby, staff) = (("lobby".to_owned(), None), ("staff".to_owned(), None));
    assert_eq!(listed(None, 9).await, [lobby.clone(), staff.clone()]);
    assert_eq!(listed(None, 1).await, [lobby]);
    assert_eq!(listed(Some("lobby"), 9).await, [staff]);
    assert_eq!(listed(Some("staff"), 9).await, []);
}

/// Its name stays taken, and its members have their roles again when it is brought back.
pub async fn a_deleted_room_is_listed_for_nobody(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let visibility = |name, visibility| AccessRequest::ChangeRoom {
        room: key(name),
        topic: None,
        visibility: Some(visibility),
        posting: None,
    };
    for (number, name) in [(1, "lobby"), (4, "staff")] {
        change_as(&*store, number, create_with(name, Visibility::Private, Some(1))).await;
        change_as(&*store, number + 1, add(name, 2)).await;
        change_as(&*store, number + 2, invite(name, number as u8, 9)).await;
    }
    let delete = visibility("lobby", Visibility::Deleted);
    change_as(&*store, 7, delete.clone()).await;
    assert_eq!(change(&*store, delete).await, AccessChanged::Unchanged);
    let listed = async |number| -> Vec<_> {
        let rooms = store.list_rooms(RoomViewer::User(user(number)), None, 9).await.unwrap();
        rooms.into_iter().map(|one| String::from(one.room.id)).collect()
    };
    for number in 1..3 {
        assert_eq!(listed(number).await, ["staff"]);
    }
    let there = store.find_room(&key("lobby")).await.unwrap().unwrap();
    let refused = AccessChanged::No(Refused::RoomExists(there));
    assert_eq!(change(&*store, create("LOBBY", Some(3))).await, refused);
    for request in [add("lobby", 3), redeem(1, 3), invite("lobby", 9, 1)] {
        assert_eq!(change(&*store, request).await, AccessChanged::No(Refused::NoRoom));
    }
    change_as(&*store, 8, remove("lobby", 2)).await;
    change_as(&*store, 9, visibility("lobby", Visibility::Public)).await;
    assert_eq!(listed(3).await, ["lobby"]);
    assert_eq!(role(&*store, "lobby", 1).await, Some(Role::Owner));
    assert_eq!(role(&*store, "lobby", 2).await, None);
    change_as(&*store, 10, redeem(1, 3)).await;
}

/// What is there already stays.
pub async fn there_are_no_more_rooms_than_the_limit(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let limits = |rooms| AccessLimits { rooms, ..AccessLimits::default() };
    for number in 0..4 {
        let change = new(create(&format!("room {number}"), None)).with_limits(limits(3));
        let changed = store.change_access(&change).await.unwrap();
        let refused = AccessChanged::No(Refused::TooMany(AccessLimit::Rooms));
        assert_eq!(changed == refused, number == 3, "{changed:?}");
    }
    let more = new(create("room 3", None)).with_limits(limits(4));
    assert!(matches!(store.change_access(&more).await.unwrap(), AccessChanged::Yes(_)));
}

/// Also the longest, and one that becomes eleven times as long for comparing.
pub async fn any_name_topic_and_reason_comes_back_as_it_was(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let names = ["'; DROP TABLE chat_rooms", "emoji ❤️", "Ünïcode", "\\", "%_", "ﷺ"];
    let mut names: Vec<_> = names.map(str::to_owned).into();
    names.push("\u{fdfa}".repeat(85));
    names.push("Ж".repeat(128));
    let longest = "ж".repeat(256);
    for name in names {
        let name: RoomId = name.parse().unwrap();
        let topic: Topic = longest.parse().unwrap();
        let reason: Reason = format!("{}…", &longest[..500]).parse().unwrap();
        let request = AccessRequest::CreateRoom {
            room: name.clone(),
            topic: topic.clone(),
            visibility: Visibility::Public,
            posting: Posting::Everyone,
            owner: None,
        };
        let change = new(request).with_reason(reason.clone());
        assert!(matches!(store.change_access(&change).await.unwrap(), AccessChanged::Yes(_)));
        let found = store.find_room(&name.key()).await.unwrap().unwrap();
        assert_eq!((&found.id, &found.topic), (&name, &topic));
        let log = store.access_changes_before(None, Some(&name.key()), 1).await.unwrap();
        assert_eq!(log[0].reason, Some(reason));
    }
}

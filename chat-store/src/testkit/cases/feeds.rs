//! Parts of the log, read on their own.

use chat_core::{Feed, NewMessage, RoomId};

use crate::testkit::Backend;
use crate::testkit::samples::{
    assert_dense, contents, in_room, message, offset, private, read_all, read_feeds, room, user,
};

/// Messages of three rooms and of four users to each other, mixed.
pub(super) fn mixed() -> Vec<NewMessage> {
    (0..120)
        .map(|number: i64| {
            let content = number.to_string();
            let (from, to) = (number % 4, (number / 4) % 4);
            match number % 5 {
                0 | 3 if from != to => private(from, to, &content),
                _ => in_room(["a", "b", "general"][usize::from(number % 7 > 2)], &content),
            }
        })
        .collect()
}

/// Every kind of feed, alone, with others, and with those that share messages with it.
pub(super) fn several_feeds() -> Vec<Vec<Feed>> {
    let [ada, bob, cy, nobody] = [0, 1, 2, 99].map(user);
    let [a, b] = ["a", "b"].map(|name| Feed::Room(room(name)));
    let between = Feed::Between(ada, bob);
    vec![
        vec![a.clone()],
        vec![Feed::User(ada)],
        vec![Feed::User(nobody), Feed::Between(ada, nobody)],
        vec![between.clone()],
        vec![Feed::Between(bob, ada), between.clone()],
        vec![Feed::User(ada), Feed::User(bob)],
        vec![Feed::User(ada), between.clone(), Feed::Between(ada, cy)],
        vec![a.clone(), Feed::User(bob), b.clone()],
        vec![Feed::Room(RoomId::general()), between, a, Feed::User(cy), b, Feed::User(cy)],
    ]
}

/// As [`Feed::contains`] says it, in the log's order, each message once.
pub async fn rooms_and_users_are_read_in_one_order(backend: &dyn Backend) {
    let store = backend.open().await;
    let batch = mixed();
    store.append(&batch).await.unwrap();
    assert_dense(&read_all(&*store).await);
    for feeds in several_feeds() {
        let contained = |new: &&NewMessage| feeds.iter().any(|feed| feed.contains(&new.audience));
        let expected: Vec<_> = batch.iter().filter(contained).collect();
        let expected: Vec<_> = expected.iter().map(|new| new.content.as_str()).collect();
        assert_eq!(contents(&read_feeds(&*store, Some(&feeds)).await), expected, "{feeds:?}");

        let page = store.read_after(Some(&feeds), offset(40), 3).await.unwrap();
        let rest: Vec<_> = expected.into_iter().filter(|one| above(one, 40)).collect();
        let first = &rest[..rest.len().min(3)];
        assert_eq!(contents(&page.messages), first, "{feeds:?}");
        assert_eq!(page.more, rest.len() > 3, "{feeds:?}");
    }
}

fn above(content: &str, number: usize) -> bool {
    content.parse::<usize>().unwrap() >= number
}

/// Nobody else's feed has it, and no room's.
pub async fn a_private_message_is_in_the_feeds_of_its_two_users_only(backend: &dyn Backend) {
    let store = backend.open().await;
    store.append(&[message("to all"), private(1, 2, "secret")]).await.unwrap();
    let [one, two, three] = [1, 2, 3].map(user);
    for feed in [Feed::User(one), Feed::User(two), Feed::Between(two, one)] {
        assert_eq!(contents(&read_feeds(&*store, Some(&[feed])).await), ["secret"]);
    }
    let others = [
        Feed::User(three),
        Feed::Between(one, three),
        Feed::Between(three, two),
        Feed::Between(one, one),
        // What stands in the place of a room in some stores.
        Feed::Room(RoomId::from_stored("")),
        Feed::Room(RoomId::from_stored("user 2")),
        Feed::Room(RoomId::general()),
    ];
    for feed in others.clone() {
        for message in read_feeds(&*store, Some(std::slice::from_ref(&feed))).await {
            assert_eq!(message.content.as_str(), "to all", "{feed:?}");
        }
        for message in store.read_before(&feed, None, 10).await.unwrap().messages {
            assert_eq!(message.content.as_str(), "to all", "{feed:?}");
        }
    }
    assert_eq!(contents(&read_feeds(&*store, Some(&others)).await), ["to all"]);
}

/// In pages, like any others, and with many rooms.
pub async fn hundreds_of_users_can_be_read_at_once(backend: &dyn Backend) {
    let store = backend.open().await;
    let mut batch = Vec::new();
    for number in 0..400 {
        batch.push(private(number, number + 1, &format!("private {number}")));
        batch.push(in_room(&format!("room {number}"), &format!("public {number}")));
    }
    store.append(&batch).await.unwrap();
    for count in [30, 40, 51, 300] {
        let feeds: Vec<_> = (0..count)
            .flat_map(|number| {
                let [one, other] = [number, number + 1].map(user);
                let room = Feed::Room(room(&format!("room {number}")));
                // The first of a hundred is left out, so that its messages are only other users'.
                let user = Feed::User(if number % 100 == 0 { other } else { one });
                [user, room, Feed::Between(other, one)]
            })
            .collect();
        let contained = |new: &&NewMessage| feeds.iter().any(|feed| feed.contains(&new.audience));
        let expected: Vec<_> =
            batch.iter().filter(contained).map(|new| new.content.as_str()).collect();
        assert_eq!(contents(&read_feeds(&*store, Some(&feeds)).await), expected, "{count}");
    }
}

/// Not above its tail, nor with feeds that are none.
pub async fn a_user_nobody_wrote_to_has_an_empty_feed(backend: &dyn Backend) {
    let store = backend.open().await;
    for _ in 0..2 {
        let feeds = [Feed::User(user(7)), Feed::Between(user(7), user(8))];
        assert!(read_feeds(&*store, Some(&feeds)).await.is_empty());
        assert!(!store.read_after(Some(&feeds), offset(1), 0).await.unwrap().more);
        store.append(&[message("a"), private(1, 2, "b")]).await.unwrap();
    }
}

/// In the order of their bytes, page by page, each once, and not those of private messages.
pub async fn the_names_of_rooms_with_messages_are_listed(backend: &dyn Backend) {
    let store = backend.open().await;
    assert_eq!(store.room_names(None, 9).await.expect("names"), []);
    let names = ["b", "Ärger", "a", "B", "b b", "b"].map(room);
    let mut batch: Vec<_> = names.iter().map(|name| in_room(name.as_str(), "x")).collect();
    batch.push(private(1, 2, "secret"));
    for _ in 0..3 {
        store.append(&batch).await.expect("an append");
    }
    let sorted: std::collections::BTreeSet<_> = names.into();
    let sorted: Vec<_> = sorted.into_iter().collect();
    for limit in 1..=6 {
        let mut listed: Vec<RoomId> = Vec::new();
        loop {
            let page = store.room_names(listed.last(), limit).await.expect("names");
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        assert_eq!(listed, sorted, "{limit}");
    }
}

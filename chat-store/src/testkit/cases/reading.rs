//! Pages of the log.

use chat_core::{Content, Feed, Offset, RoomId};

use crate::testkit::Backend;
use crate::testkit::samples::{
    contents, in_room, message, offset, private, read_feeds, room, user,
};
use crate::{MessageStore, Page};

async fn append_numbers(store: &dyn MessageStore, count: usize) {
    let batch: Vec<_> = (1..=count).map(|number| message(&number.to_string())).collect();
    store.append(&batch).await.unwrap();
}

/// With every size of a page.
pub async fn pages_follow_each_other_without_gap_or_repeat(backend: &dyn Backend) {
    let store = backend.open().await;
    append_numbers(&*store, 25).await;
    for limit in [1, 2, 3, 5, 24, 25, 26, 1000, usize::MAX] {
        let mut seen = 0;
        loop {
            let page = store.read_after(None, offset(seen), limit).await.unwrap();
            for message in &page.messages {
                seen += 1;
                assert_eq!(message.offset, offset(seen));
                assert_eq!(message.content.as_str(), seen.to_string());
            }
            if !page.more {
                break;
            }
            assert_eq!(page.messages.len(), limit);
        }
        assert_eq!(seen, 25);
    }
}

/// Also the limits 0 and exactly what there is.
pub async fn a_limit_is_kept_and_more_tells_of_the_rest(backend: &dyn Backend) {
    let store = backend.open().await;
    append_numbers(&*store, 3).await;
    for (limit, expected, more) in
        [(0, 0, true), (1, 1, true), (2, 2, true), (3, 3, false), (4, 3, false)]
    {
        let page = store.read_after(None, Offset::ZERO, limit).await.unwrap();
        assert_eq!((page.messages.len(), page.more), (expected, more), "limit {limit}");
    }
    let page = store.read_after(None, offset(3), 0).await.unwrap();
    assert_eq!(page, Page::default());
}

/// [`Page::MAX_BYTES`]: the message that reaches it is the last one.
pub async fn a_page_ends_when_its_contents_reach_the_limit_in_bytes(backend: &dyn Backend) {
    let store = backend.open().await;
    let full = Page::MAX_BYTES / Content::MAX_BYTES;
    let largest = message(&"x".repeat(Content::MAX_BYTES));
    store.append(&vec![largest; 2 * full + 1]).await.unwrap();

    let page = store.read_after(None, Offset::ZERO, 1000).await.unwrap();
    assert_eq!((page.messages.len(), page.more), (full, true));
    let page = store.read_after(None, offset(1), 1000).await.unwrap();
    assert_eq!((page.messages.len(), page.more), (full, true));
    let page = store.read_after(None, offset(full + 1), 1000).await.unwrap();
    assert_eq!((page.messages.len(), page.more), (full, false), "exactly the rest");
    let page = store.read_after(None, offset(2 * full), 1000).await.unwrap();
    assert_eq!((page.messages.len(), page.more), (1, false));
}

/// A client from the future reads nothing.
pub async fn a_log_ends_after_its_tail(backend: &dyn Backend) {
    let store = backend.open().await;
    for after in [Offset::ZERO, Offset::FIRST, Offset::MAX] {
        assert_eq!(store.read_after(None, after, 10).await.unwrap(), Page::default());
    }
    append_numbers(&*store, 3).await;
    for after in [offset(3), offset(4), Offset::MAX] {
        assert_eq!(store.read_after(None, after, 10).await.unwrap(), Page::default());
        let rooms = [RoomId::general(), room("other")].map(Feed::Room);
        assert_eq!(store.read_after(Some(&rooms), after, 10).await.unwrap(), Page::default());
    }
}

/// Not an error. No room at all is empty too.
pub async fn a_room_nobody_wrote_to_is_empty(backend: &dyn Backend) {
    let store = backend.open().await;
    append_numbers(&*store, 3).await;
    for rooms in [vec![], vec![room("quiet")], vec![room("quiet"), room("General")]] {
        let rooms: Vec<_> = rooms.into_iter().map(Feed::Room).collect();
        let page = store.read_after(Some(&rooms), Offset::ZERO, 10).await.unwrap();
        assert_eq!(page, Page::default());
    }
}

/// The log's, whichever way the rooms are listed.
pub async fn several_rooms_are_read_in_one_order(backend: &dyn Backend) {
    let store = backend.open().await;
    let batch: Vec<_> =
        (0..60).map(|number| in_room(["a", "b", "c"][number % 3], &number.to_string())).collect();
    store.append(&batch).await.unwrap();

    for names in [vec!["a"], vec!["b", "a"], vec!["a", "b", "c"], vec!["c", "quiet", "c", "a"]] {
        let rooms: Vec<_> = names.iter().map(|name| Feed::Room(room(name))).collect();
        let expected =
            batch.iter().filter(|new| names.contains(&new.audience.room().unwrap().as_str()));
        let messages = read_feeds(&*store, Some(&rooms)).await;
        let expected: Vec<_> = expected.map(|new| new.content.as_str()).collect();
        assert_eq!(contents(&messages), expected, "{names:?}");

        let page = store.read_after(Some(&rooms), offset(30), 4).await.unwrap();
        let rest = expected.into_iter().filter(|content| content.parse::<u8>().unwrap() >= 30);
        assert_eq!(contents(&page.messages), rest.take(4).collect::<Vec<_>>(), "{names:?}");
        assert!(page.more);
    }
}

/// In pages, like any other.
pub async fn hundreds_of_rooms_can_be_read_at_once(backend: &dyn Backend) {
    let store = backend.open().await;
    let names: Vec<_> = (0..700).map(|number| format!("room {}", number % 350)).collect();
    let batch: Vec<_> = names.iter().map(|name| in_room(name, name)).collect();
    store.append(&batch).await.unwrap();
    for count in [90, 101, 350] {
        let rooms: Vec<_> = names[..count].iter().map(|name| Feed::Room(room(name))).collect();
        let messages = read_feeds(&*store, Some(&rooms)).await;
        let expected = [&names[..count], &names[350..350 + count]].concat();
        assert_eq!(contents(&messages), expected);
    }
}

/// Whatever the feed, from whichever offset on, as far as asked for.
pub async fn what_is_counted_is_what_is_read(backend: &dyn Backend) {
    let store = backend.open().await;
    let batch: Vec<_> = (0..60)
        .map(|number| match number % 6 {
            0 | 1 => in_room("a", "a"),
            2 => in_room("b", "b"),
            3 => private(1, 2, "to two"),
            4 => private(2, 1, "to one"),
            _ => private(3, 1, "to one"),
        })
        .collect();
    for part in batch.chunks(20) {
        store.append(part).await.unwrap();
    }
    let feeds = [
        Feed::Room(room("a")),
        Feed::Room(room("b")),
        Feed::Room(room("nobody")),
        Feed::User(user(1)),
        Feed::User(user(3)),
        Feed::Between(user(1), user(2)),
        Feed::Between(user(2), user(1)),
    ];
    for feed in feeds {
        let all = read_feeds(&*store, Some(std::slice::from_ref(&feed))).await;
        for (after, max) in [(0, 100), (0, 7), (0, 0), (30, 100), (59, 100), (60, 1), (99, 9)] {
            let expected = all.iter().filter(|one| one.offset > offset(after)).count() as u64;
            let count = store.count_after(&feed, offset(after), max).await.unwrap();
            assert_eq!(count, expected.min(max), "{feed:?} after {after}, up to {max}");
        }
    }
}

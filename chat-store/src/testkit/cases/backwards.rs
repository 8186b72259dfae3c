//! Pages of the log from its end to its beginning.

use chat_core::{Content, Feed, Message, Offset, RoomId};

use super::feeds::{mixed, several_feeds};
use crate::testkit::Backend;
use crate::testkit::samples::{contents, in_room, message, offset, private, read_feeds};
use crate::{MessageStore, Page};

async fn read_back(store: &dyn MessageStore, feed: &Feed, limit: usize) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    loop {
        let before = messages.first().map(|first| first.offset);
        let page = store.read_before(feed, before, limit).await.unwrap();
        assert!(page.messages.is_sorted_by(|a, b| a.offset < b.offset), "out of order");
        assert!(!page.more || !page.messages.is_empty(), "a page without an end");
        let Page { messages: mut earlier, more, .. } = page;
        earlier.append(&mut messages);
        messages = earlier;
        if !more {
            return messages;
        }
    }
}

/// Whatever is read, with every size of a page.
pub async fn what_is_read_backwards_is_what_is_read_forwards(backend: &dyn Backend) {
    let store = backend.open().await;
    store.append(&mixed()).await.unwrap();
    let mut feeds = several_feeds().concat();
    feeds.sort();
    feeds.dedup();
    for feed in feeds {
        let forwards = read_feeds(&*store, Some(std::slice::from_ref(&feed))).await;
        for limit in [1, 2, 3, 7, 100, usize::MAX] {
            assert_eq!(read_back(&*store, &feed, limit).await, forwards, "{feed:?} by {limit}");
        }
    }
}

/// Also the limits 0 and exactly what there is.
pub async fn a_limit_is_kept_backwards_and_more_tells_of_the_rest(backend: &dyn Backend) {
    let store = backend.open().await;
    let batch = [message("1"), in_room("other", "x"), message("2"), private(1, 2, "y")];
    store.append(&batch).await.unwrap();
    store.append(&[message("3")]).await.unwrap();
    let feed = Feed::Room(RoomId::general());
    for (limit, expected, more) in [
        (0, &[][..], true),
        (1, &["3"], true),
        (2, &["2", "3"], true),
        (3, &["1", "2", "3"], false),
        (4, &["1", "2", "3"], false),
    ] {
        let page = store.read_before(&feed, None, limit).await.unwrap();
        assert_eq!((contents(&page.messages), page.more), (expected.to_vec(), more), "{limit}");
    }
}

/// An offset need not be that of a message of the feed, nor of any.
pub async fn only_what_is_before_an_offset_is_read(backend: &dyn Backend) {
    let store = backend.open().await;
    let feed = Feed::Room(RoomId::general());
    for before in [None, Some(Offset::ZERO), Some(Offset::FIRST), Some(Offset::MAX)] {
        assert_eq!(store.read_before(&feed, before, 10).await.unwrap(), Page::default());
    }
    let batch = [message("1"), in_room("other", "2"), message("3"), in_room("other", "4")];
    store.append(&batch).await.unwrap();
    for (before, expected) in [
        (Offset::ZERO, &[][..]),
        (offset(1), &[]),
        (offset(2), &["1"]),
        (offset(3), &["1"]),
        (offset(4), &["1", "3"]),
        (offset(5), &["1", "3"]),
        (Offset::MAX, &["1", "3"]),
    ] {
        let page = store.read_before(&feed, Some(before), 10).await.unwrap();
        assert_eq!((contents(&page.messages), page.more), (expected.to_vec(), false), "{before:?}");
    }
    let page = store.read_before(&feed, Some(offset(1)), 0).await.unwrap();
    assert_eq!(page, Page::default());
}

/// [`Page::MAX_BYTES`]: the message that reaches it is the first one. The page before goes on with the next.
pub async fn a_page_backwards_ends_when_its_contents_reach_the_limit_in_bytes(
    backend: &dyn Backend,
) {
    let store = backend.open().await;
    let full = Page::MAX_BYTES / Content::MAX_BYTES;
    let largest = "x".repeat(Content::MAX_BYTES);
    for (feed, largest) in [
        (Feed::Room(RoomId::general()), message(&largest)),
        (several_feeds()[3][0].clone(), private(1, 0, &largest)),
    ] {
        let begin = store.tail().await.unwrap();
        store.append(&vec![largest; 2 * full + 1]).await.unwrap();
        let mut before = None;
        for (count, more) in [(full, true), (full, true), (1, false)] {
            let page = store.read_before(&feed, before, 1000).await.unwrap();
            assert_eq!((page.messages.len(), page.more), (count, more));
            before = page.messages.first().map(|first| first.offset);
        }
        assert_eq!(before, Some(begin.next()));
        let all_but_one = store.read_before(&feed, Some(begin.plus(full as u64 + 1)), 1000).await;
        let all_but_one = all_but_one.unwrap();
        assert_eq!((all_but_one.messages.len(), all_but_one.more), (full, false), "exactly");
    }
}

/// As when somebody scrolls up while others write.
pub async fn pages_backwards_do_not_change_while_others_write(backend: &dyn Backend) {
    let store = backend.open().await;
    store.append(&vec![message("before"); 60]).await.unwrap();
    let feed = Feed::Room(RoomId::general());
    let mut seen = 0;
    let mut before = None;
    loop {
        let page = store.read_before(&feed, before, 7).await.unwrap();
        store.append(&vec![message("meanwhile"); 5]).await.unwrap();
        seen += page.messages.len();
        assert!(page.messages.iter().all(|message| message.content.as_str() == "before"));
        before = page.messages.first().map(|first| first.offset);
        if !page.more {
            break;
        }
    }
    assert_eq!((seen, before), (60, Some(Offset::FIRST)));
}

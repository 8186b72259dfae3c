//! Events of an application.

use chat_core::{
    Audience, Author, AuthorId, EventName, Feed, Kind, NewMessage, Nickname, Offset, RoomId,
};

use crate::Appended;
use crate::testkit::Backend;
use crate::testkit::samples::{append_one, message, offset, read_all, read_feeds, user};

fn event(audience: impl Into<Audience>, name: &str) -> NewMessage {
    let payload = (7, "é \" \\ \u{0} 😀", [None, Some(1.5)]);
    let name: EventName = name.parse().expect("a name");
    NewMessage::event(audience, name, &payload).expect("an event")
}

/// Among texts, with names and payloads as they were, whichever way they are read.
pub async fn events_are_kept_as_they_are(backend: &dyn Backend) {
    let store = backend.open().await;
    let nickname: Nickname = "Ada".parse().expect("a nickname");
    let to_ada = Audience::Private { from: user(1), to: user(1), nickname };
    let named = event(RoomId::general(), "order \"updated\" 😀");
    let large = "x".repeat(60_000);
    let large = NewMessage::event(RoomId::general(), "large".parse().expect("a name"), &large);
    let batch = [message("text"), named, event(to_ada, "inbox"), large.expect("an event")];
    store.append(&batch).await.expect("an append");
    let check = |messages: &[chat_core::Message], expected: &[usize]| {
        let offsets: Vec<_> = messages.iter().map(|message| message.offset).collect();
        assert_eq!(offsets, expected.iter().copied().map(offset).collect::<Vec<_>>());
        for message in messages {
            let index = usize::try_from(message.offset.as_u64()).expect("a small offset") - 1;
            assert_eq!(
                (&message.kind, &message.content),
                (&batch[index].kind, &batch[index].content)
            );
            assert_eq!(message.audience, batch[index].audience);
        }
    };
    check(&read_all(&*store).await, &[1, 2, 3, 4]);
    check(&read_feeds(&*store, Some(&[Feed::User(user(1))])).await, &[3]);
    check(&read_feeds(&*store, Some(&[Feed::Between(user(1), user(1))])).await, &[3]);
    let feeds = [Feed::Room(RoomId::general()), Feed::User(user(1))];
    check(&read_feeds(&*store, Some(&feeds)).await, &[1, 2, 3, 4]);
    let page = store.read_before(&feeds[0], None, 2).await.expect("a page");
    check(&page.messages, &[2, 4]);
    for own in [Feed::User(user(1)), Feed::Between(user(1), user(1))] {
        assert_eq!(store.count_after(&own, Offset::ZERO, 9).await.expect("a count"), 1, "{own:?}");
    }
}

/// Once, however the pages are cut.
pub async fn what_a_user_is_told_alone_is_in_each_page_once(backend: &dyn Backend) {
    let store = backend.open().await;
    let nickname: Nickname = "Ada".parse().expect("a nickname");
    let to_ada = Audience::Private { from: user(1), to: user(1), nickname };
    let batch: Vec<_> = (0..10).map(|_| event(to_ada.clone(), "inbox")).collect();
    store.append(&batch).await.expect("an append");
    let own = Feed::User(user(1));
    let all: Vec<_> = (1..=10).map(offset).collect();
    for feeds in [vec![own.clone()], vec![own.clone(), Feed::Room(RoomId::general())]] {
        for limit in 1..=11 {
            let (mut read, mut more) = (Vec::new(), true);
            while more {
                let after = read.last().copied().unwrap_or(Offset::ZERO);
                let page = store.read_after(Some(&feeds), after, limit).await.expect("a page");
                assert!(page.messages.len() <= limit && !(page.more && page.messages.is_empty()));
                read.extend(page.messages.iter().map(|message| message.offset));
                more = page.more;
            }
            assert_eq!(read, all, "{limit}");
        }
    }
    for limit in 1..=11 {
        let (mut read, mut more) = (Vec::new(), true);
        while more {
            let before = read.last().copied();
            let page = store.read_before(&own, before, limit).await.expect("a page");
            assert!(page.messages.len() <= limit && !(page.more && page.messages.is_empty()));
            read.extend(page.messages.iter().rev().map(|message| message.offset));
            more = page.more;
        }
        read.reverse();
        assert_eq!(read, all, "{limit}");
    }
}

/// With the same payload under the same name. Another name is another message.
pub async fn a_retry_of_an_event_is_recognised(backend: &dyn Backend) {
    let store = backend.open().await;
    let author = Author::user(AuthorId::of_user([1; 8]), AuthorId::of_session([2; 8]));
    let keyed =
        |new: NewMessage| new.with_client_offset("k".parse().expect("a key")).with_author(author);
    let first = keyed(event(RoomId::general(), "order updated"));
    assert_eq!(append_one(&*store, &first).await, Appended::New(Offset::FIRST));
    assert_eq!(append_one(&*store, &first).await, Appended::Duplicate(Offset::FIRST));
    let other = keyed(event(RoomId::general(), "order closed"));
    assert_eq!(append_one(&*store, &other).await, Appended::Conflict(Offset::FIRST));
    let mut text = first.clone();
    text.kind = Kind::Text;
    assert_eq!(append_one(&*store, &text).await, Appended::Conflict(Offset::FIRST));
    // Also within one batch.
    let keyed = |new: NewMessage| new.with_client_offset("l".parse().expect("a key"));
    let batch = [first, text, other].map(keyed);
    let [one, two, three] = store.append(&batch).await.expect("an append")[..] else {
        panic!("three outcomes")
    };
    assert!(matches!(one, Appended::New(_)), "{one:?}");
    for outcome in [two, three] {
        assert!(matches!(outcome, Appended::Conflict(_)), "{outcome:?}");
    }
}

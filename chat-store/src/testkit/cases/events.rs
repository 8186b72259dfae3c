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

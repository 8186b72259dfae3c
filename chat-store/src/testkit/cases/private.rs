//! Messages from one user to another.

use chat_core::{Audience, Content, Message, NewMessage, UserId};

use crate::Appended::{Conflict, Duplicate, New};
use crate::testkit::Backend;
use crate::testkit::samples::{append_one, from, keyed, message, offset, private, read_all, user};

fn with_key(key: &str, new: NewMessage) -> NewMessage {
    new.with_client_offset(key.parse().unwrap())
}

fn to_name(name: &str, new: NewMessage) -> NewMessage {
    let mut new = new;
    let Audience::Private { nickname, .. } = &mut new.audience else { panic!("it is to a user") };
    *nickname = name.parse().unwrap();
    new
}

/// With the name that the receiver had, in a batch with messages to rooms and alone.
pub async fn a_private_message_comes_back_as_it_was(backend: &dyn Backend) {
    let store = backend.open().await;
    let biggest = UserId::from_random([0xff; 8]).as_i64();
    let texts = ["\0", "a\0b", "'; --", "😀 \u{202e}", "null", "\u{1}", "{\"a\":[1]}"];
    let mut batch = vec![message("to all"), private(0, biggest, "a"), private(biggest, 0, "b")];
    batch.extend(texts.map(|text| from("ada", private(1, 2, text))));
    let names = ["B", "'quoted' \"name\"", "[1,2]", "null", "שלום", "👩‍👩‍👧", "5"];
    for (name, number) in names.iter().zip(0..) {
        if let Ok(name) = name.parse() {
            let audience = Audience::Private { from: user(number), to: user(9), nickname: name };
            let new = NewMessage::new(audience, "hi".parse().unwrap());
            batch.push(with_key(&format!("k{number}"), new));
        }
    }
    batch.push(from("ada", private(1, 2, &"\0".repeat(Content::MAX_BYTES))));
    store.append(&batch).await.unwrap();
    for new in batch.clone() {
        let mut alone = new;
        alone.client_offset = None;
        append_one(&*store, &alone).await;
        batch.push(alone);
    }
    let expected: Vec<_> = batch
        .into_iter()
        .zip(1..)
        .map(|(new, number)| Message::from_new(offset(number), new))
        .collect();
    assert_eq!(read_all(&*store).await, expected);
}

/// The same two users in the same direction, by whichever name.
pub async fn a_retry_of_a_private_message_is_known_by_its_users(backend: &dyn Backend) {
    let store = backend.open().await;
    let new = with_key("k", private(1, 2, "a"));
    assert_eq!(append_one(&*store, &new).await, New(offset(1)));
    let renamed = to_name("another name", new.clone());
    for retry in [&new, &renamed] {
        assert_eq!(append_one(&*store, retry).await, Duplicate(offset(1)));
    }
    for other in [private(1, 3, "a"), private(3, 2, "a"), private(2, 1, "a"), private(1, 2, "b")] {
        assert_eq!(append_one(&*store, &with_key("k", other)).await, Conflict(offset(1)));
    }
    assert_eq!(read_all(&*store).await, [Message::from_new(offset(1), new)], "as it was first");
}

/// Neither the one nor the other way round.
pub async fn a_private_message_is_no_retry_of_one_to_a_room(backend: &dyn Backend) {
    let store = backend.open().await;
    store.append(&[keyed("room", "a"), with_key("user", private(1, 2, "a"))]).await.unwrap();
    let swapped = [with_key("room", private(1, 2, "a")), keyed("user", "a")];
    let appended = store.append(&swapped).await.unwrap();
    assert_eq!(appended, [Conflict(offset(1)), Conflict(offset(2))]);
}

/// Also between messages to rooms.
pub async fn retries_of_private_messages_in_one_batch_are_told_apart(backend: &dyn Backend) {
    let store = backend.open().await;
    let batch = [
        with_key("k", private(1, 2, "a")),
        message("to all"),
        with_key("k", private(1, 2, "a")),
        to_name("another name", with_key("k", private(1, 2, "a"))),
        with_key("k", private(1, 3, "a")),
        keyed("k", "a"),
        private(1, 2, "a"),
    ];
    let [one, two, three] = [1, 2, 3].map(offset);
    let expected = [
        New(one),
        New(two),
        Duplicate(one),
        Duplicate(one),
        Conflict(one),
        Conflict(one),
        New(three),
    ];
    assert_eq!(store.append(&batch).await.unwrap(), expected);
}

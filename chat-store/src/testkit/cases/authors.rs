//! A client offset belongs to its author.

use std::sync::Arc;

use chat_core::{Audience, Author, AuthorId, Message, NewMessage, UserId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Appended::{Conflict, Duplicate, New};
use crate::testkit::Backend;
use crate::testkit::samples::{append_one, from, keyed, message, offset, private, read_all};

/// The session with a number, of a client without a name.
fn nobody(session: i64) -> Author {
    Author::anonymous(AuthorId::from_stored(-session))
}

/// The user with a number, in a session that had its name from its beginning.
fn user(number: i64) -> Author {
    Author::user(AuthorId::from_stored(number), AuthorId::from_stored(-100 - number))
}

/// The user with a number, in a session that had no name at its beginning.
fn grown(user: i64, session: i64) -> Author {
    nobody(session).with_user(AuthorId::from_stored(user))
}

/// A message with the key `k`.
fn by(author: Author, content: &str) -> NewMessage {
    keyed("k", content).with_author(author)
}

/// Alone, and in one batch: whatever they say.
pub async fn users_have_keys_of_their_own(backend: &dyn Backend) {
    let store = backend.open().await;
    let all = [by(user(1), "a"), by(user(2), "a"), by(user(3), "b"), by(nobody(4), "a")];
    for (new, number) in all.iter().zip(1..) {
        assert_eq!(append_one(&*store, new).await, New(offset(number)));
    }
    let known = [1, 2, 3, 4].map(|number| Duplicate(offset(number)));
    assert_eq!(store.append(&all).await.unwrap(), known);
    let again = [by(user(5), "a"), by(user(6), "b"), by(user(5), "a"), by(user(5), "b")];
    let [five, six] = [5, 6].map(offset);
    let expected = [New(five), New(six), Duplicate(five), Conflict(five)];
    assert_eq!(store.append(&again).await.unwrap(), expected);
    assert_eq!(read_all(&*store).await.len(), 6);
}

/// Names are labels. In a log of an earlier version, a private message under another one has another [`UserId`] as its
/// sender, and is still the same.
pub async fn a_retry_under_another_name_is_recognised(backend: &dyn Backend) {
    let store = backend.open().await;
    let to_bob = |sender| private(sender, 9, "psst").with_author(user(1));
    let to_bob = |sender| to_bob(sender).with_client_offset("p".parse().unwrap());
    let first = [from("Ada", by(user(1), "a")), from("Ada", to_bob(5))];
    store.append(&first).await.unwrap();
    let again = [from("Ada L.", by(user(1), "a")), from("Ada L.", to_bob(6))];
    let known = [Duplicate(offset(1)), Duplicate(offset(2))];
    assert_eq!(store.append(&again).await.unwrap(), known);
    assert_eq!(append_one(&*store, &again[0]).await, known[0]);
}

/// Never swallowed as a duplicate.
pub async fn a_key_that_its_user_has_used_is_refused(backend: &dyn Backend) {
    let store = backend.open().await;
    append_one(&*store, &by(user(1), "a")).await;
    let mut elsewhere = by(user(1), "a");
    elsewhere.audience = "another room".parse::<chat_core::RoomId>().unwrap().into();
    for other in [by(user(1), "b"), elsewhere] {
        assert_eq!(append_one(&*store, &other).await, Conflict(offset(1)));
    }
}

/// Its session has ended, and nothing says who it was.
pub async fn a_retry_without_a_name_is_recognised_in_a_later_session(backend: &dyn Backend) {
    let store = backend.open().await;
    append_one(&*store, &by(nobody(1), "a")).await;
    for session in [1, 2, 3] {
        assert_eq!(append_one(&*store, &by(nobody(session), "a")).await, Duplicate(offset(1)));
    }
    assert_eq!(append_one(&*store, &by(nobody(1), "b")).await, Conflict(offset(1)));
}

/// Also not when it is guessed: nothing is refused, nothing is swallowed, and retries are still recognised.
pub async fn a_key_of_another_client_without_a_name_is_in_nobodys_way(backend: &dyn Backend) {
    let store = backend.open().await;
    append_one(&*store, &by(nobody(1), "in the way")).await;
    assert_eq!(append_one(&*store, &by(nobody(2), "a")).await, New(offset(2)));
    for session in [2, 3] {
        assert_eq!(append_one(&*store, &by(nobody(session), "a")).await, Duplicate(offset(2)));
    }
    assert_eq!(append_one(&*store, &by(nobody(1), "in the way")).await, Duplicate(offset(1)));
    let mut elsewhere = by(nobody(2), "a");
    elsewhere.audience = "another room".parse::<chat_core::RoomId>().unwrap().into();
    let batch = [
        by(nobody(4), "b"),
        message("between"),
        by(nobody(5), "b"),
        elsewhere,
        by(nobody(4), "in the way"),
        by(nobody(2), "a"),
    ];
    let [one, two, three, four, five] = [1, 2, 3, 4, 5].map(offset);
    let expected =
        [New(three), New(four), Duplicate(three), New(five), Duplicate(one), Duplicate(two)];
    assert_eq!(store.append(&batch).await.unwrap(), expected);
    assert_eq!(read_all(&*store).await.len(), 5);
}

/// A batch whose first message has a key that another client uses in the same batch.
pub async fn clients_without_a_name_choose_one_key_in_one_batch(backend: &dyn Backend) {
    let store = backend.open().await;
    let batch = [by(nobody(1), "a"), by(nobody(2), "b"), by(nobody(3), "a"), by(nobody(1), "b")];
    let [one, two] = [1, 2].map(offset);
    let expected = [New(one), New(two), Duplicate(one), Conflict(one)];
    assert_eq!(store.append(&batch).await.unwrap(), expected);
    // Both keys of the next one are its own only when what it repeats is not its own.
    let batch = [by(nobody(4), "a"), by(nobody(4), "c"), message("between")];
    let [three, four] = [3, 4].map(offset);
    assert_eq!(store.append(&batch).await.unwrap(), [Duplicate(one), New(three), New(four)]);
    assert_eq!(read_all(&*store).await.len(), 4);
}

/// The tutorial's client makes its keys of its id and a counter, and has no id without a connection.
pub async fn a_key_without_an_id_belongs_to_its_session(backend: &dyn Backend) {
    let store = backend.open().await;
    let new = |author: Author| keyed("undefined-0", "a").with_author(author);
    let named = grown(7, 2);
    for (author, number) in [(nobody(1), 1), (nobody(2), 2), (user(3), 3)] {
        assert_eq!(append_one(&*store, &new(author)).await, New(offset(number)));
        assert_eq!(append_one(&*store, &new(author)).await, Duplicate(offset(number)));
    }
    assert_eq!(append_one(&*store, &new(named)).await, Duplicate(offset(2)), "it has a name now");
    let other = keyed("undefined-0", "b").with_author(nobody(1));
    assert_eq!(append_one(&*store, &other).await, Conflict(offset(1)));
    let batch = [new(nobody(5)), new(nobody(6)), new(nobody(5))];
    let [four, five] = [4, 5].map(offset);
    assert_eq!(store.append(&batch).await.unwrap(), [New(four), New(five), Duplicate(four)]);
}

/// Its session is the same. A user who was somebody else's session is not.
pub async fn what_was_sent_before_there_was_a_name_is_recognised(backend: &dyn Backend) {
    let store = backend.open().await;
    append_one(&*store, &by(nobody(1), "a")).await;
    let named = grown(7, 1);
    assert_eq!(append_one(&*store, &by(named, "a")).await, Duplicate(offset(1)));
    let stranger = grown(8, 2);
    assert_eq!(append_one(&*store, &by(stranger, "a")).await, New(offset(2)));
    assert_eq!(append_one(&*store, &by(stranger, "a")).await, Duplicate(offset(2)));

    let first = keyed("l", "a");
    let batch = [
        message("before"),
        first.clone().with_author(nobody(1)),
        first.clone().with_author(named),
        first.with_author(stranger),
        by(named, "a"),
    ];
    let [one, three, four, five] = [1, 3, 4, 5].map(offset);
    let expected = [New(three), New(four), Duplicate(four), New(five), Duplicate(one)];
    assert_eq!(store.append(&batch).await.unwrap(), expected);
}

/// Whatever stands before them in the store.
pub async fn keys_and_authors_come_back_as_they_were(backend: &dyn Backend) {
    let store = backend.open().await;
    let biggest = AuthorId::of_user([0xff; 8]);
    let smallest = AuthorId::of_session([0; 8]);
    let batch = [
        by(nobody(1), "a"),
        by(nobody(2), "b"),
        by(user(1), "a"),
        keyed("undefined-1", "a").with_author(user(1)),
        keyed("0000000000000001:k", "a").with_author(Author::user(biggest, smallest)),
        keyed("é😀:", "a").with_author(Author::anonymous(smallest)),
        message("without a key").with_author(user(1)).with_user(UserId::from_stored(i64::MAX)),
        keyed("of a user", "a").with_author(user(2)).with_user(UserId::from_stored(0)),
        private(1, 2, "private").with_author(user(1)).with_user(UserId::from_stored(1)),
        keyed("nobody knows", "a"),
    ];
    assert!(batch.iter().any(|new| matches!(new.audience, Audience::Private { .. })));
    store.append(&batch).await.unwrap();
    let messages: Vec<_> = batch
        .into_iter()
        .zip(1..)
        .map(|(new, number)| Message::from_new(offset(number), new))
        .collect();
    assert_eq!(read_all(&*store).await, messages);
}

/// Of users, of clients without a name, and of such that chose the key of another.
pub async fn keys_of_authors_are_known_after_any_number_of_restarts(backend: &dyn Backend) {
    let without_id = keyed("undefined-0", "a").with_author(nobody(1));
    let batch =
        [by(nobody(1), "a"), by(nobody(2), "b"), by(user(1), "a"), by(user(2), "a"), without_id];
    for start in 0..4 {
        let store = backend.open().await;
        let expected = [1, 2, 3, 4, 5].map(offset);
        let expected = expected.map(|one| if start == 0 { New(one) } else { Duplicate(one) });
        assert_eq!(store.append(&batch).await.unwrap(), expected);
        let later = by(nobody(9), "b");
        assert_eq!(append_one(&*store, &later).await, Duplicate(offset(2)));
        let named = grown(7, 1);
        assert_eq!(append_one(&*store, &by(named, "a")).await, Duplicate(offset(1)));
        store.close().await;
    }
}

/// Clients that choose one key race with their retries on other nodes: each of their messages is stored once.
pub async fn one_key_of_several_authors_is_stored_once_for_each_by_several_stores(
    backend: &dyn Backend,
) {
    const STORES: usize = 3;
    let mut stores = Vec::new();
    for _ in 0..STORES {
        stores.push(backend.open().await);
    }
    for round in 0..10 {
        let key = format!("k{round}");
        let new = |author: Author, content| keyed(&key, content).with_author(author);
        let messages =
            [new(nobody(1), "a"), new(nobody(2), "b"), new(user(3), "a"), new(user(4), "a")];
        let start = Arc::new(Barrier::new(STORES * messages.len()));
        let mut tries = JoinSet::new();
        for store in &stores {
            for message in messages.clone() {
                let (store, start) = (Arc::clone(store), Arc::clone(&start));
                tries.spawn(async move {
                    start.wait().await;
                    append_one(&*store, &message).await
                });
            }
        }
        let appended = tries.join_all().await;
        let new = appended.iter().filter(|one| matches!(one, New(_))).count();
        let known = appended.iter().filter(|one| matches!(one, Duplicate(_))).count();
        assert_eq!((new, known), (messages.len(), (STORES - 1) * messages.len()));
        assert_eq!(read_all(&*stores[0]).await.len(), (round + 1) * messages.len());
    }
}

//! Edits, deletions, reactions and replies.

use chat_core::{
    Audience, Author, AuthorId, ClientOffset, Content, Feed, Kind, Message, NewMessage, Offset,
    RoomId,
};

use crate::testkit::Backend;
use crate::testkit::samples::{
    append_one, contents, in_room, message, offset, private, read_all, read_feeds, user,
};
use crate::{Appended, MessageStore};

fn edit(of: usize, text: &str) -> NewMessage {
    NewMessage::edit(RoomId::general(), offset(of), text.parse().expect("a content"))
}

fn deletion(of: usize) -> NewMessage {
    NewMessage::deletion(RoomId::general(), offset(of))
}

fn reaction(to: usize, on: bool) -> NewMessage {
    let emoji = "👍".parse().expect("an emoji");
    NewMessage::reaction(RoomId::general(), offset(to), &emoji, on)
}

fn keyed(new: NewMessage, key: &str) -> NewMessage {
    let author = Author::user(AuthorId::of_user([1; 8]), AuthorId::of_session([2; 8]));
    let key: ClientOffset = key.parse().expect("a key");
    new.with_client_offset(key).with_author(author)
}

async fn append(store: &dyn MessageStore, batch: &[NewMessage]) -> Vec<Appended> {
    store.append(batch).await.expect("an append")
}

fn new(of: usize) -> Appended {
    Appended::New(offset(of))
}

/// Whichever way they are read.
async fn kinds(store: &dyn MessageStore) -> Vec<Kind> {
    let all = read_all(store).await;
    let of_room = read_feeds(store, Some(&[Feed::Room(RoomId::general())])).await;
    let room: Vec<_> = all.iter().filter(|message| message.audience.room().is_some()).collect();
    assert_eq!(of_room.iter().collect::<Vec<_>>(), room);
    all.into_iter().map(|message| message.kind).collect()
}

/// They are kept with what they are about, in one order with everything else.
pub async fn what_messages_are_about_is_kept(backend: &dyn Backend) {
    let store = backend.open().await;
    let reply = message("an answer").in_reply_to(offset(1));
    let large = edit(1, &"x".repeat(60_000));
    assert_eq!(append(&*store, &[message("one"), message("two"), reply]).await, [1, 2, 3].map(new));
    let batch = [reaction(1, true), reaction(1, false), large, deletion(2)];
    assert_eq!(append(&*store, &batch).await, [4, 5, 6, 7].map(new));
    let expected = [
        Kind::Text,
        Kind::Text,
        Kind::Reply(offset(1)),
        Kind::Reaction { to: offset(1), on: true },
        Kind::Reaction { to: offset(1), on: false },
        Kind::Edit(offset(1)),
        Kind::Deletion(offset(2)),
    ];
    assert_eq!(kinds(&*store).await, expected);
    let page = store.read_before(&RoomId::general().into(), None, 3).await.expect("a page");
    let read: Vec<_> = page.messages.iter().map(|message| message.kind.clone()).collect();
    assert_eq!(read, expected[4..]);
    assert_eq!(page.messages[0].content.as_str(), "👍");
}

fn state(message: &Message) -> (&str, bool, bool) {
    (message.content.as_str(), message.is_edited(), message.is_deleted())
}

/// In the same commit, together with what earlier edits said.
pub async fn an_edit_replaces_the_text_and_a_deletion_removes_it(backend: &dyn Backend) {
    let store = backend.open().await;
    append(&*store, &[message("one"), message("two"), message("three")]).await;
    assert_eq!(append_one(&*store, &edit(1, "1")).await, new(4));
    let all = read_all(&*store).await;
    assert_eq!(state(&all[0]), ("1", true, false));
    assert_eq!(state(&all[3]), ("1", false, false));
    // Also several of one batch.
    let batch = [edit(1, "uno"), edit(2, "due"), edit(1, "eins"), message("four")];
    assert_eq!(append(&*store, &batch).await, [5, 6, 7, 8].map(new));
    let all = read_all(&*store).await;
    let expected = ["eins", "due", "three", "", "", "due", "eins", "four"];
    assert_eq!(contents(&all), expected);
    assert!(all[3].is_deleted() && all[4].is_deleted() && !all[6].is_deleted());
    let batch = [deletion(1), message("five"), deletion(3)];
    assert_eq!(append(&*store, &batch).await, [9, 10, 11].map(new));
    let all = read_all(&*store).await;
    let expected = ["", "due", "", "", "", "due", "", "four", "", "five", ""];
    assert_eq!(contents(&all), expected);
    for (index, is_deleted) in [(0, true), (1, false), (2, true), (6, true), (8, false)] {
        assert_eq!(all[index].is_deleted(), is_deleted, "{index}");
    }
    // Nothing else of them has changed.
    assert_eq!(all[0].kind, Kind::Text);
    let page = store.read_before(&RoomId::general().into(), Some(offset(2)), 9).await;
    assert_eq!(state(&page.expect("a page").messages[0]), ("", false, true));
}

/// Under the key of the first message, however its text was changed since.
pub async fn a_retry_of_what_was_changed_is_recognised(backend: &dyn Backend) {
    let store = backend.open().await;
    let (one, two) = (keyed(message("one"), "k"), keyed(message("two"), "l"));
    append(&*store, &[one.clone(), two.clone()]).await;
    let change = keyed(edit(1, "uno"), "e");
    let removal = keyed(deletion(2), "d");
    assert_eq!(append(&*store, &[change.clone(), removal.clone()]).await, [3, 4].map(new));
    append(&*store, &[edit(1, "eins"), edit(1, "ein")]).await;
    for _ in 0..2 {
        for (again, first) in [(&one, 1), (&two, 2), (&change, 3), (&removal, 4)] {
            let outcome = append_one(&*store, again).await;
            assert_eq!(outcome, Appended::Duplicate(offset(first)), "{again:?}");
        }
        // What it says now is not what was sent.
        for other in [keyed(message("eins"), "k"), keyed(message("uno"), "k")] {
            assert_eq!(append_one(&*store, &other).await, Appended::Conflict(offset(1)));
        }
        let other = keyed(edit(1, "due"), "e");
        assert_eq!(append_one(&*store, &other).await, Appended::Conflict(offset(3)));
        let other = keyed(deletion(1), "d");
        assert_eq!(append_one(&*store, &other).await, Appended::Conflict(offset(4)));
    }
}

/// Nothing is stored, and no offset is used.
pub async fn what_is_not_there_is_not_changed(backend: &dyn Backend) {
    let store = backend.open().await;
    let event = NewMessage::event(RoomId::general(), "order".parse().expect("a name"), &7);
    append(&*store, &[message("one"), private(1, 2, "two"), in_room("rust", "three")]).await;
    append(&*store, &[reaction(1, true), event.expect("an event"), message("six")]).await;
    assert_eq!(append_one(&*store, &deletion(6)).await, new(7));
    let tail = store.tail().await.expect("the tail");
    let missing = [
        // In another room, private, no message, no text, deleted, and not there at all.
        edit(3, "x"),
        deletion(2),
        reaction(3, true),
        edit(4, "x"),
        deletion(4),
        reaction(7, true),
        edit(5, "x"),
        edit(6, "x"),
        reaction(6, false),
        deletion(8),
        deletion(99),
    ];
    assert_eq!(append(&*store, &missing).await, [Appended::Missing; 11]);
    for one in &missing {
        assert_eq!(append_one(&*store, one).await, Appended::Missing, "{one:?}");
    }
    assert_eq!(store.tail().await.expect("the tail"), tail);
    // A batch goes on without them.
    let batch = [message("eight"), edit(6, "x"), message("nine")];
    assert_eq!(append(&*store, &batch).await, [new(8), Appended::Missing, new(9)]);
    // An event can be deleted, and an answer to nothing is a text.
    let batch = [deletion(5), message("an answer").in_reply_to(offset(6))];
    assert_eq!(append(&*store, &batch).await, [10, 11].map(new));
}

/// Deleting again, whoever does, is the first deletion; what else comes later finds nothing.
pub async fn a_message_is_deleted_once(backend: &dyn Backend) {
    let store = backend.open().await;
    append(&*store, &[message("one"), message("two")]).await;
    let first = Appended::Duplicate(offset(3));
    let batch = [deletion(1), deletion(1), edit(1, "x"), message("four"), deletion(1)];
    assert_eq!(append(&*store, &batch).await, [new(3), first, Appended::Missing, new(4), first]);
    assert_eq!(append_one(&*store, &deletion(1)).await, first);
    assert_eq!(append_one(&*store, &keyed(deletion(1), "k")).await, first);
    let all = read_all(&*store).await;
    assert_eq!(contents(&all), ["", "two", "", "four"]);
}

/// Between the same two users, by either of them.
pub async fn private_messages_are_changed_by_both(backend: &dyn Backend) {
    let store = backend.open().await;
    append(&*store, &[private(1, 2, "one"), private(2, 1, "two"), private(1, 3, "three")]).await;
    let to = |from: i64, to: i64| private(from, to, "x").audience;
    let of = |audience: Audience, of: usize| NewMessage::deletion(audience, offset(of));
    let emoji = "👍".parse().expect("an emoji");
    let batch = [
        NewMessage::edit(to(1, 2), offset(1), "uno".parse().expect("a content")),
        NewMessage::reaction(to(2, 1), offset(1), &emoji, true),
        of(to(1, 3), 1),
        of(to(1, 2), 3),
        of(to(2, 1), 2),
    ];
    let missing = Appended::Missing;
    assert_eq!(append(&*store, &batch).await, [new(4), new(5), missing, missing, new(6)]);
    let all = read_feeds(&*store, Some(&[Feed::Between(user(2), user(1))])).await;
    assert_eq!(contents(&all), ["uno", "", "uno", "👍", ""]);
    assert_eq!(contents(&read_feeds(&*store, Some(&[Feed::User(user(3))])).await), ["three"]);
}

/// Neither changes nor what is gone.
pub async fn what_was_said_and_is_there_is_counted(backend: &dyn Backend) {
    let store = backend.open().await;
    append(&*store, &[message("one"), message("two"), message("three"), private(1, 2, "x")]).await;
    append(&*store, &[edit(1, "uno"), deletion(2), reaction(3, true)]).await;
    append(&*store, &[message("an answer").in_reply_to(offset(2))]).await;
    let feed: Feed = RoomId::general().into();
    for (after, max, expected) in [(0, 9, 3), (0, 2, 2), (1, 9, 2), (3, 9, 1), (8, 9, 0)] {
        let after = Offset::new(after).expect("an offset");
        assert_eq!(store.count_after(&feed, after, max).await.expect("a count"), expected);
    }
    let removal = NewMessage::deletion(private(1, 2, "x").audience, offset(4));
    for expected in [1, 0] {
        for feed in [Feed::User(user(2)), Feed::Between(user(1), user(2))] {
            let count = store.count_after(&feed, Offset::ZERO, 9).await.expect("a count");
            assert_eq!(count, expected, "{feed:?}");
        }
        append_one(&*store, &removal).await;
    }
}

/// As with any message, also after the store was opened again.
pub async fn changes_last(backend: &dyn Backend) {
    let store = backend.open().await;
    append(&*store, &[message("one"), message("two")]).await;
    append(&*store, &[edit(1, "uno"), deletion(2)]).await;
    let before = read_all(&*store).await;
    store.close().await;
    let store = backend.open().await;
    assert_eq!(read_all(&*store).await, before);
    assert_eq!(append_one(&*store, &deletion(2)).await, Appended::Duplicate(offset(4)));
    assert_eq!(append_one(&*store, &edit(1, "eins")).await, new(5));
    let empty = Content::default();
    assert_eq!(read_all(&*store).await[2].content, empty);
}

/// Each author once for each emoji, in the order in which they were first given, until the message is deleted.
pub async fn reactions_are_counted_as_they_are_now(backend: &dyn Backend) {
    let store = backend.open().await;
    append(&*store, &[message("one"), message("two"), message("three")]).await;
    let [ada, bob] = [1, 2].map(|number| {
        Author::user(AuthorId::of_user([number; 8]), AuthorId::of_session([number; 8]))
    });
    let by = |author: Option<Author>, to: usize, emoji: &str, on: bool| {
        let emoji = emoji.parse().expect("an emoji");
        let reaction = NewMessage::reaction(RoomId::general(), offset(to), &emoji, on);
        match author {
            Some(author) => reaction.with_author(author),
            None => reaction,
        }
    };
    let (ada_, bob_) = (Some(ada), Some(bob));
    append(&*store, &[by(ada_, 1, "👍", true), by(bob_, 1, "👍", true), by(bob_, 1, "a", true)])
        .await;
    append(&*store, &[by(ada_, 1, "👍", true), by(ada_, 2, "👍", true), by(None, 3, "b", true)])
        .await;
    append(&*store, &[by(ada_, 2, "👍", false), by(bob_, 2, "👍", false), by(bob_, 2, "c", true)])
        .await;
    let all = [1, 2, 3].map(offset);
    let read = async |author: Option<Author>| -> Vec<(usize, String, u64, bool)> {
        let author = author.map(Author::id);
        let reactions = store.reactions(&all, author).await.expect("the reactions");
        let number = |offset: Offset| usize::try_from(offset.as_u64()).expect("a number");
        reactions.into_iter().map(|it| (number(it.message), it.emoji, it.count, it.own)).collect()
    };
    let expected = |ada: bool, bob: bool| {
        vec![
            (1, "👍".to_owned(), 2, ada || bob),
            (1, "a".to_owned(), 1, bob),
            (2, "c".to_owned(), 1, bob),
            (3, "b".to_owned(), 1, false),
        ]
    };
    assert_eq!(read(ada_).await, expected(true, false));
    assert_eq!(read(bob_).await, expected(false, true));
    assert_eq!(read(None).await, expected(false, false));
    let batch = [by(ada_, 3, "d", true), deletion(1), deletion(3)];
    append(&*store, &batch).await;
    assert_eq!(read(bob_).await, expected(false, true)[2..3]);
    assert_eq!(store.reactions(&[], None).await.expect("none"), []);
}

/// Neither learns of the other, and each one's retry is recognised.
pub async fn clients_without_a_name_choose_one_key_for_different_things(backend: &dyn Backend) {
    let store = backend.open().await;
    append(&*store, &[message("base")]).await;
    let make = |kind: usize| match kind {
        0 => message("👍"),
        1 => message("👍").in_reply_to(offset(1)),
        2 => reaction(1, true),
        3 => reaction(1, false),
        4 => edit(1, "👍"),
        _ => NewMessage::event(RoomId::general(), "e".parse().expect("a name"), "👍")
            .expect("an event"),
    };
    let by = |new: NewMessage, session: u8, key: &str| {
        let author = Author::anonymous(AuthorId::of_session([session; 8]));
        new.with_author(author).with_client_offset(key.parse().expect("a key"))
    };
    for first in 0..6 {
        for second in 0..6 {
            let key = format!("{first} {second}");
            let (one, other) = (by(make(first), 1, &key), by(make(second), 2, &key));
            let stored = append_one(&*store, &one).await;
            assert!(matches!(stored, Appended::New(_)), "{key}: {stored:?}");
            let outcome = append_one(&*store, &other).await;
            // The same from another session is a retry.
            let is_new = matches!(outcome, Appended::New(_));
            assert_eq!(is_new, first != second, "{key}: {outcome:?}");
            for (again, at) in [(&one, stored), (&other, outcome)] {
                let at = at.offset().expect("an offset");
                assert_eq!(append_one(&*store, again).await, Appended::Duplicate(at), "{key}");
            }
        }
    }
    // What is another text by now.
    let (one, other) = (by(message("was"), 1, "k"), by(message("is"), 2, "k"));
    let Appended::New(at) = append_one(&*store, &one).await else { panic!("it is new") };
    let change = NewMessage::edit(RoomId::general(), at, "is".parse().expect("a content"));
    append_one(&*store, &change).await;
    assert!(matches!(append_one(&*store, &other).await, Appended::New(_)));
    assert_eq!(append_one(&*store, &one).await, Appended::Duplicate(at));
}

//! The beginning of a log that was deleted.

use chat_core::{Feed, Kind, NewMessage, Offset, RoomId, Timestamp};

use crate::Appended::{Conflict, Duplicate, Missing, New};
use crate::testkit::Backend;
use crate::testkit::samples::{
    append_one, at, contents, in_room, keyed, message, offset, private, read_all, read_feeds, user,
};
use crate::{MessageStore, Trim, Trimmed};

/// Deletes everything up to an offset, and forgets the keys from before a time.
async fn trim(store: &dyn MessageStore, upto: usize, forget_keys_before: Timestamp) {
    let trim = Trim { upto: offset(upto), forget_keys_before };
    while store.trim(&trim).await.expect("a step") == Trimmed::More {}
}

/// Whichever way they are read, and however much of it is done.
pub async fn nobody_reads_what_is_below_the_horizon(backend: &dyn Backend) {
    let store = backend.open().await;
    let general = Feed::Room(RoomId::general());
    let mut batch = vec![message("one"), in_room("rust", "two"), private(1, 2, "three")];
    batch.extend([
        message("four"),
        in_room("rust", "five"),
        private(2, 1, "six"),
        message("seven"),
    ]);
    store.append(&batch).await.unwrap();
    assert_eq!(store.horizon().await.unwrap(), Offset::ZERO);
    assert_eq!(store.read_after(None, Offset::ZERO, 1).await.unwrap().horizon, Offset::ZERO);

    let up_to_four = Trim { upto: offset(4), forget_keys_before: at(0) };
    for _ in 0..3 {
        store.trim(&up_to_four).await.unwrap();
        assert_eq!(store.horizon().await.unwrap(), offset(4));
        assert_eq!(contents(&read_all(&*store).await), ["five", "six", "seven"]);
        for (feed, expected) in [
            (&general, "seven"),
            (&Feed::User(user(1)), "six"),
            (&Feed::Between(user(1), user(2)), "six"),
        ] {
            let feeds = Some(std::slice::from_ref(feed));
            assert_eq!(contents(&read_feeds(&*store, feeds).await), [expected]);
            let page = store.read_before(feed, None, 10).await.unwrap();
            assert_eq!((contents(&page.messages), page.more), (vec![expected], false));
            let page = store.read_before(feed, None, 1).await.unwrap();
            assert_eq!((contents(&page.messages), page.more), (vec![expected], false));
            assert_eq!(page.horizon, offset(4));
            let page = store.read_before(feed, Some(offset(5)), 10).await.unwrap();
            assert_eq!((page.messages, page.more), (vec![], false));
            assert_eq!(store.count_after(feed, Offset::ZERO, 10).await.unwrap(), 1);
        }
        for after in [0, 2, 4, 6] {
            let after = Offset::ZERO.plus(after);
            assert_eq!(store.read_after(None, after, 1).await.unwrap().horizon, offset(4));
        }
    }
    let two = store.read_before(&general, Some(offset(8)), 1).await.unwrap();
    assert_eq!((contents(&two.messages), two.more), (vec!["seven"], false));
}

/// Numbers go on, and everything may be deleted.
pub async fn a_horizon_is_in_the_log_and_never_goes_back(backend: &dyn Backend) {
    let store = backend.open().await;
    trim(&*store, 7, Timestamp::now()).await;
    assert_eq!(store.horizon().await.unwrap(), Offset::ZERO);
    for _ in 0..3 {
        store.append(&[message("a"), keyed("k", "a"), message("b")]).await.unwrap();
    }
    let tail = store.tail().await.unwrap();
    assert_eq!(tail, offset(7));
    trim(&*store, 5, at(0)).await;
    trim(&*store, 2, at(0)).await;
    assert_eq!(store.horizon().await.unwrap(), offset(5));
    trim(&*store, 1000, Timestamp::now().plus(std::time::Duration::from_secs(9))).await;
    assert_eq!(store.horizon().await.unwrap(), tail);
    assert_eq!(store.tail().await.unwrap(), tail);
    assert_eq!(contents(&read_all(&*store).await), [""; 0]);
    assert_eq!(append_one(&*store, &message("c")).await, New(offset(8)));
    assert_eq!(contents(&read_all(&*store).await), ["c"]);
}

/// It is refused for something else, too.
pub async fn a_key_below_the_horizon_is_known_for_its_time(backend: &dyn Backend) {
    let store = backend.open().await;
    let [old, new] = [10, 20].map(|time| keyed(&format!("k{time}"), "a").with_at(at(time)));
    store.append(&[old.clone(), message("b").with_at(at(15)), new.clone()]).await.unwrap();
    trim(&*store, 3, at(5)).await;
    assert_eq!(append_one(&*store, &old).await, Duplicate(offset(1)));
    trim(&*store, 3, at(15)).await;
    assert_eq!(append_one(&*store, &new).await, Duplicate(offset(3)));
    assert_eq!(append_one(&*store, &keyed("k20", "b")).await, Conflict(offset(3)));
    assert_eq!(contents(&read_all(&*store).await), [""; 0]);
    assert_eq!(append_one(&*store, &keyed("k30", "c")).await, New(offset(4)));
}

/// It cannot be changed, and nobody counts its reactions.
pub async fn nothing_refers_to_what_is_below_the_horizon(backend: &dyn Backend) {
    let store = backend.open().await;
    let emoji = "👍".parse().expect("an emoji");
    let reaction = |to| NewMessage::reaction(RoomId::general(), offset(to), &emoji, true);
    let later = Timestamp::now().plus(std::time::Duration::from_secs(9));
    for forget_keys_before in [at(0), later] {
        let first = store.tail().await.unwrap().as_u64() as usize + 1;
        let batch = [keyed(&format!("k{first}"), "a"), message("b")];
        store.append(&batch).await.unwrap();
        store.append(&[reaction(first), reaction(first + 1)]).await.unwrap();
        trim(&*store, first, forget_keys_before).await;
        let edit = NewMessage::edit(RoomId::general(), offset(first), "c".parse().unwrap());
        let deletion = NewMessage::deletion(RoomId::general(), offset(first));
        let appended = store.append(&[edit, deletion, reaction(first)]).await.unwrap();
        assert_eq!(appended, [Missing; 3]);
        let of = [offset(first), offset(first + 1)];
        let reactions = store.reactions(&of, None).await.unwrap();
        let counted: Vec<_> = reactions.iter().map(|it| (it.message, it.count)).collect();
        assert_eq!(counted, [(of[1], 1)]);
        let left = read_all(&*store).await;
        let kinds: Vec<_> = left.iter().map(|message| &message.kind).collect();
        assert_eq!(kinds.len(), 3, "{kinds:?}");
        assert_eq!(kinds[0], &Kind::Text);
    }
}

/// As long as a log is there, whoever opens it.
pub async fn a_horizon_lasts(backend: &dyn Backend) {
    let later = Timestamp::now().plus(std::time::Duration::from_secs(9));
    for round in 0..3 {
        let store = backend.open().await;
        assert_eq!(store.horizon().await.unwrap(), Offset::ZERO.plus(round * 10));
        assert_eq!(store.tail().await.unwrap(), Offset::ZERO.plus(round * 10));
        let batch: Vec<_> = (0..10).map(|n| keyed(&format!("{round} {n}"), "a")).collect();
        store.append(&batch).await.unwrap();
        assert_eq!(read_all(&*store).await.len(), 10);
        // Only a part, for the next one to go on with.
        let all = store.tail().await.unwrap();
        store.trim(&Trim { upto: all, forget_keys_before: later }).await.unwrap();
        store.close().await;
    }
    let store = backend.open().await;
    trim(&*store, 30, later).await;
    assert_eq!(append_one(&*store, &message("b")).await, New(offset(31)));
}

/// At once, and in the middle of reading.
pub async fn a_horizon_is_the_same_for_all_stores(backend: &dyn Backend) {
    let (one, other) = (backend.open().await, backend.open().await);
    let batch: Vec<_> = (0..100).map(|n| keyed(&format!("{n}"), "a")).collect();
    one.append(&batch).await.unwrap();
    let trimming = tokio::spawn(async move {
        for upto in 1..=90 {
            one.trim(&Trim { upto: offset(upto), forget_keys_before: at(0) }).await.unwrap();
            assert_eq!(one.horizon().await.unwrap(), offset(upto));
        }
        trim(&*one, 90, at(0)).await;
    });
    loop {
        let before = other.horizon().await.unwrap();
        let page = other.read_after(None, Offset::ZERO, 1000).await.unwrap();
        assert!(page.horizon >= before, "it goes back");
        let first = page.messages.first().map(|message| message.offset);
        assert_eq!(first, Some(page.horizon.next()), "and nothing is missing after it");
        assert!(page.messages.iter().all(|message| message.content.as_str() == "a"));
        if page.horizon == offset(90) {
            break;
        }
    }
    trimming.await.expect("it is trimmed");
}

//! Search indexes.

use std::sync::Arc;

use chat_core::search::{SearchQuery, TOKENS_VERSION};
use chat_core::{Feed, Message, NewMessage, Offset};

use crate::testkit::SessionBackend;
use crate::testkit::samples::{from, in_room, message, offset, private, room, user};
use crate::{
    Document, IndexAdvanced, IndexBatch, IndexChange, IndexSearch, SearchIndex, SearchScope,
    StoreError, Trimmed, Writer,
};

pub(super) async fn open(backend: &dyn SessionBackend) -> Arc<dyn SearchIndex> {
    backend.open_store().await.search_index().expect("the store has an index")
}

pub(super) fn document(at: usize, new: NewMessage) -> Document {
    Document::of(&Message::from_new(offset(at), new)).expect("a text")
}

fn batch(after: usize, upto: usize, changes: Vec<IndexChange>) -> IndexBatch {
    let [after, upto] = [after, upto].map(offset);
    IndexBatch { version: TOKENS_VERSION, after, upto, changes }
}

/// These messages, from one offset on.
pub(super) fn texts(after: usize, new: impl IntoIterator<Item = NewMessage>) -> IndexBatch {
    let put = |(index, new)| IndexChange::Put(document(after + index + 1, new));
    let changes: Vec<_> = new.into_iter().enumerate().map(put).collect();
    batch(after, after + changes.len(), changes)
}

pub(super) async fn apply(index: &dyn SearchIndex, batch: &IndexBatch) {
    assert_eq!(index.apply(batch).await.expect("a batch"), IndexAdvanced::Done);
}

/// What a query asks for.
fn asked(query: &str) -> IndexSearch {
    let query: SearchQuery = query.parse().expect("a query");
    let SearchQuery { with, without, .. } = query;
    IndexSearch { with, without, ..IndexSearch::all(100) }
}

async fn find(index: &dyn SearchIndex, search: &IndexSearch) -> Vec<u64> {
    let found = index.search(search).await.expect("a search");
    found.into_iter().map(Offset::as_u64).collect()
}

pub(super) async fn found(index: &dyn SearchIndex, query: &str) -> Vec<u64> {
    find(index, &asked(query)).await
}

/// However many there are, and the index goes on from its position.
pub async fn the_beginning_of_an_index_is_removed(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    let said = (1..=1500).map(|number| message(&format!("word {number}")));
    apply(&*index, &texts(0, said)).await;
    while index.forget_upto(offset(1498)).await.unwrap() == Trimmed::More {}
    assert_eq!(found(&*index, "word").await, [1500, 1499]);
    assert_eq!(found(&*index, "1498").await, [0; 0]);
    assert_eq!(index.position(TOKENS_VERSION).await.unwrap(), offset(1500));
    apply(&*index, &texts(1500, [message("another word")])).await;
    assert_eq!(found(&*index, "word").await, [1501, 1500, 1499]);
}

/// Whatever their case and their diacritics; all words, in any order.
pub async fn words_are_found_newest_first(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    assert_eq!(index.position(TOKENS_VERSION).await.unwrap(), Offset::ZERO);
    assert_eq!(found(&*index, "hello").await, [0; 0]);
    let said = ["Hello World", "hello again", "Crème brûlée", "world: HELLO!", "3.14 it's"];
    apply(&*index, &texts(0, said.map(message))).await;
    assert_eq!(index.position(TOKENS_VERSION).await.unwrap(), offset(5));
    for (query, expected) in [
        ("hello ", &[4, 2, 1][..]),
        ("world hello ", &[4, 1]),
        ("creme ", &[3]),
        ("BRÛLÉE ", &[3]),
        ("3.14 ", &[5]),
        ("it's ", &[5]),
        ("hell ", &[]),
        ("hello nobody ", &[]),
        ("and ", &[]),
        ("not or near ", &[]),
    ] {
        assert_eq!(found(&*index, query).await, expected, "{query}");
    }
}

/// A beginning of the last word of a phrase, too.
pub async fn phrases_and_beginnings_of_words_are_found(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    let said = ["release notes of today", "notes of release", "releases note", "note released"];
    apply(&*index, &texts(0, said.map(message))).await;
    for (query, expected) in [
        (r#""release notes""#, &[1][..]),
        (r#""notes of" today "#, &[1]),
        ("rel", &[4, 3, 2, 1]),
        ("releas* note ", &[4, 3]),
        ("note-rel", &[4]),
        ("release-note", &[1]),
        ("elease", &[]),
    ] {
        assert_eq!(found(&*index, query).await, expected, "{query}");
    }
}

/// Words, beginnings and phrases.
pub async fn what_is_excluded_is_not_found(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    let said = ["red apple", "green apple", "green pear", "red red wine"];
    apply(&*index, &texts(0, said.map(message))).await;
    for (query, expected) in [
        ("apple -red", &[2][..]),
        ("-apple", &[4, 3]),
        ("-gre*", &[4, 1]),
        (r#"red -"red red""#, &[1]),
        ("green -apple -pear", &[]),
    ] {
        assert_eq!(found(&*index, query).await, expected, "{query}");
    }
}

/// Any part of what is written without spaces.
pub async fn scripts_without_spaces_and_emoji_are_found(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    let said = [
        "我们明天开会",
        "今日は東京タワーへ",
        "회의는 내일입니다",
        "ประชุมพรุ่งนี้",
        "ok 👍🏽",
        "か",
        "が",
    ];
    apply(&*index, &texts(0, said.map(message))).await;
    for (query, expected) in [
        ("明天 ", &[1][..]),
        ("天开 ", &[1]),
        ("会 ", &[1]),
        ("明开 ", &[]),
        ("東京タワー ", &[2]),
        ("内 ", &[]),
        ("내일 ", &[3]),
        ("พรุ่งนี้ ", &[4]),
        ("👍 ", &[5]),
        ("か ", &[6]),
    ] {
        assert_eq!(found(&*index, query).await, expected, "{query}");
    }
}

/// Rooms by their exact name, private messages by their users.
pub async fn only_what_is_in_the_feeds_is_found(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    let said = [
        in_room("a", "word"),
        in_room("A", "word"),
        in_room("b \"'\\", "word"),
        private(1, 2, "word"),
        private(2, 1, "word"),
        private(2, 3, "word"),
        private(1, 1, "word"),
    ];
    apply(&*index, &texts(0, said)).await;
    let [one, two, three] = [1, 2, 3].map(user);
    for (feeds, expected) in [
        (vec![], &[][..]),
        (vec![Feed::Room(room("a"))], &[1]),
        (vec![Feed::Room(room("b \"'\\")), Feed::Room(room("A"))], &[3, 2]),
        (vec![Feed::User(one)], &[7, 5, 4]),
        (vec![Feed::User(three), Feed::Room(room("a"))], &[6, 1]),
        (vec![Feed::Between(two, one)], &[5, 4]),
        (vec![Feed::Between(one, three)], &[]),
        (vec![Feed::User(user(9)), Feed::Room(room("c"))], &[]),
    ] {
        for query in ["word ", "-nothing"] {
            let search = IndexSearch { scope: SearchScope::Feeds(feeds.clone()), ..asked(query) };
            assert_eq!(find(&*index, &search).await, expected, "{feeds:?}");
        }
    }
    let hundreds = (0..500).map(|n| Feed::Room(room(&format!("room {n}"))));
    let feeds = hundreds.chain([Feed::Room(room("A"))]).collect();
    let search = IndexSearch { scope: SearchScope::Feeds(feeds), ..asked("word ") };
    assert_eq!(find(&*index, &search).await, [2]);
    for query in ["word ", "-nothing"] {
        let search = IndexSearch { scope: SearchScope::Rooms, ..asked(query) };
        assert_eq!(find(&*index, &search).await, [3, 2, 1]);
    }
    assert_eq!(found(&*index, "word ").await, [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(find(&*index, &IndexSearch::all(2)).await, [7, 6]);
}

/// A name stands for nobody who is known under it.
pub async fn writers_are_told_apart(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    let said = [
        from("Ada", message("word")).with_user(user(1)),
        from("Ada", message("word")),
        from("Grace", message("word")).with_user(user(1)),
        message("word"),
        private(2, 1, "word"),
    ];
    apply(&*index, &texts(0, said)).await;
    let ada = Writer::Name("ADA".parse::<chat_core::Nickname>().unwrap().key());
    for (writers, expected) in [
        (vec![Writer::User(user(1))], &[3, 1][..]),
        (vec![ada.clone()], &[2]),
        (vec![ada, Writer::User(user(2))], &[5, 2]),
        (vec![Writer::User(user(7))], &[]),
    ] {
        for query in ["word ", "-nothing"] {
            let search = IndexSearch { writers: writers.clone(), ..asked(query) };
            assert_eq!(find(&*index, &search).await, expected, "{writers:?}");
        }
    }
}

/// Both bounds are outside.
pub async fn bounds_and_limits_are_kept(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    apply(&*index, &texts(0, (0..50).map(|_| message("word")))).await;
    let search = |after, before: Option<usize>, limit| IndexSearch {
        after: offset(after),
        before: before.map(offset),
        limit,
        ..asked("word ")
    };
    assert_eq!(find(&*index, &search(0, None, 3)).await, [50, 49, 48]);
    assert_eq!(find(&*index, &search(0, Some(48), 2)).await, [47, 46]);
    assert_eq!(find(&*index, &search(45, Some(48), 9)).await, [47, 46]);
    assert_eq!(find(&*index, &search(47, Some(48), 9)).await, [0; 0]);
    assert_eq!(find(&*index, &search(0, None, 0)).await, [0; 0]);
    assert_eq!(index.search(&search(0, None, 100)).await.unwrap().len(), 50);
}

/// An edit changes the words of what was said long before.
pub async fn what_is_removed_or_replaced_is_not_found(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    apply(&*index, &texts(0, ["first secret", "second secret", "third"].map(message))).await;
    let changes = vec![
        IndexChange::Put(document(1, message("another text"))),
        IndexChange::Remove(offset(2)),
        IndexChange::Remove(offset(4)),
    ];
    apply(&*index, &batch(3, 5, changes)).await;
    for (query, expected) in [
        ("secret ", &[][..]),
        ("second ", &[]),
        ("another ", &[1]),
        ("first ", &[]),
        ("third ", &[3]),
    ] {
        assert_eq!(found(&*index, query).await, expected, "{query}");
    }
    assert_eq!(index.position(TOKENS_VERSION).await.unwrap(), offset(5));
    apply(&*index, &batch(5, 6, vec![IndexChange::Put(document(2, message("back")))])).await;
    assert_eq!(found(&*index, "-nothing").await, [3, 2, 1]);
    index.clear().await.unwrap();
    assert_eq!(index.position(TOKENS_VERSION).await.unwrap(), Offset::ZERO);
    assert_eq!(found(&*index, "-nothing").await, [0; 0]);
}

/// It is told where the index is.
pub async fn a_batch_that_begins_elsewhere_changes_nothing(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    let elsewhere = index.apply(&texts(3, [message("late")])).await.unwrap();
    assert_eq!(elsewhere, IndexAdvanced::Elsewhere(Offset::ZERO));
    apply(&*index, &texts(0, [message("one"), message("two")])).await;
    for after in [0, 1, 3] {
        let elsewhere = index.apply(&texts(after, [message("again")])).await.unwrap();
        assert_eq!(elsewhere, IndexAdvanced::Elsewhere(offset(2)));
    }
    assert_eq!(found(&*index, "-nothing").await, [2, 1]);
    apply(&*index, &texts(2, [message("three")])).await;
    assert_eq!(found(&*index, "-nothing").await, [3, 2, 1]);
}

/// By the first batch of the other version.
pub async fn an_index_of_another_version_is_replaced(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    apply(&*index, &texts(0, [message("one"), message("two")])).await;
    let next = TOKENS_VERSION + 1;
    assert_eq!(index.position(next).await.unwrap(), Offset::ZERO);
    let batch = IndexBatch { version: next, ..texts(0, [message("other")]) };
    assert_eq!(index.apply(&batch).await.unwrap(), IndexAdvanced::Done);
    assert_eq!(index.position(next).await.unwrap(), offset(1));
    assert_eq!(index.position(TOKENS_VERSION).await.unwrap(), Offset::ZERO);
    assert_eq!(found(&*index, "-nothing").await, [1]);
}

/// Of the longest texts, and of many.
pub async fn a_long_text_is_found_by_its_words(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    let words: String = (0..9_000).map(|n| format!("w{n} ")).collect();
    let same = "same ".repeat(9_000);
    let long = "語".repeat(9_000);
    let one = "x".repeat(60_000);
    apply(&*index, &texts(0, [words.as_str(), &same, &long, &one].map(message))).await;
    for (query, expected) in [
        ("w0 w8999 ", &[1][..]),
        (r#""w4000 w4001""#, &[1]),
        (r#""w4001 w4000""#, &[]),
        (r#""same same""#, &[2]),
        ("語語語 ", &[3]),
        ("xxx", &[4]),
    ] {
        assert_eq!(found(&*index, query).await, expected, "{query}");
    }
}

/// In messages of few words, of several rooms, that are changed now and then.
pub async fn random_searches_find_what_a_scan_finds(backend: &dyn SessionBackend) {
    let index = open(backend).await;
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    const WORDS: [&str; 8] = ["a", "ab", "abc", "日本", "本日本", "é", "👍", "b"];
    let mut documents: Vec<Document> = Vec::new();
    for _ in 0..20 {
        let after = documents.len();
        let mut changes = Vec::new();
        for _ in 0..20 {
            let words: Vec<_> = (0..=random(5)).map(|_| WORDS[random(8) as usize]).collect();
            let at = documents.len() + 1;
            let new = in_room(["a", "b"][random(2) as usize], &words.join(" "));
            documents.push(document(at, new));
        }
        let changed = random(after as u64 + 1) as usize;
        if changed > 0 {
            documents[changed - 1] = document(changed, in_room("a", "ab é"));
            changes.push(IndexChange::Put(documents[changed - 1].clone()));
        }
        changes.extend(documents[after..].iter().cloned().map(IndexChange::Put));
        apply(&*index, &batch(after, documents.len(), changes)).await;
        for _ in 0..10 {
            let mut part = || match random(4) {
                0 => format!("-{}", WORDS[random(8) as usize]),
                1 => format!("\"{} {}\"", WORDS[random(8) as usize], WORDS[random(8) as usize]),
                2 => format!("{}*", WORDS[random(8) as usize]),
                _ => WORDS[random(8) as usize].to_owned(),
            };
            let query = format!("{} {} ", part(), part());
            let scope = match random(2) {
                0 => SearchScope::Everything,
                _ => SearchScope::Feeds(vec![Feed::Room(room("a"))]),
            };
            let search = IndexSearch { scope, limit: 7, ..asked(&query) };
            let newest = documents.iter().rev().filter(|document| search.matches(document));
            let expected: Vec<_> = newest.map(|it| it.offset.as_u64()).take(7).collect();
            assert_eq!(find(&*index, &search).await, expected, "{query}");
        }
    }
}

/// Each call.
pub async fn a_closed_store_says_so_of_its_index(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let index = Arc::clone(&store).search_index().expect("the store has an index");
    apply(&*index, &texts(0, [message("one")])).await;
    store.close().await;
    let closed = |error| matches!(error, StoreError::Closed);
    assert!(closed(index.position(TOKENS_VERSION).await.unwrap_err()));
    assert!(closed(index.apply(&texts(1, [message("two")])).await.unwrap_err()));
    assert!(closed(index.clear().await.unwrap_err()));
    assert!(closed(index.search(&IndexSearch::all(1)).await.unwrap_err()));
}

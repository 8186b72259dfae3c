//! One session: saved, found, replaced, expired.

use chat_core::Timestamp;

use crate::testkit::SessionBackend;
use crate::testkit::samples::{at, find, save_one, session, session_key};

/// With its state and the moment at which it expires.
pub async fn a_session_that_was_saved_is_found(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let (ada, bob) = (session("ada", "her rooms", 100), session("bob", "his rooms", 200));
    save_one(&*store, &ada).await;
    save_one(&*store, &bob).await;
    assert_eq!(find(&*store, "ada", 0).await, Some(ada));
    assert_eq!(find(&*store, "bob", 0).await, Some(bob));
}

/// Not an error, also when nothing was ever saved or another key differs in one bit.
pub async fn a_key_that_nobody_saved_is_not_found(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    assert_eq!(find(&*store, "ada", 0).await, None);
    let zero = session("", "all zero", 100);
    save_one(&*store, &zero).await;
    assert_eq!(find(&*store, "ada", 0).await, None);
    for byte in 0..32 {
        let mut key = zero.key;
        key.0[byte] ^= 0x80;
        assert_eq!(store.session(key, at(0)).await.unwrap(), None);
    }
    assert_eq!(find(&*store, "", 0).await, Some(zero));
}

/// State and expiry, longer or shorter than before.
pub async fn a_later_save_replaces_a_session(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let other = session("other", "stays", 100);
    save_one(&*store, &other).await;
    for (state, expires_at) in [("first", 100), ("", 500), ("the third one", 50)] {
        let record = session("ada", state, expires_at);
        save_one(&*store, &record).await;
        assert_eq!(find(&*store, "ada", 0).await, Some(record));
    }
    assert_eq!(find(&*store, "ada", 50).await, None, "the last expiry counts");
    assert_eq!(find(&*store, "other", 50).await, Some(other));
}

/// To the millisecond.
pub async fn a_session_is_found_until_the_moment_at_which_it_expires(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    for millis in [1_700_000_000_000, 0, -5] {
        let record = session("ada", "here", millis);
        save_one(&*store, &record).await;
        assert_eq!(find(&*store, "ada", millis - 1).await, Some(record));
        assert_eq!(find(&*store, "ada", millis).await, None);
        assert_eq!(find(&*store, "ada", millis + 1).await, None);
    }
}

/// And can be begun again.
pub async fn a_session_is_ended_by_a_save_that_has_expired(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    save_one(&*store, &session("ada", "here", 100)).await;
    save_one(&*store, &session("ada", "", 49)).await;
    assert_eq!(find(&*store, "ada", 50).await, None);
    let again = session("ada", "back", 100);
    save_one(&*store, &again).await;
    assert_eq!(find(&*store, "ada", 50).await, Some(again));
}

/// In one batch and alone, up to 64 KiB.
pub async fn any_text_comes_back_as_a_state(backend: &dyn SessionBackend) {
    let long = |unit: &str| unit.repeat(64 * 1024 / unit.len());
    let mut texts =
        ["", "\0", "before\0after\0", "\\u0000 \"double\" 'single'", "שלום \u{202e}dlrow"]
            .map(str::to_owned)
            .to_vec();
    texts.extend(
        ["😀 👩‍👩‍👧‍👦 🇺🇳", "one\r\ntwo\ttabs\u{2028}", "null", "{\"rooms\":[\"general\"]}"]
            .map(Into::into),
    );
    texts.extend(["\u{feff}\u{fffd}\u{ffff}\u{10ffff}", "e\u{301} é", "1e999"].map(Into::into));
    texts.extend(["x", "é", "😀", "\"", "\u{1}", "\0"].map(long));
    let store = backend.open_store().await;
    let name = |number: usize| format!("session {number}");
    let batch: Vec<_> =
        (0..).zip(&texts).map(|(number, text)| session(&name(number), text, 100)).collect();
    store.save_sessions(&batch).await.unwrap();
    for (number, record) in batch.into_iter().enumerate() {
        save_one(&*store, &crate::SessionRecord { key: session_key("alone"), ..record.clone() })
            .await;
        assert_eq!(find(&*store, "alone", 0).await.unwrap().state, record.state);
        assert_eq!(find(&*store, &name(number), 0).await, Some(record));
    }
}

/// The ends of time are moments like others.
pub async fn the_first_and_the_last_moment_can_be_named(backend: &dyn SessionBackend) {
    let (first, last) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
    let store = backend.open_store().await;
    let for_ever = session("for ever", "here", i64::MAX);
    store.save_sessions(&[for_ever.clone(), session("never", "", i64::MIN)]).await.unwrap();
    assert_eq!(store.session(for_ever.key, first).await.unwrap().as_ref(), Some(&for_ever));
    assert_eq!(store.session(for_ever.key, last).await.unwrap(), None);
    assert_eq!(store.session(session_key("never"), first).await.unwrap(), None);
    assert_eq!(store.sweep_sessions(first).await.unwrap(), 1);
    assert_eq!(store.sweep_sessions(last).await.unwrap(), 1);
}

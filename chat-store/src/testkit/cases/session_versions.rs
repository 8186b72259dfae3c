//! Which of several records of a session counts.

use crate::SessionRecord;
use crate::testkit::SessionBackend;
use crate::testkit::samples::{at, find, save_one, session, session_key, version};

/// Whatever revision it has. The store says so, and keeps what is there.
pub async fn a_record_of_an_earlier_owner_does_not_count(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let newer = version("ada", 3, 0);
    save_one(&*store, &version("ada", 2, 5)).await;
    save_one(&*store, &newer).await;
    for late in [version("ada", 2, 5), version("ada", 2, 6), version("ada", 1, i64::MAX)] {
        assert_eq!(store.save_sessions(&[late]).await.unwrap(), [session_key("ada")]);
        assert_eq!(find(&*store, "ada", 0).await.as_ref(), Some(&newer));
    }
    save_one(&*store, &version("ada", 3, 1)).await;
    save_one(&*store, &version("ada", 4, 0)).await;
}

/// As when a connection broke during a save that the server finishes after the next one.
pub async fn a_record_that_arrives_late_does_not_count(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let newer = version("ada", 1, 7);
    save_one(&*store, &newer).await;
    assert_eq!(store.save_sessions(&[version("ada", 1, 6)]).await.unwrap(), [session_key("ada")]);
    assert_eq!(find(&*store, "ada", 0).await.as_ref(), Some(&newer));
    let again = SessionRecord { state: "again".into(), ..newer };
    save_one(&*store, &again).await;
    assert_eq!(find(&*store, "ada", 0).await, Some(again));
}

/// In whatever order they come, and each session for itself.
pub async fn the_newest_of_a_batch_is_saved(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let batch = [
        version("ada", 2, 2),
        version("bob", 5, 0),
        version("ada", 3, 1),
        version("ada", 3, 0),
        version("cyd", 1, 0),
        version("ada", 1, 9),
    ];
    assert_eq!(store.save_sessions(&batch).await.unwrap(), []);
    let batch =
        [version("ada", 4, 0), version("bob", 4, 9), version("bob", 4, 8), version("cyd", 2, 0)];
    assert_eq!(store.save_sessions(&batch).await.unwrap(), [session_key("bob")]);
    for kept in [version("ada", 4, 0), version("bob", 5, 0), version("cyd", 2, 0)] {
        assert_eq!(store.session(kept.key, at(0)).await.unwrap(), Some(kept));
    }
}

/// Until it is swept.
pub async fn an_earlier_owner_does_not_bring_back_what_has_ended(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    save_one(&*store, &version("ada", 1, 0)).await;
    save_one(&*store, &SessionRecord { generation: 2, ..session("ada", "", 10) }).await;
    assert_eq!(store.save_sessions(&[version("ada", 1, 1)]).await.unwrap(), [session_key("ada")]);
    assert_eq!(find(&*store, "ada", 50).await, None);
    assert_eq!(store.sweep_sessions(at(50)).await.unwrap(), 1);
    save_one(&*store, &version("ada", 1, 1)).await;
}

/// The least and the greatest number are versions like others.
pub async fn any_number_is_a_version(backend: &dyn SessionBackend) {
    let store = backend.open_store().await;
    let numbers = [i64::MIN, -1, 0, 1, i64::MAX];
    let versions: Vec<_> = numbers
        .into_iter()
        .flat_map(|generation| numbers.map(|revision| version("ada", generation, revision)))
        .collect();
    for record in &versions {
        save_one(&*store, record).await;
        assert_eq!(find(&*store, "ada", 0).await.as_ref(), Some(record));
    }
    for record in &versions[..versions.len() - 1] {
        let outdated = store.save_sessions(std::slice::from_ref(record)).await.unwrap();
        assert_eq!(outdated, [record.key]);
    }
}

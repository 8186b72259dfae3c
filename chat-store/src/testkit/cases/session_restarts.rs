//! Sessions outlive a store that is closed.

use crate::testkit::SessionBackend;
use crate::testkit::samples::{at, find, save_one, session};

/// As they were saved last. Those that have expired are not found, and swept later.
pub async fn sessions_are_found_after_any_number_of_restarts(backend: &dyn SessionBackend) {
    let mut ada = session("ada", "start 0 a\0b", 100);
    let store = backend.open_store().await;
    store.save_sessions(&[ada.clone(), session("expired", "", 10)]).await.unwrap();
    store.close().await;
    for start in 1..4 {
        let store = backend.open_store().await;
        assert_eq!(find(&*store, "ada", 50).await.as_ref(), Some(&ada));
        assert_eq!(find(&*store, "expired", 50).await, None);
        ada.state = format!("start {start} a\0b");
        save_one(&*store, &ada).await;
        store.close().await;
    }
    let store = backend.open_store().await;
    assert_eq!(store.sweep_sessions(at(50)).await.unwrap(), 1);
}

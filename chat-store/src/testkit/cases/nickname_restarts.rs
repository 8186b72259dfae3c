//! Nicknames outlive a store that is closed.

use crate::Claimed::{Taken, Yes};
use crate::testkit::SessionBackend;
use crate::testkit::samples::{claim, claim_one, find_name, user};

/// With their owners, and as they were written last.
pub async fn nicknames_are_kept_over_any_number_of_restarts(backend: &dyn SessionBackend) {
    for start in 0..4 {
        let store = backend.open_store().await;
        let name = if start % 2 == 0 { "Ada" } else { "ADA" };
        assert_eq!(claim_one(&*store, &claim(name, 1, 10 + start)).await, Yes(user(10)));
        store.close().await;
        let store = backend.open_store().await;
        assert_eq!(claim_one(&*store, &claim("Ada", 2, 20)).await, Taken);
        assert_eq!(find_name(&*store, "ada").await, Some((user(10), name.into())));
        store.close().await;
    }
}

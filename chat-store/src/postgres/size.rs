use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::Instant;

use super::connections::{Connections, within};
use crate::Disk;

/// How long a size is shown before the database is asked again.
const FRESH: Duration = Duration::from_secs(30);

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The bytes of the tables, with their indexes, and of those of the search.
const SIZES: &str = "SELECT
        coalesce(sum(pg_total_relation_size(c.oid)) FILTER (WHERE relname NOT LIKE 'chat\\_search%'), 0)::bigint,
        coalesce(sum(pg_total_relation_size(c.oid)) FILTER (WHERE relname LIKE 'chat\\_search%'), 0)::bigint
    FROM pg_class c
    WHERE relkind = 'r' AND relname LIKE 'chat\\_%' AND relnamespace =
        (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('chat_log'))";

/// What the tables take, as the database said last.
#[derive(Default)]
pub(super) struct Size {
    last: Mutex<Option<(Instant, Disk)>>,
    is_asked: AtomicBool,
}

impl Size {
    /// Returns what the database said last; none at first. If that is old, the database is asked in the background.
    pub(super) fn get(self: &Arc<Self>, connections: &Arc<Connections>) -> Option<Disk> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = last.is_some_and(|(at, _)| at.elapsed() < FRESH);
        if !is_fresh && !self.is_asked.swap(true, Ordering::Relaxed) {
            let (this, connections) = (Arc::clone(self), Arc::clone(connections));
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(async move { this.ask(&connections).await })),
                Err(_) => self.is_asked.store(false, Ordering::Relaxed),
            }
        }
        last.map(|(_, disk)| disk)
    }

    async fn ask(&self, connections: &Arc<Connections>) {
        if let Ok(mut lease) = connections.lease().await {
            let sizes = within(PATIENCE, sizes(&mut lease)).await;
            // What failed is reported by those who need the database.
            if let Ok((used, search)) = lease.settle(sizes) {
                let disk = Disk::new(used, None).with_search(search);
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                *last = Some((Instant::now(), disk));
            }
        }
        self.is_asked.store(false, Ordering::Relaxed);
    }
}

async fn sizes(connection: &mut PgConnection) -> Result<(u64, u64), sqlx::Error> {
    let (used, search): (i64, i64) = sqlx::query_as(SIZES).fetch_one(connection).await?;
    Ok((used.unsigned_abs(), search.unsigned_abs()))
}

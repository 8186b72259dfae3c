//! Connections that are used one call each, by a limited number of calls at a time, in their order.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::{Place, leaves_connection_usable, timed_out};
use crate::StoreError;

/// How long the server may take to let us in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection may take to show that it works.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// For how long a connection that has worked is taken to work.
const PROVEN: Duration = Duration::from_secs(1);
/// How long a call may take. The server gives up before that, see [`SETTINGS`]: only when nothing at all
/// comes back, as from a dead network, this end gives up alone.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// What a connection begins with.
///
/// Pages and keys are to be found by walking along an index whatever the planner believes about the size
/// of a table that it has not looked at yet: its other ways read and sort all there is. And a commit is
/// a durable one.
pub(super) const SETTINGS: &str = "
    SET lock_timeout = '5s';
    SET statement_timeout = '8s';
    SET default_transaction_isolation = 'read committed';
    SET enable_seqscan = off;
    SET enable_bitmapscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET jit = off;
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off'";

/// A connection with our settings.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let connect = async {
        let mut connection = options.connect().await?;
        sqlx::raw_sql(SETTINGS).execute(&mut connection).await?;
        Ok(connection)
    };
    timeout(CONNECT_TIMEOUT, connect).await.unwrap_or_else(|_| Err(timed_out()))
}

/// The result of a call that ends in bounded time.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(limit, call).await.unwrap_or_else(|_| Err(timed_out()))
}

/// Some connections of one kind.
pub(super) struct Connections {
    place: Place,
    options: PgConnectOptions,
    count: u32,
    /// One for each connection that there may be. First come, first served.
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<(PgConnection, Instant)>>,
}

impl Connections {
    /// At most `count`, made when they are needed.
    pub(super) fn new(place: Place, options: PgConnectOptions, count: u32) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(count as usize));
        Arc::new(Self { place, options, count, turns, idle: Mutex::default() })
    }

    /// A connection for one call, when it is its turn.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease, StoreError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::Closed)?;
        let connection = match self.take_idle().await {
            Some(connection) => connection,
            None => connect(&self.options).await.map_err(|e| self.place.error_in_use(e))?,
        };
        Ok(Lease { connection, connections: Arc::clone(self), _turn: turn })
    }

    /// Adds a connection that has just been made.
    pub(super) fn offer(&self, connection: PgConnection) {
        self.idle().push((connection, Instant::now()));
    }

    /// One that works, as far as one can know.
    async fn take_idle(&self) -> Option<PgConnection> {
        loop {
            let (mut connection, used) = self.idle().pop()?;
            if used.elapsed() < PROVEN || within(PING_TIMEOUT, connection.ping()).await.is_ok() {
                return Some(connection);
            }
        }
    }

    /// Waits for the calls that have come, and refuses those that come later.
    pub(super) async fn close(&self) {
        // Fails when it is closed.
        let Ok(_all) = self.turns.acquire_many(self.count).await else { return };
        self.turns.close();
        let idle = std::mem::take(&mut *self.idle());
        for (connection, _) in idle {
            // The server notices in any case.
            let _ = within(PING_TIMEOUT, connection.close()).await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(PgConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. If it is dropped before it is settled, it is closed: nobody knows what is under
/// way on it.
pub(super) struct Lease {
    connection: PgConnection,
    connections: Arc<Connections>,
    _turn: OwnedSemaphorePermit,
}

impl Lease {
    /// Gives the connection back after a call, unless the call has broken it.
    pub(super) fn settle<T>(self, outcome: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        let Self { connection, connections, .. } = self;
        if outcome.as_ref().err().is_none_or(leaves_connection_usable) {
            connections.offer(connection);
        }
        outcome.map_err(|error| connections.place.error_in_use(error))
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

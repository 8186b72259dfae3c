//! Connections for one call each, for a limited number of calls at a time, in their order.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::{Place, leaves_connection_usable, timed_out};
use super::known_log::KnownLog;
use crate::StoreError;

/// How long connecting to the server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection may take to prove that it works.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection that has worked is assumed to work.
const PROVEN: Duration = Duration::from_secs(1);
/// How long a call may take. The server gives up before that, see [`SETTINGS`]. This end gives up by itself only if
/// nothing comes back at all, as from a dead network.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The first statements on a connection.
///
/// Pages and keys must be found by walking along an index, whatever the planner assumes about the size of a table
/// that it has not analysed yet: its other plans read and sort everything. And commits must be durable.
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

/// Opens a connection with our settings.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let connect = async {
        let mut connection = options.connect().await?;
        sqlx::raw_sql(SETTINGS).execute(&mut connection).await?;
        Ok(connection)
    };
    timeout(CONNECT_TIMEOUT, connect).await.unwrap_or_else(|_| Err(timed_out()))
}

/// Returns the result of a call, within a limited time.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(limit, call).await.unwrap_or_else(|_| Err(timed_out()))
}

/// A pool of connections of one kind.
pub(super) struct Connections {
    place: Place,
    options: PgConnectOptions,
    log: Arc<KnownLog>,
    count: u32,
    /// One permit per possible connection. First come, first served.
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<(PgConnection, Instant)>>,
}

impl Connections {
    /// Creates a pool of at most `count` connections, opened when needed.
    pub(super) fn new(
        place: Place,
        options: PgConnectOptions,
        log: Arc<KnownLog>,
        count: u32,
    ) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(count as usize));
        Arc::new(Self { place, options, log, count, turns, idle: Mutex::default() })
    }

    /// Returns a connection for one call when it is its turn.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease, StoreError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::Closed)?;
        let connection = match self.take_idle().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Lease { connection, connections: Arc::clone(self), _turn: turn })
    }

    /// Opens a connection to the log that was there when the store was opened.
    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let in_use = |error| self.place.error_in_use(error);
        let mut connection = connect(&self.options).await.map_err(in_use)?;
        let is_in = within(CONNECT_TIMEOUT, self.log.is_in(&mut connection)).await;
        if is_in.map_err(in_use)? { Ok(connection) } else { Err(self.place.other_log()) }
    }

    /// Adds a connection that has just been opened.
    pub(super) fn offer(&self, connection: PgConnection) {
        self.idle().push((connection, Instant::now()));
    }

    /// Returns an idle connection that works, as far as one can know.
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

/// A connection in use. If it is dropped before it is settled, it is closed, because a call may be in progress on it.
pub(super) struct Lease {
    connection: PgConnection,
    connections: Arc<Connections>,
    _turn: OwnedSemaphorePermit,
}

impl Lease {
    /// Returns the connection to the pool after a call, unless the call has broken it.
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

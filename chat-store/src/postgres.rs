mod access;
#[allow(clippy::duplicate_mod, reason = "the statements of both SQL stores are the same")]
#[path = "sql/access_read.rs"]
mod access_read;
#[allow(clippy::duplicate_mod, reason = "the statements of both SQL stores are the same")]
#[path = "sql/access_write.rs"]
mod access_write;
mod append;
#[allow(clippy::duplicate_mod, reason = "the statements of both SQL stores are the same")]
#[path = "sql/apply_changes.rs"]
mod apply_changes;
mod changes;
mod connections;
mod count;
mod erase;
mod error;
mod feeds;
mod known_log;
#[allow(clippy::duplicate_mod, reason = "the statements of both SQL stores are the same")]
#[path = "sql/move_rows.rs"]
mod move_rows;
mod move_statements;
mod moving;
mod nicknames;
#[allow(clippy::duplicate_mod, reason = "the statements of both SQL stores are the same")]
#[path = "sql/pages.rs"]
mod pages;
#[cfg(all(test, feature = "testkit", unix))]
mod plan;
mod read;
mod read_positions;
mod schema;
mod search;
mod sessions;
mod size;
mod skeletons;
mod tls;
mod trim;
mod users;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::{AuthorId, Epoch, Feed, NewMessage, Offset, RoomId, UserId};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use self::append::Encoded;
use self::connections::{CALL_TIMEOUT, Connections, within};
use self::error::Place;
use self::known_log::KnownLog;
use self::read::Connection;
use self::schema::Prepared;
use self::size::Size;
use crate::{
    Appended, Disk, MessageStore, Page, Plan, Reactions, SchemaVersion, SearchIndex, StoreError,
    Trim, Trimmed,
};

/// The number of concurrent readers. A page takes well under a millisecond.
const READERS: u32 = 4;

/// The number of concurrent searches.
const SEARCHES: u32 = 2;

/// A log, sessions, nicknames, rooms, read positions and a search index in a PostgreSQL database, shared by any number of nodes.
///
/// Requires version 13 or later and a database with the encoding UTF8. Its tables (`chat_log`, `chat_messages`,
/// `chat_sessions`, `chat_nicknames`, `chat_rooms` and those around it) are created in the first schema of the
/// `search_path`. It keeps up to ten connections: one for batches of messages, one for sessions, nicknames and read
/// positions, one for changes to rooms and their members, once there are any, four for reading, and, if the log is
/// indexed or trimmed, one for that, and two for searches.
///
/// - *Order:* a batch is one call of a function that locks the log, numbers the messages and stores them:
///   one round trip. The lock is held until the commit is durable, so one batch commits at a time,
///   over all nodes, and batches grow while they wait.
/// - *Durable:* a commit is synced, even if the database has `synchronous_commit = off`. Commits are lost with
///   the server's disk; with a standby, set `synchronous_standby_names`.
/// - *Server down:* [`StoreError::Unavailable`]; reconnects by itself with the next call. If the
///   network drops packets silently, a call fails within 17 seconds.
/// - *Another server took over, or a backup was restored:* if the newest message that this store knows is not there,
///   [`StoreError::OtherLog`] on every new connection: the store has to be opened again.
/// - *Full disk:* [`StoreError::Full`], nothing stored. Works again once there is space.
/// - *Locked by another program:* [`StoreError::Locked`] after 5 seconds, nothing stored.
///
/// The connection has TLS, except to a server on this machine that has none, and with `?sslmode=disable`. The server's
/// certificate is verified with `?sslmode=verify-full`: by the authorities of the system, or those in the file that
/// `&sslrootcert=FILE` names.
pub struct PostgresStore {
    place: Place,
    epoch: Epoch,
    known: Arc<KnownLog>,
    has_plain_keys: bool,
    // One connection for all batches, and one for all saves and claims: several would wait for each other on the
    // server. Calls run in their order, even if a caller has gone away.
    log: Arc<Connections>,
    sessions: Arc<Connections>,
    /// A change to rooms takes several round trips, and waits for those of other nodes: sessions do not wait with it.
    access: Arc<Connections>,
    readers: Arc<Connections>,
    /// Neither the log nor its readers wait for the index, for deleting the beginning of the log, or for searches.
    index: Arc<Connections>,
    searches: Arc<Connections>,
    size: Arc<Size>,
}

/// Reads the URL of a database.
fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    // The user and the password would be taken for the name of a database, and shown.
    if !url.split_once(':').is_some_and(|(_, rest)| rest.starts_with("//")) {
        return Err(StoreError::Url { reason: "a postgres: URL begins with postgres://".into() });
    }
    let options: PgConnectOptions = url
        .parse()
        .map_err(|_| StoreError::Url { reason: "the postgres: URL cannot be read".into() })?;
    let options = tls::secured(without_brackets(options), url)?.disable_statement_logging();
    Ok(match options.get_application_name() {
        None => options.application_name(env!("CARGO_PKG_NAME")),
        Some(_) => options,
    })
}

/// Returns the options with an IPv6 address as the resolver takes it: a URL has it in brackets.
fn without_brackets(options: PgConnectOptions) -> PgConnectOptions {
    let host = options.get_host();
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(ToOwned::to_owned) {
        Some(host) => options.host(&host),
        None => options,
    }
}

impl PostgresStore {
    /// Opens the log in the database that a URL names, and creates its tables if there are none:
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Missing parts come from the `PG…` environment variables and the
    /// password file, as in `psql`; `?options=-c%20search_path%3Dchat` selects the schema.
    ///
    /// Tables of an earlier version are migrated, completely or not at all, even if this call is dropped. Of several
    /// nodes that start at once, one does it.
    ///
    /// # Errors
    /// [`StoreError::Url`] for an unsuitable URL, otherwise why the database cannot be used. No error shows the
    /// password.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let options = options(url)?;
        let place = Place::new(&options);
        let mut connection =
            connections::connect(&options).await.map_err(|error| place.error(error))?;
        let Prepared { epoch, has_plain_keys } = schema::prepare(&mut connection, &place).await?;
        let known = Arc::new(KnownLog::new(epoch.clone()));
        let new =
            |count| Connections::new(place.clone(), options.clone(), Arc::clone(&known), count);
        let [log, sessions, access, readers] = [new(1), new(1), new(1), new(READERS)];
        let [index, searches] = [new(1), new(SEARCHES)];
        log.offer(connection);
        Ok(Self {
            place,
            epoch,
            known,
            has_plain_keys,
            log,
            sessions,
            access,
            readers,
            index,
            searches,
            size: Arc::default(),
        })
    }

    /// Gives the log in a database a new epoch, as after a backup was restored or another server took over: clients that
    /// are ahead are told, and consumers go on where they are. Tables of an earlier version are migrated.
    ///
    /// No node may use the log: one that does would go on with the old epoch.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub async fn renew_epoch(url: &str) -> Result<(), StoreError> {
        let options = options(url)?;
        let place = Place::new(&options);
        let connected = connections::connect(&options).await;
        let mut connection = connected.map_err(|error| place.error(error))?;
        schema::renew_epoch(&mut connection, &place).await
    }

    /// Returns the version of the tables in the database of a URL, and changes nothing.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn schema_version(url: &str) -> Result<SchemaVersion, StoreError> {
        let options = options(url)?;
        let place = Place::new(&options);
        let connected = connections::connect(&options).await;
        let mut connection = connected.map_err(|error| place.error(error))?;
        let stored = schema::version(&mut connection, &place).await?;
        Ok(SchemaVersion { stored, known: schema::MIGRATIONS.len() })
    }

    /// Runs a write to its end even if its caller goes away, so that no write is left half done and the next one
    /// comes after it.
    async fn finish<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        tokio::spawn(write).await.unwrap_or_else(|error| {
            Err(StoreError::Unavailable { place: self.place.to_string(), source: error.into() })
        })
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("place", &self.place)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl MessageStore for PostgresStore {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>, StoreError> {
        let in_use = |error| self.place.error_in_use(error);
        let encoded = Encoded::new(batch, self.has_plain_keys).map_err(in_use)?;
        let mut lease = self.log.lease().await?;
        if batch.is_empty() {
            return lease.settle(Ok(Vec::new()));
        }
        let looks = Plan::has_conditions(batch);
        let committed = self.finish(async move {
            if looks {
                return Ok(Err(lease));
            }
            match within(CALL_TIMEOUT, append::commit(&mut lease, encoded)).await {
                Err(error) if append::has_to_look(&error) => Ok(Err(lease)),
                committed => lease.settle(committed).map(Ok),
            }
        });
        let appended = match committed.await? {
            Ok(committed) => committed.outcome(batch).map_err(in_use)?,
            Err(mut lease) => {
                let batch = batch.to_vec();
                let committed = self.finish(async move {
                    let look_and_commit = append::look_and_commit(&mut lease, &batch);
                    let committed = within(CALL_TIMEOUT, look_and_commit).await;
                    lease.settle(committed)
                });
                committed.await?
            }
        };
        for (appended, new) in appended.iter().zip(batch).rev() {
            if let Appended::New(offset) = appended {
                self.known.note(*offset, Some(new.at));
                break;
            }
        }
        Ok(appended)
    }

    async fn read_after(
        &self,
        feeds: Option<&[Feed]>,
        after: Offset,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut lease = self.readers.lease().await?;
        let read = pages::read_above_horizon(&mut lease, feeds, after, limit);
        let page = within(CALL_TIMEOUT, read).await;
        let page = lease.settle(page)?;
        if let Some(last) = page.messages.last() {
            self.known.note(last.offset, last.at);
        }
        Ok(page)
    }

    async fn read_before(
        &self,
        feed: &Feed,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut lease = self.readers.lease().await?;
        let read = pages::read_down_to_horizon(&mut lease, feed, before, limit);
        let page = within(CALL_TIMEOUT, read).await;
        lease.settle(page)
    }

    async fn horizon(&self) -> Result<Offset, StoreError> {
        let mut lease = self.readers.lease().await?;
        let horizon = within(CALL_TIMEOUT, read::horizon(&mut lease)).await;
        lease.settle(horizon)
    }

    async fn trim(&self, trim: &Trim) -> Result<Trimmed, StoreError> {
        let trim = *trim;
        let mut lease = self.index.lease().await?;
        let trimmed = self.finish(async move {
            let trimmed = within(CALL_TIMEOUT, trim::step(&trim, &mut lease)).await;
            lease.settle(trimmed)
        });
        trimmed.await
    }

    async fn forget_user(&self, user: UserId, in_messages: &[Offset]) -> Result<(), StoreError> {
        let in_messages = in_messages.to_vec();
        let mut lease = self.index.lease().await?;
        let forgotten = self.finish(async move {
            let forget = erase::forget_user(user, &in_messages, &mut lease);
            let forgotten = within(CALL_TIMEOUT, forget).await;
            lease.settle(forgotten)
        });
        forgotten.await
    }

    async fn tail(&self) -> Result<Offset, StoreError> {
        let mut lease = self.readers.lease().await?;
        let tail = within(CALL_TIMEOUT, read::tail(&mut lease)).await;
        lease.settle(tail)
    }

    async fn room_names(
        &self,
        after: Option<&RoomId>,
        limit: usize,
    ) -> Result<Vec<RoomId>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let names = within(CALL_TIMEOUT, read::room_names(&mut lease, after, limit)).await;
        lease.settle(names)
    }

    fn disk(&self) -> Option<Disk> {
        self.size.get(&self.index)
    }

    async fn count_after(&self, feed: &Feed, after: Offset, max: u64) -> Result<u64, StoreError> {
        let mut lease = self.readers.lease().await?;
        let count = within(CALL_TIMEOUT, count::count_after(&mut lease, feed, after, max)).await;
        lease.settle(count)
    }

    async fn reactions(
        &self,
        of: &[Offset],
        author: Option<AuthorId>,
    ) -> Result<Vec<Reactions>, StoreError> {
        let mut lease = self.readers.lease().await?;
        let read = within(CALL_TIMEOUT, apply_changes::reactions(&mut lease, of, author)).await;
        lease.settle(read)
    }

    async fn try_commit(&self) -> Result<bool, StoreError> {
        let mut lease = self.log.lease().await?;
        let tried = self.finish(async move {
            let tried = within(CALL_TIMEOUT, append::try_commit(&mut lease)).await;
            lease.settle(tried)
        });
        tried.await.map(|()| true)
    }

    fn search_index(self: Arc<Self>) -> Option<Arc<dyn SearchIndex>> {
        Some(self)
    }

    async fn close(&self) {
        self.log.close().await;
        self.sessions.close().await;
        self.access.close().await;
        self.readers.close().await;
        self.index.close().await;
        self.searches.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_loses_the_brackets_that_a_url_needs() {
        for (url, host) in [
            ("postgres://[::1]:5432/chat", "::1"),
            ("postgres://[2001:db8::7]/chat", "2001:db8::7"),
            ("postgres://db.example.org/chat", "db.example.org"),
        ] {
            assert_eq!(without_brackets(url.parse().unwrap()).get_host(), host);
        }
    }
}

mod listener;

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::Frame;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::sync::Mutex;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use self::listener::{Link, Listener};
use crate::{Broadcast, BroadcastError, Incoming, Subscriber};

/// How long the server has for an answer, and a publisher to be told that there is none.
const ANSWER: Duration = Duration::from_secs(2);

/// The longest payload of a notification that Postgres takes, in bytes.
const MAX_PAYLOAD: usize = 7999;

/// How many frames are kept for a slow subscriber. One that is further behind is told about a gap.
const CAPACITY: usize = 1024;

/// The longest name of a channel that Postgres takes, in bytes.
const MAX_CHANNEL: usize = 63;

/// A broadcast by `NOTIFY` and `LISTEN` through a PostgreSQL server, for instance the one that keeps
/// the log.
///
/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE?channel=chat`. Nodes that name the same database and
/// channel hear each other; the channel is `chat` unless the URL names another one, with letters,
/// digits, `_`, `-` and `.` of ASCII. Other parameters are those of the store.
///
/// Postgres takes no more than 8,000 bytes: a longer frame is sent as a hint without its messages, which
/// the other nodes then read from the store. It keeps nothing for a node that is cut off; when the
/// connection is back, subscribers hear of a gap. A connection on which nothing comes back is given up
/// after five seconds.
///
/// One connection listens for all subscribers of this object, another one publishes. They have to lead to
/// the server itself or to a pooler in session mode.
pub struct PostgresBroadcast {
    options: PgConnectOptions,
    channel: String,
    /// Gone when closed: the subscribers end when the last sender does.
    subscribers: StdMutex<Option<broadcast::Sender<Incoming>>>,
    link: Arc<Link>,
    /// Made when first needed and after each failure, also of the listener: see [`Link::losses`].
    publisher: Mutex<Option<(u64, PgConnection)>>,
    listener: AbortHandle,
}

impl PostgresBroadcast {
    /// Connects to the server that the URL names, and listens.
    ///
    /// # Errors
    /// [`BroadcastError::Unavailable`] when it is no such URL or the server cannot be used. Only at the
    /// start: later the connection is made again whenever it breaks.
    pub async fn connect(url: &str) -> Result<Self, BroadcastError> {
        let (url, channel) = take_channel(url)?;
        let options = PgConnectOptions::from_str(&url).map_err(unavailable)?;
        let options = options.disable_statement_logging();
        let options = match options.get_application_name() {
            None => options.application_name(env!("CARGO_PKG_NAME")),
            Some(_) => options,
        };
        let listener = Listener::connect(options.clone(), channel.clone());
        let listener = listener.await.map_err(unavailable)?;
        let (subscribers, link) = (broadcast::Sender::new(CAPACITY), Arc::new(Link::new()));
        let run = listener.run(subscribers.clone(), Arc::clone(&link));
        let listener = tokio::spawn(run).abort_handle();
        let subscribers = StdMutex::new(Some(subscribers));
        Ok(Self { options, channel, subscribers, link, publisher: Mutex::new(None), listener })
    }

    fn subscribers(&self) -> Result<broadcast::Sender<Incoming>, BroadcastError> {
        let subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.clone().ok_or(BroadcastError::Closed)
    }

    /// Sends a payload. When this fails or is dropped, the connection is closed.
    async fn notify(&self, payload: &str) -> Result<(), sqlx::Error> {
        let mut publisher = self.publisher.lock().await;
        let losses = self.link.losses();
        let mut connection = match publisher.take() {
            Some((when, connection)) if when == losses => connection,
            _ => {
                let mut connection = self.options.connect().await?;
                // A notification is not kept: there is nothing to wait for.
                sqlx::raw_sql("SET synchronous_commit = off").execute(&mut connection).await?;
                connection
            }
        };
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(&self.channel)
            .bind(payload)
            .execute(&mut connection)
            .await?;
        *publisher = Some((losses, connection));
        Ok(())
    }
}

#[async_trait]
impl Broadcast for PostgresBroadcast {
    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        self.subscribers()?;
        if !self.link.is_up() {
            return Err(BroadcastError::Unavailable("the connection is lost".into()));
        }
        let payload = encode(&frame).map_err(|error| BroadcastError::Unavailable(error.into()))?;
        match timeout(ANSWER, self.notify(&payload)).await {
            Ok(sent) => sent.map_err(unavailable),
            Err(elapsed) => Err(BroadcastError::Unavailable(elapsed.into())),
        }
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        Ok(Box::new(PostgresSubscriber(self.subscribers()?.subscribe())))
    }

    async fn close(&self) {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.listener.abort();
        // A publisher that is under way ends within its time.
        self.publisher.lock().await.take();
    }
}

impl Drop for PostgresBroadcast {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Shows no password.
impl fmt::Debug for PostgresBroadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresBroadcast")
            .field("channel", &self.channel)
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

struct PostgresSubscriber(broadcast::Receiver<Incoming>);

#[async_trait]
impl Subscriber for PostgresSubscriber {
    async fn next(&mut self) -> Option<Incoming> {
        match self.0.recv().await {
            Ok(incoming) => Some(incoming),
            Err(RecvError::Lagged(_)) => Some(Incoming::Gap),
            Err(RecvError::Closed) => None,
        }
    }
}

/// The frame as a payload: as a hint when it is too long.
fn encode(frame: &Frame) -> Result<String, std::string::FromUtf8Error> {
    let mut bytes = frame.encode();
    if bytes.len() > MAX_PAYLOAD {
        bytes = frame.without_messages().encode();
    }
    String::from_utf8(bytes)
}

/// The URL without the parameter that is ours, and its value.
fn take_channel(url: &str) -> Result<(String, String), BroadcastError> {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (own, others): (Vec<_>, Vec<_>) =
        query.split('&').partition(|pair| pair.split('=').next() == Some("channel"));
    let channel = own.last().map_or("chat", |pair| pair.get("channel=".len()..).unwrap_or(""));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if channel.is_empty() || channel.len() > MAX_CHANNEL || !channel.bytes().all(plain) {
        return Err(BroadcastError::Unavailable(
            "the channel in the URL has to be 1 to 63 letters, digits, _, - or .".into(),
        ));
    }
    let others = others.join("&");
    let question_mark = if others.is_empty() { "" } else { "?" };
    Ok((format!("{address}{question_mark}{others}"), channel.into()))
}

fn unavailable(error: sqlx::Error) -> BroadcastError {
    BroadcastError::Unavailable(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_is_taken_out_of_the_url() {
        for (url, rest, channel) in [
            ("postgres://db/chat", "postgres://db/chat", "chat"),
            ("postgres://db/chat?channel=Room.2", "postgres://db/chat", "Room.2"),
            ("postgres://db?user=a&channel=b&port=1", "postgres://db?user=a&port=1", "b"),
        ] {
            assert_eq!(take_channel(url).unwrap(), (rest.to_owned(), channel.to_owned()));
        }
    }

    #[test]
    fn a_channel_that_postgres_would_not_take_is_refused() {
        for channel in ["", "a%20b", "a\"b", &"x".repeat(64)] {
            assert!(take_channel(&format!("postgres://db?channel={channel}")).is_err());
        }
    }
}

mod listener;
mod publisher;

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::Frame;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use self::listener::{Link, Listener};
use self::publisher::Publisher;
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
/// connection is back, subscribers hear of a gap, and so they do when a node has lost frames that it
/// was to send. A connection on which nothing comes back is given up after five seconds.
///
/// One connection listens for all subscribers of this object, another one publishes: a few frames wait
/// for it, and what has queued goes in one statement. They have to lead to the server itself or to a
/// pooler in session mode.
pub struct PostgresBroadcast {
    channel: String,
    ends: Mutex<Option<Ends>>,
    link: Arc<Link>,
    /// Whether frames were lost of which the other nodes do not know.
    lost: Arc<AtomicBool>,
    listener: AbortHandle,
}

/// What is gone when the broadcast is closed: the subscribers and the publisher end with it.
#[derive(Clone)]
struct Ends {
    subscribers: broadcast::Sender<Incoming>,
    frames: mpsc::Sender<String>,
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
        let (link, lost) = (Arc::new(Link::new()), Arc::new(AtomicBool::new(false)));
        let subscribers = broadcast::Sender::new(CAPACITY);
        let listen = listener.run(subscribers.clone(), Arc::clone(&link));
        let listener = tokio::spawn(listen).abort_handle();
        let (frames, queued) = mpsc::channel(publisher::QUEUE);
        let (link_too, lost_too) = (Arc::clone(&link), Arc::clone(&lost));
        let publisher =
            Publisher { options, channel: channel.clone(), link: link_too, lost: lost_too };
        tokio::spawn(publisher.run(queued));
        let ends = Mutex::new(Some(Ends { subscribers, frames }));
        Ok(Self { channel, ends, link, lost, listener })
    }

    fn ends(&self) -> Result<Ends, BroadcastError> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.clone().ok_or(BroadcastError::Closed)
    }

    async fn queue(&self, frame: &Frame, ends: Ends) -> Result<(), BroadcastError> {
        let unavailable = |reason: &str| BroadcastError::Unavailable(reason.into());
        if !self.link.is_up() {
            return Err(unavailable("the connection is lost"));
        }
        let payload = encode(frame).map_err(|error| BroadcastError::Unavailable(error.into()))?;
        match ends.frames.send_timeout(payload, ANSWER).await {
            Ok(()) => Ok(()),
            Err(_) => Err(unavailable("the server does not take frames fast enough")),
        }
    }
}

#[async_trait]
impl Broadcast for PostgresBroadcast {
    fn is_connected(&self) -> bool {
        self.link.is_up()
    }

    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        let ends = self.ends()?;
        let queued = self.queue(&frame, ends).await;
        if queued.is_err() {
            self.lost.store(true, Ordering::Relaxed);
        }
        queued
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        Ok(Box::new(PostgresSubscriber(self.ends()?.subscribers.subscribe())))
    }

    async fn close(&self) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.listener.abort();
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

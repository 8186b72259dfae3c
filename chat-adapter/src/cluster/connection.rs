use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_core::{Frame, FrameError};
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

use super::listeners::Listeners;
use super::queue::{Piece, Queue};
use super::wire;

/// How long a hub may take to greet a node.
const GREETING_PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before connecting again. It doubles with each failure, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The connection of a node to its hub: a new one whenever one ends.
pub(super) struct Connection {
    path: PathBuf,
    link: Link,
    /// Whether a frame of another version was seen: there will be many.
    warned: bool,
}

/// What a node and its connection share.
#[derive(Debug)]
pub(super) struct Shared {
    /// What waits to be written to the hub.
    pub(super) outgoing: Queue<Vec<u8>>,
    pub(super) connected: AtomicBool,
    pub(super) listeners: Arc<Listeners>,
}

/// A connection on which the hub has said its greeting: it relays all from then on.
struct Link {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
}

impl Connection {
    pub(super) async fn open(path: &Path) -> io::Result<Self> {
        let link = Link::open(path).await?;
        Ok(Self { path: path.to_path_buf(), link, warned: false })
    }

    /// Carries frames in both directions until the node closes.
    pub(super) async fn run(mut self, shared: Arc<Shared>) {
        loop {
            let listen = listen(&mut self.link.from, &mut self.warned, &shared.listeners);
            let error = tokio::select! {
                written = wire::write_all(&shared.outgoing, &mut self.link.to) => match written {
                    Ok(()) => return,
                    Err(error) => error,
                },
                error = listen => error,
            };
            shared.connected.store(false, Ordering::Release);
            tracing::warn!("the hub of this host is away, connecting again: {error}");
            self.link = Link::reopen(&self.path).await;
            // What waited is old, and some of what was written may not have arrived.
            shared.outgoing.clear();
            shared.connected.store(true, Ordering::Release);
            shared.listeners.tell_gap();
            tracing::info!("the hub of this host is back");
        }
    }
}

/// Reads until the connection fails, or carries what no hub sends.
async fn listen(
    from: &mut BufReader<OwnedReadHalf>,
    warned: &mut bool,
    listeners: &Listeners,
) -> io::Error {
    loop {
        let bytes = match wire::read(from).await {
            Ok(Piece::Frame(bytes)) => bytes,
            Ok(Piece::Gap) => {
                listeners.tell_gap();
                continue;
            }
            Err(error) => return error,
        };
        match Frame::decode(&bytes) {
            Ok(frame) => listeners.tell(&Arc::new(frame), bytes.len()),
            Err(FrameError::Malformed(error)) => {
                return io::Error::new(ErrorKind::InvalidData, error);
            }
            Err(error) if !*warned => {
                *warned = true;
                tracing::warn!("frames of another version are ignored: {error}");
            }
            Err(_) => {}
        }
    }
}

impl Link {
    async fn open(path: &Path) -> io::Result<Self> {
        let greeted = async {
            let (from, to) = UnixStream::connect(path).await?.into_split();
            let mut from = BufReader::new(from);
            match wire::read(&mut from).await? {
                Piece::Gap => Ok(Self { from, to }),
                Piece::Frame(_) => {
                    Err(io::Error::new(ErrorKind::InvalidData, "it does not greet as a hub does"))
                }
            }
        };
        timeout(GREETING_PATIENCE, greeted).await?
    }

    async fn reopen(path: &Path) -> Self {
        let mut pause = SHORTEST_PAUSE;
        loop {
            match Self::open(path).await {
                Ok(link) => return link,
                Err(error) => tracing::debug!("the hub of this host is still away: {error}"),
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }
}

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

use super::queue::{Piece, Queue};
use super::wire;
use crate::broker::{Decoder, Link, Wire, backoff};
use crate::fanout::Fanout;
use crate::{BroadcastError, Incoming};

/// How long a hub may stay silent. It sends a heartbeat every second.
const SILENCE: Duration = Duration::from_secs(3);

/// The connection of a node to its hub, replaced whenever it ends.
pub(super) struct Connection {
    path: PathBuf,
    stream: Stream,
    decoder: Decoder,
}

/// State that a node and its connection share.
#[derive(Debug)]
pub(super) struct Shared {
    /// What waits to be written to the hub.
    pub(super) outgoing: Queue<Vec<u8>>,
    pub(super) wire: Wire,
    pub(super) fanout: Fanout,
    pub(super) link: Link,
}

/// A connection on which the hub has sent its greeting: it relays everything from then on.
struct Stream {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
}

impl Connection {
    pub(super) async fn open(path: &Path, wire: &Wire) -> io::Result<Self> {
        let stream = Stream::open(path).await?;
        Ok(Self { path: path.to_path_buf(), stream, decoder: wire.decoder() })
    }

    /// Carries frames in both directions until the node closes.
    pub(super) async fn run(mut self, shared: Arc<Shared>) {
        loop {
            let listen = listen(&mut self.stream.from, &mut self.decoder, &shared.fanout);
            let error = tokio::select! {
                written = wire::write_all(&shared.outgoing, &mut self.stream.to) => match written {
                    Ok(()) => return,
                    Err(error) => error,
                },
                heard = listen => match heard {
                    Ok(error) => error,
                    // It is closed, and what waits still has to be written.
                    Err(_) => {
                        let _ = wire::write_all(&shared.outgoing, &mut self.stream.to).await;
                        return;
                    }
                },
            };
            shared.link.lost(error);
            self.stream = Stream::reopen(&self.path).await;
            // Waiting frames are old, and some of those written may not have arrived.
            shared.outgoing.clear();
            if shared.fanout.send(Incoming::Gap).is_err() {
                return;
            }
            shared.link.found();
        }
    }
}

/// Reads until the connection fails, and returns why.
async fn listen(
    from: &mut BufReader<OwnedReadHalf>,
    decoder: &mut Decoder,
    fanout: &Fanout,
) -> Result<io::Error, BroadcastError> {
    loop {
        match timeout(SILENCE, wire::read(from)).await {
            Ok(Ok(Some(Piece::Frame(bytes)))) => {
                decoder.decode(&bytes).map_or(Ok(()), |frame| fanout.send(frame))?;
            }
            Ok(Ok(Some(Piece::Gap))) => fanout.send(Incoming::Gap)?,
            Ok(Ok(None)) => {}
            Ok(Err(error)) => return Ok(error),
            Err(elapsed) => return Ok(elapsed.into()),
        }
    }
}

impl Stream {
    async fn open(path: &Path) -> io::Result<Self> {
        let greeted = async {
            let (from, to) = UnixStream::connect(path).await?.into_split();
            let mut from = BufReader::new(from);
            match wire::read(&mut from).await? {
                Some(Piece::Gap) => Ok(Self { from, to }),
                _ => Err(io::Error::new(ErrorKind::InvalidData, "it does not greet as a hub does")),
            }
        };
        timeout(SILENCE, greeted).await?
    }

    async fn reopen(path: &Path) -> Self {
        let mut failures = 0;
        loop {
            sleep(backoff(failures)).await;
            failures = failures.saturating_add(1);
            match Self::open(path).await {
                Ok(stream) => return stream,
                Err(error) => tracing::debug!("the hub of this host is still away: {error}"),
            }
        }
    }
}

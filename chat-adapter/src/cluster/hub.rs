use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::unix::ReadHalf;
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use super::queue::{Piece, Queue};
use super::wire;
use crate::BroadcastError;

/// The number of nodes that may wait to be accepted.
const BACKLOG: u32 = 128;

/// How long to wait when no connection can be accepted, for instance without file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The hub that connects the processes of one host: it passes each frame of a
/// [`ClusterBroadcast`](crate::ClusterBroadcast) to all others.
///
/// The queue for each node is bounded, and nobody waits for a node: one that does not keep up loses its oldest frames
/// and gets a gap. The hub does not look into frames: each node ignores those it cannot read. Dropping the hub ends
/// all connections and removes the socket.
#[derive(Debug)]
pub struct ClusterHub {
    path: PathBuf,
    accepting: JoinHandle<()>,
}

impl ClusterHub {
    /// Listens on a Unix domain socket that only this user may connect to.
    ///
    /// A stale socket, as after `kill -9`, is replaced.
    ///
    /// # Errors
    /// [`BroadcastError::Unavailable`] if another hub listens there, if the file is something else, or if the path
    /// cannot be used: a socket's path is limited to about 100 bytes.
    pub async fn bind(path: impl AsRef<Path>) -> Result<Self, BroadcastError> {
        let path = path.as_ref().to_path_buf();
        let listener = listen(&path).await.map_err(|error| {
            let reason = format!("the socket {} cannot be used: {error}", path.display());
            BroadcastError::Unavailable(reason.into())
        })?;
        Ok(Self { path, accepting: tokio::spawn(accept(listener)) })
    }

    /// Returns the path of the socket.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ClusterHub {
    fn drop(&mut self) {
        self.accepting.abort();
        // It may be gone already; the next hub replaces it anyway.
        let _ = fs::remove_file(&self.path);
    }
}

async fn listen(path: &Path) -> io::Result<UnixListener> {
    let mut socket = UnixSocket::new_stream()?;
    match socket.bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            remove_stale(path).await?;
            socket = UnixSocket::new_stream()?;
            socket.bind(path)?;
        }
        bound => bound?,
    }
    // Before it listens, so that others can never connect.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    socket.listen(BACKLOG)
}

async fn remove_stale(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "the file is no socket"));
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another process listens on it")),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

async fn accept(listener: UnixListener) {
    let nodes = Arc::new(Nodes::default());
    let mut connections = JoinSet::new();
    for id in 0.. {
        let stream = loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => break stream,
                    Err(error) => {
                        tracing::warn!("a node cannot be accepted, trying again: {error}");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        };
        connections.spawn(serve(stream, id, Arc::clone(&nodes)));
    }
}

/// Relays for one node until its connection ends.
async fn serve(mut stream: UnixStream, id: u64, nodes: Arc<Nodes>) {
    let queue = nodes.add(id);
    let (from, to) = stream.split();
    let error = tokio::select! {
        Err(error) = relay(BufReader::new(from), id, &nodes) => error,
        Err(error) = wire::write_all(&queue, to) => error,
        else => return,
    };
    nodes.remove(id);
    if error.kind() == ErrorKind::InvalidData {
        tracing::warn!("a node does not keep to the protocol; its connection is closed: {error}");
    } else {
        tracing::debug!("a node has left: {error}");
    }
}

async fn relay(mut from: BufReader<ReadHalf<'_>>, id: u64, nodes: &Nodes) -> io::Result<()> {
    loop {
        let piece = match wire::read(&mut from).await? {
            None => continue,
            Some(Piece::Gap) => Piece::Gap,
            Some(Piece::Frame(bytes)) => Piece::Frame(Arc::from(bytes)),
        };
        nodes.tell_others(id, &piece);
    }
}

/// An encoded frame, shared by the queues of all nodes that it waits for.
type Bytes = Arc<[u8]>;

/// The queue of each node.
#[derive(Default)]
struct Nodes(Mutex<HashMap<u64, Arc<Queue<Bytes>>>>);

impl Nodes {
    fn add(&self, id: u64) -> Arc<Queue<Bytes>> {
        let queue = Arc::new(Queue::new());
        // From here on it misses nothing; before, it may have.
        queue.push_gap();
        self.lock().insert(id, Arc::clone(&queue));
        queue
    }

    /// A node that left may have sent frames that did not arrive.
    fn remove(&self, id: u64) {
        self.lock().remove(&id);
        self.tell_others(id, &Piece::Gap);
    }

    fn tell_others(&self, id: u64, piece: &Piece<Bytes>) {
        for queue in self.lock().iter().filter(|(other, _)| **other != id).map(|(_, queue)| queue) {
            match piece {
                Piece::Frame(bytes) => queue.push(Arc::clone(bytes), bytes.len()),
                Piece::Gap => queue.push_gap(),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Queue<Bytes>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chat_adapter::{Broadcast, BroadcastError, Fanout, Incoming, Subscriber};
use chat_core::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How many frames are kept for a node that reads slowly. One that is further behind is told about a gap.
const CAPACITY: usize = 1024;

/// How long to wait before a node is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// How often a node that has nothing to say says so.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// For how long nothing may move on a connection, before it is made anew.
const SILENCE: Duration = Duration::from_secs(3);

/// What stands in the place of a frame's length, and no frame follows.
const ALIVE: u32 = 0;

/// As [`ALIVE`], and frames may be missing here: the first thing on each connection.
const GAP: u32 = u32::MAX;

/// No frame is longer than this, in bytes.
const MAX_FRAME: u32 = 16 * 1024 * 1024;

/// A broadcast by TCP, without a broker: each node listens, and connects to each of the others to hear it.
///
/// On a connection only the node that was connected to speaks: frames, each behind its length as four bytes.
/// Nothing is encrypted, and whoever can connect hears everything.
pub struct TcpBroadcast {
    /// What this node says, as it is written to each connection.
    outgoing: Sender<Arc<[u8]>>,
    heard: Arc<Fanout>,
    peers: usize,
    /// How many of them are heard now.
    connected: Arc<AtomicUsize>,
    /// All that runs for it. They end with it.
    tasks: Mutex<JoinSet<()>>,
}

impl TcpBroadcast {
    /// A node that is heard through `listener` and hears the nodes that listen at `peers`, as soon as they do. To be
    /// called in a tokio runtime.
    pub fn new(listener: TcpListener, peers: &[SocketAddr]) -> Self {
        let outgoing = Sender::new(CAPACITY);
        let (heard, connected) = (Arc::new(Fanout::new()), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, outgoing.clone()));
        for &peer in peers {
            tasks.spawn(follow(peer, Arc::clone(&heard), Arc::clone(&connected)));
        }
        Self { outgoing, heard, peers: peers.len(), connected, tasks: Mutex::new(tasks) }
    }
}

#[async_trait]
impl Broadcast for TcpBroadcast {
    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        let body = frame.encode();
        // It comes back to this node, which knows its own.
        self.heard.send(Incoming::Frame(frame))?;
        let length = u32::try_from(body.len()).ok().filter(|&length| length <= MAX_FRAME);
        let framed = match length {
            Some(length) => [&length.to_be_bytes()[..], &body].concat(),
            None => GAP.to_be_bytes().to_vec(),
        };
        // It fails when nobody is connected, who will be told of a gap.
        let _ = self.outgoing.send(framed.into());
        Ok(())
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        self.heard.subscribe()
    }

    fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed) == self.peers
    }

    async fn close(&self) {
        self.heard.close();
        let tasks = mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        { tasks }.shutdown().await;
    }
}

/// Speaks to each node that connects.
async fn serve(listener: TcpListener, outgoing: Sender<Arc<[u8]>>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(speak(stream, outgoing.subscribe()));
            }
            // There are too many open files, most likely.
            Err(_) => sleep(PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Ends when the other node does not take it.
async fn speak(mut stream: TcpStream, mut frames: Receiver<Arc<[u8]>>) {
    stream.set_nodelay(true).ok();
    // What was said before is not going to be heard on this connection.
    let mut next: Arc<[u8]> = GAP.to_be_bytes().into();
    while let Ok(Ok(())) = timeout(SILENCE, stream.write_all(&next)).await {
        next = match timeout(HEARTBEAT, frames.recv()).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(RecvError::Lagged(_))) => GAP.to_be_bytes().into(),
            Ok(Err(RecvError::Closed)) => return,
            Err(_) => ALIVE.to_be_bytes().into(),
        };
    }
}

/// Hears a node, over one connection after the other.
async fn follow(peer: SocketAddr, heard: Arc<Fanout>, connected: Arc<AtomicUsize>) {
    loop {
        // Whatever ends it, the next connection begins with a gap.
        if let Ok(Ok(stream)) = timeout(SILENCE, TcpStream::connect(peer)).await {
            let _ = hear(stream, &heard, &connected).await;
        }
        sleep(PAUSE).await;
    }
}

async fn hear(stream: TcpStream, heard: &Fanout, connected: &AtomicUsize) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut counted = None;
    loop {
        let incoming = match timeout(SILENCE, reader.read_u32()).await?? {
            ALIVE => continue,
            GAP => Incoming::Gap,
            length if length > MAX_FRAME => return Err(io::ErrorKind::InvalidData.into()),
            length => {
                let mut body = vec![0; length as usize];
                timeout(SILENCE, reader.read_exact(&mut body)).await??;
                // What a node of another version says is found in the store.
                let Ok(frame) = Frame::decode(&body) else { continue };
                Incoming::Frame(Arc::new(frame))
            }
        };
        heard.send(incoming).map_err(io::Error::other)?;
        counted.get_or_insert_with(|| Counted::new(connected));
    }
}

/// Counts a connection for as long as it is there.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(connected: &'a AtomicUsize) -> Self {
        connected.fetch_add(1, Ordering::Relaxed);
        Self(connected)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

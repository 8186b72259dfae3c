//! Processes of one host: the suite on two nodes of one hub, and what can happen to hub and socket.

mod failures;
mod socket;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chat_adapter::testkit::{Broker, Nodes};
use chat_adapter::{ClusterBroadcast, ClusterHub};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex as AsyncMutex;

use crate::proxy::Switch;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(10);

chat_adapter::conformance!(suite, broker hub);

/// A hub, and a proxy on another socket in front of it.
struct Hub {
    place: Place,
    hub: Mutex<Option<ClusterHub>>,
    switch: Switch,
    /// Two further nodes, without what makes frames of bytes. They stay: one that leaves is a gap.
    raw: AsyncMutex<Option<[UnixStream; 2]>>,
}

async fn hub() -> Hub {
    let place = Place::new();
    let hub = Mutex::new(Some(place.hub().await));
    let switch = Switch::default();
    let (path, through) = (place.path(), switch.clone());
    let listener = UnixListener::bind(place.proxy()).expect("a socket");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(through.clone().pass(client, UnixStream::connect(path.clone())));
        }
    });
    Hub { place, hub, switch, raw: AsyncMutex::default() }
}

#[async_trait]
impl Broker for Hub {
    async fn nodes(&self) -> Nodes {
        let cut_off = ClusterBroadcast::connect(self.place.proxy()).await;
        [Arc::new(self.place.node().await), Arc::new(cut_off.expect("a node"))]
    }

    async fn kill(&self) {
        self.hub.lock().unwrap().take();
    }

    async fn start(&self) {
        let hub = self.place.hub().await;
        *self.hub.lock().unwrap() = Some(hub);
    }

    fn cut(&self) {
        self.switch.cut();
    }

    fn mend(&self) {
        self.switch.mend();
    }

    async fn send_raw(&self, bytes: &[u8]) {
        let mut raw = self.raw.lock().await;
        if raw.is_none() {
            let node = async || UnixStream::connect(self.place.path()).await.expect("connected");
            *raw = Some([node().await, node().await]);
        }
        let [from, to] = raw.as_mut().expect("they are connected");
        from.write_u32(bytes.len().try_into().expect("short")).await.expect("sent");
        from.write_all(bytes).await.expect("sent");
        // When one of them has it, the hub has given it to all.
        let mut heard = Vec::new();
        while !heard.ends_with(bytes) {
            heard.push(to.read_u8().await.expect("relayed"));
        }
    }
}

/// A folder for a socket.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("hub")
    }

    fn proxy(&self) -> PathBuf {
        self.0.path().join("proxy")
    }

    async fn hub(&self) -> ClusterHub {
        ClusterHub::bind(self.path()).await.expect("a hub")
    }

    async fn node(&self) -> ClusterBroadcast {
        ClusterBroadcast::connect(self.path()).await.expect("a node")
    }
}

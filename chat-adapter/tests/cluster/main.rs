//! Processes of one host: the suite on two nodes of one hub, and what can happen to hub and socket.

#![cfg(unix)]
// What fails panics: it is a test.
#![allow(clippy::expect_used)]

mod failures;
mod socket;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_adapter::testkit::Nodes;
use chat_adapter::{Broadcast, BroadcastError, ClusterBroadcast, ClusterHub, Incoming, Subscriber};
use chat_core::Frame;
use tempfile::TempDir;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(10);

chat_adapter::conformance!(cluster, nodes);

async fn nodes() -> Nodes {
    let place = Arc::new(Place::new());
    let hub = Arc::new(place.hub().await);
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let (node, hub, place) = (place.node().await, Arc::clone(&hub), Arc::clone(&place));
        nodes.push(Arc::new(NodeWithHub { node, _hub: hub, _place: place }) as Arc<dyn Broadcast>);
    }
    nodes.try_into().ok().expect("two nodes")
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

    async fn hub(&self) -> ClusterHub {
        ClusterHub::bind(self.path()).await.expect("a hub")
    }

    async fn node(&self) -> ClusterBroadcast {
        ClusterBroadcast::connect(self.path()).await.expect("a node")
    }
}

/// A node that keeps its hub alive.
struct NodeWithHub {
    node: ClusterBroadcast,
    _hub: Arc<ClusterHub>,
    _place: Arc<Place>,
}

#[async_trait]
impl Broadcast for NodeWithHub {
    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        self.node.publish(frame).await
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        self.node.subscribe().await
    }

    async fn close(&self) {
        self.node.close().await;
    }
}

async fn next(subscriber: &mut Box<dyn Subscriber>) -> Incoming {
    let next = tokio::time::timeout(PATIENCE, subscriber.next()).await;
    next.expect("something within ten seconds").expect("the stream goes on")
}

//! Every broadcast passes the same suite, and what each one promises beyond it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

#[cfg(any(feature = "nats", feature = "redis"))]
#[path = "../../../testing/certificates.rs"]
mod certificates;
#[cfg(all(feature = "cluster", unix))]
mod cluster;
#[cfg(feature = "nats")]
mod nats;
#[cfg(all(feature = "postgres", unix))]
mod postgres;
#[cfg(feature = "broker")]
mod proxy;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "nats", feature = "postgres", feature = "redis"))]
mod secrets;
#[cfg(any(feature = "nats", feature = "redis"))]
#[path = "../../../testing/service.rs"]
mod service;
#[cfg(any(feature = "nats", feature = "redis"))]
mod tls;

use std::sync::Arc;

use chat_adapter::testkit::Nodes;
use chat_adapter::{Broadcast, LocalBroadcast};

async fn local_nodes() -> Nodes {
    let shared: Arc<dyn Broadcast> = Arc::new(LocalBroadcast::new());
    [Arc::clone(&shared), shared]
}

chat_adapter::conformance!(local, local_nodes);

/// What a subscriber hears next.
#[cfg(feature = "broker")]
async fn next(subscriber: &mut Box<dyn chat_adapter::Subscriber>) -> chat_adapter::Incoming {
    let patience = std::time::Duration::from_secs(20);
    let next = tokio::time::timeout(patience, subscriber.next()).await;
    next.expect("something within twenty seconds").expect("the stream goes on")
}

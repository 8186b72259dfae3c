//! Every broadcast passes the same suite.

use std::sync::Arc;

use chat_adapter::testkit::Nodes;
use chat_adapter::{Broadcast, LocalBroadcast};

async fn local_nodes() -> Nodes {
    let shared: Arc<dyn Broadcast> = Arc::new(LocalBroadcast::new());
    [Arc::clone(&shared), shared]
}

chat_adapter::conformance!(local, local_nodes);

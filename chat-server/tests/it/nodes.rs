//! Several nodes with one log, connected in every way there is.

use std::sync::Arc;

use chat_adapter::{Broadcast, LocalBroadcast};
use chat_server::Chat;
use chat_store::{MemoryStore, Store};
use tokio::net::TcpListener;

use crate::javascript;

/// Runs the tests with JavaScript clients against nodes at these URLs.
async fn check(urls: &[String]) {
    let urls = urls.join(",");
    let run = move || javascript::run("nodes.test.mjs", &[("CHAT_NODE_URLS", &urls)]);
    tokio::task::spawn_blocking(run).await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
async fn nodes_in_one_process() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let broadcast: Arc<dyn Broadcast> = Arc::new(LocalBroadcast::new());
    let mut urls = Vec::new();
    for _ in 0..3 {
        let builder = Chat::builder(Arc::clone(&store)).broadcast(Arc::clone(&broadcast));
        let chat = builder.start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        urls.push(format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
    }
    check(&urls).await;
}

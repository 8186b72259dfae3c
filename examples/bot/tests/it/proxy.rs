use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Passes connections on to a server, and cuts each one after some bytes, wherever in a frame that is.
pub(crate) struct Proxy {
    pub(crate) url: String,
    /// How many connections were cut.
    pub(crate) cuts: Arc<AtomicUsize>,
}

impl Proxy {
    /// Starts one. The first connections pass so many bytes to the client; later ones all.
    pub(crate) async fn start(server: &str, budgets: Vec<usize>) -> Self {
        Self::start_with(server, budgets, false).await
    }

    /// The same, but connections are not cut: nothing more arrives on them.
    pub(crate) async fn start_that_stalls(server: &str, budgets: Vec<usize>) -> Self {
        Self::start_with(server, budgets, true).await
    }

    async fn start_with(server: &str, budgets: Vec<usize>, stalls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let cuts = Arc::new(AtomicUsize::new(0));
        let (cut, server) = (Arc::clone(&cuts), server.replace("ws://", ""));
        tokio::spawn(async move {
            let mut budgets = budgets.into_iter();
            while let Ok((client, _)) = listener.accept().await {
                let budget = budgets.next().unwrap_or(usize::MAX);
                let passed = pass(client, server.clone(), budget, stalls);
                let cut = Arc::clone(&cut);
                tokio::spawn(async move {
                    if passed.await {
                        cut.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Self { url, cuts }
    }
}

/// Passes a connection on until it ends. Returns whether it was cut.
async fn pass(client: TcpStream, server: String, budget: usize, stalls: bool) -> bool {
    let Ok(server) = TcpStream::connect(server).await else { return false };
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        _ = copy(from_client, to_server, usize::MAX, false) => false,
        is_spent = copy(from_server, to_client, budget, stalls) => is_spent,
    }
}

/// Copies so many bytes. Returns whether these are spent.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut budget: usize,
    stalls: bool,
) -> bool {
    let mut bytes = [0; 4096];
    while budget > 0 {
        let Ok(count @ 1..) = from.read(&mut bytes).await else { return false };
        let count = count.min(budget);
        if to.write_all(&bytes[..count]).await.is_err() {
            return false;
        }
        budget -= count;
    }
    if stalls {
        std::future::pending().await
    }
    true
}

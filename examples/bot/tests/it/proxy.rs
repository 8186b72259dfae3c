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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let cuts = Arc::new(AtomicUsize::new(0));
        let (cut, server) = (Arc::clone(&cuts), server.replace("ws://", ""));
        tokio::spawn(async move {
            let mut budgets = budgets.into_iter();
            while let Ok((client, _)) = listener.accept().await {
                let budget = budgets.next().unwrap_or(usize::MAX);
                tokio::spawn(pass(client, server.clone(), budget, Arc::clone(&cut)));
            }
        });
        Self { url, cuts }
    }
}

async fn pass(client: TcpStream, server: String, budget: usize, cuts: Arc<AtomicUsize>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        () = copy(from_client, to_server, usize::MAX) => {}
        () = copy(from_server, to_client, budget) => {
            cuts.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut budget: usize) {
    let mut bytes = [0; 4096];
    while budget > 0 {
        let Ok(count @ 1..) = from.read(&mut bytes).await else { return };
        let count = count.min(budget);
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
        budget -= count;
    }
}

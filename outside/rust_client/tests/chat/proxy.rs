//! A proxy that cuts connections.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Ends with its value.
pub(crate) struct Proxy {
    /// Where clients reach the server through it.
    pub(crate) address: SocketAddr,
    links: Arc<Mutex<JoinSet<()>>>,
}

impl Proxy {
    /// Starts one in front of `server`.
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let links = Arc::new(Mutex::new(JoinSet::new()));
        let opened = Arc::downgrade(&links);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await
                && let Some(links) = opened.upgrade()
            {
                links.lock().unwrap().spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(server).await {
                        copy_bidirectional(&mut client, &mut server).await.ok();
                    }
                });
            }
        });
        Self { address, links }
    }

    /// Ends every connection now.
    pub(crate) fn cut(&self) {
        self.links.lock().unwrap().abort_all();
    }
}

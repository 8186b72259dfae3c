//! A connection that can be cut without anybody being told.

use std::future::pending;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes on what goes to a server and comes from it, until it is cut.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    switch: Switch,
}

/// What cuts the connections that [`pass`] through it.
#[derive(Clone, Default)]
pub(crate) struct Switch(watch::Sender<State>);

#[derive(Clone, Copy, Default)]
struct State {
    /// A connection from before a cut never works again.
    cuts: u64,
    is_cut: bool,
}

impl Proxy {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let switch = Switch::default();
        let through = switch.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(through.clone().pass(client, TcpStream::connect(server)));
            }
        });
        Self { address, switch }
    }

    pub(crate) fn cut(&self) {
        self.switch.cut();
    }

    pub(crate) fn mend(&self) {
        self.switch.mend();
    }
}

impl Switch {
    pub(crate) fn cut(&self) {
        self.0.send_modify(|state| *state = State { cuts: state.cuts + 1, is_cut: true });
    }

    pub(crate) fn mend(&self) {
        self.0.send_modify(|state| state.is_cut = false);
    }

    /// Connects a client with the server, until it is cut.
    pub(crate) async fn pass<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        client: S,
        server: impl Future<Output = std::io::Result<S>>,
    ) {
        pass(client, server, self.0.subscribe()).await;
    }
}

async fn pass<S: AsyncRead + AsyncWrite + Unpin>(
    mut client: S,
    server: impl Future<Output = std::io::Result<S>>,
    mut state: watch::Receiver<State>,
) {
    let State { cuts, is_cut } = *state.borrow();
    if is_cut {
        pending::<()>().await;
    }
    // A server that is not there closes the connection, as it would without a proxy.
    let Ok(mut server) = server.await else { return };
    let cut = async { state.wait_for(|state| state.cuts != cuts).await.map(drop) };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => return,
        _ = cut => {}
    }
    // Both ends stay open, and nothing is read any more.
    pending().await
}

//! The network goes silent: no error, and nothing comes back.

use std::time::{Duration, Instant};

use chat_core::Offset;
use chat_store::{Appended, MessageStore, PostgresStore, StoreError};
use tokio::io::copy;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{SERVER, append};

/// Passes connections on to the server, and keeps them open without passing anything while it is `silent`.
async fn relay(listener: TcpListener, port: u16, silent: watch::Receiver<bool>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let mut silent = silent.clone();
        tokio::spawn(async move {
            let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let cut = async {
                silent.wait_for(|silent| *silent).await.unwrap();
            };
            tokio::select! {
                biased;
                () = cut => {}
                _ = async { tokio::join!(
                    copy(&mut from_client, &mut to_server),
                    copy(&mut from_server, &mut to_client),
                ) } => return,
            }
            // A connection that was cut stays so.
            std::future::pending::<()>().await;
        });
    }
}

#[tokio::test]
#[cfg_attr(not(has_postgres), ignore = "needs postgresql")]
async fn a_silent_network_is_noticed_in_bounded_time_and_left_behind_when_it_speaks_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = SERVER.create_database().await;
    let port = listener.local_addr().unwrap().port();
    let url = url.replace(&SERVER.port().to_string(), &port.to_string());
    let (cut, silent) = watch::channel(false);
    tokio::spawn(relay(listener, SERVER.port(), silent));
    let store = PostgresStore::connect(&url).await.unwrap();
    append(&store, "before").await.unwrap();
    store.tail().await.unwrap();

    cut.send(true).unwrap();
    let start = Instant::now();
    let (appended, tail) = tokio::join!(append(&store, "during"), store.tail());
    assert!(matches!(appended, Err(StoreError::Unavailable { .. })), "{appended:?}");
    assert!(matches!(tail, Err(StoreError::Unavailable { .. })), "{tail:?}");
    assert!(start.elapsed() < Duration::from_secs(20));

    cut.send(false).unwrap();
    assert_eq!(append(&store, "after").await.unwrap(), Appended::New(Offset::FIRST.next()));
    assert_eq!(store.tail().await.unwrap(), Offset::FIRST.next());
}

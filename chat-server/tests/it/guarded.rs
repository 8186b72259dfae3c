//! A chat inside an application that authenticates its clients and has events and a namespace of its own.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chat_server::{Chat, ConnectError, Limits, recovery};
use chat_store::MemoryStore;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use tokio::net::TcpListener;

use crate::javascript;

/// Starts the application, and returns its URL.
async fn start(skip_middlewares: bool) -> String {
    let mut limits = Limits::default();
    limits.max_new_names_per_hour = 0;
    let chat = Chat::builder(Arc::new(MemoryStore::new()))
        .limits(limits)
        .authenticate(async |_, auth| {
            let delay = auth["delay"].as_u64().unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(delay)).await;
            if auth["banned"] == true { Err(ConnectError::new("banned")) } else { Ok(()) }
        })
        .skip_middlewares(skip_middlewares)
        .on_connect(|socket: &SocketRef| {
            socket.on("whisper to me", async |socket: SocketRef, Data::<String>(text)| {
                recovery::emit(&socket, "whisper", &(text,)).unwrap();
            });
            socket.on("pictures", async |socket: SocketRef| {
                // More than the buffers of a connection take at once.
                let pictures: [_; 8] =
                    std::array::from_fn(|n| bytes::Bytes::from(vec![n as u8; 600_000]));
                socket.emit("pictures", &pictures).unwrap();
            });
            socket.on("disconnect me", async |socket: SocketRef| {
                socket.disconnect().unwrap();
            });
        })
        .start()
        .await
        .unwrap();
    // In a middleware, so before the client is told that it is connected: it may send at once.
    let events = async |socket: SocketRef| {
        socket.on("disconnect me", async |socket: SocketRef| {
            socket.disconnect().unwrap();
        });
        socket.on("add", async |Data::<(i64, i64)>((a, b)), ack: AckSender| {
            ack.send(&(a + b)).unwrap();
        });
        socket.on(
            "reverse",
            async |socket: SocketRef, Data::<(Bytes, Bytes)>((one, other)), ack: AckSender| {
                let turned = |bytes: &[u8]| Bytes::from_iter(bytes.iter().rev().copied());
                socket.emit("reversed", &(turned(&other), "and", [turned(&one)])).unwrap();
                ack.send(&turned(&one)).unwrap();
            },
        );
        Ok::<(), Infallible>(())
    };
    // Handlers that take their time, as those that ask a database.
    let entered = Arc::new(AtomicUsize::new(0));
    let slow = {
        let entered = Arc::clone(&entered);
        async move |socket: SocketRef| {
            entered.fetch_add(1, Ordering::Relaxed);
            socket.on_disconnect(async || tokio::time::sleep(Duration::from_millis(1200)).await);
            tokio::time::sleep(Duration::from_millis(2500)).await;
            Ok::<(), Infallible>(())
        }
    };
    let enter = async move |socket: SocketRef| {
        socket.emit("entered", &entered.load(Ordering::Relaxed)).unwrap();
    };
    chat.io().ns("/slow", enter.with(slow));
    chat.io().ns("/admin", (async |_: SocketRef| {}).with(events));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
async fn recovery_in_an_application_that_authenticates() {
    let (guarded, trusting) = (start(false).await, start(true).await);
    let run = move || {
        let variables = [("CHAT_GUARDED_URL", &*guarded), ("CHAT_TRUSTING_URL", &*trusting)];
        javascript::run("guarded.test.mjs", &variables);
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

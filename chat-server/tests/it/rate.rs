//! How often a client may send something.

use std::time::Duration;

use axum::Router;
use chat_server::{Limits, TransportService};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use tokio::net::TcpListener;

use crate::javascript;

/// An application that reads little from each client, and soon gives up those that do not answer.
async fn impatient() -> String {
    let (interval, timeout) = (Duration::from_millis(500), Duration::from_millis(300));
    let (service, io) =
        SocketIo::builder().ping_interval(interval).ping_timeout(timeout).build_svc();
    io.ns("/", async |socket: SocketRef| {
        socket.on("echo", async |Data::<u32>(number), ack: AckSender| ack.send(&number).unwrap());
    });
    let mut limits = Limits::default();
    (limits.max_events_per_second, limits.event_burst) = (100, 20);
    let service = TransportService::new(service, interval + timeout).with_limits(&limits);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route_service("/socket.io/", service);
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

#[tokio::test]
#[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
async fn rate() {
    let url = impatient().await;
    let run = move || javascript::run("rate.test.mjs", &[("CHAT_IMPATIENT_URL", &url)]);
    tokio::task::spawn_blocking(run).await.unwrap();
}

//! More connections than there may be: those that are there go on, further ones are told why, and so is the log.

use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::server::{Raw, Server};

const HEALTH: &str = "GET /healthz HTTP/1.1";

const POLL: &str = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1";

async fn assert_chats(client: &mut Client) {
    client.send(r#"421["chat message","hello"]"#).await;
    while !client.packet().await.starts_with("431[{\"offset\"") {}
}

/// So many connections that do nothing.
async fn idle(server: &Server, count: usize) -> Vec<Raw> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(server.open().await);
    }
    connections
}

/// Asks until the server takes it.
async fn assert_takes_connections_again(server: &Server) {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let response = server.ask(POLL).await;
        if response.starts_with("HTTP/1.1 200 ") {
            return;
        }
        assert!(Instant::now() < end, "{response}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn connections_above_the_most_are_told_so_and_health_is_still_there() {
    let server = Server::start(&["--max-connections", "5"]).await;
    let (mut client, _) = Client::connect(&server.address, json!({})).await;
    let others = idle(&server, 4).await;
    for _ in 0..20 {
        let response = server.ask(POLL).await;
        assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
        assert!(response.contains("\r\nretry-after: 10\r\n"), "{response}");
        assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
        let response = server.ask(HEALTH).await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(server.ask("GET /readyz HTTP/1.1").await.ends_with("ready\n"));
        assert_chats(&mut client).await;
    }
    // Silent ones do not take the place of those who ask for health either, for longer than they may.
    let _more = idle(&server, 200).await;
    assert_chats(&mut client).await;
    let end = Instant::now() + Duration::from_secs(8);
    while !server.ask(HEALTH).await.starts_with("HTTP/1.1 200 OK\r\n") {
        assert!(Instant::now() < end, "health is not there");
    }
    drop(others);
    assert_takes_connections_again(&server).await;
    assert_chats(&mut client).await;
    assert_eq!(server.logged("all 5 connections are taken").len(), 1);
    assert_eq!(server.logged(" WARN ").len(), 1);
}

#[tokio::test]
async fn connections_of_one_address_have_a_limit() {
    let server = Server::start(&["--max-connections-per-address", "3"]).await;
    let (mut client, _) = Client::connect(&server.address, json!({})).await;
    let others = idle(&server, 2).await;
    for _ in 0..3 {
        let response = server.ask(POLL).await;
        assert!(response.starts_with("HTTP/1.1 429 "), "{response}");
        assert!(response.contains("\r\nretry-after: 10\r\n"), "{response}");
        // Who lies about the address is counted as before: nobody is trusted.
        let response = server.ask(&format!("{POLL}\r\nX-Forwarded-For: 192.0.2.1")).await;
        assert!(response.starts_with("HTTP/1.1 429 "), "{response}");
        assert_chats(&mut client).await;
    }
    drop(others);
    assert_takes_connections_again(&server).await;
    let lines = server.logged("an address has 3 connections");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("client.address=127.0.0.1"), "{lines:?}");
}

/// Opens a websocket as a proxy does for a client.
async fn proxied(server: &Server, client: &str) -> (Raw, String) {
    let mut connection = server.open().await;
    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {client}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    connection.send(&request).await;
    let response = connection.response().await;
    (connection, response)
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_limit() {
    let options = ["--max-connections-per-address", "2", "--trusted-proxy", "loopback"];
    let server = Server::start(&options).await;
    let mut open = Vec::new();
    for client in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        for _ in 0..2 {
            // The first address is what the client itself wrote.
            let (connection, response) = proxied(&server, &format!("203.0.113.9, {client}")).await;
            assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
            open.push(connection);
        }
        let (mut refused, response) = proxied(&server, client).await;
        assert!(response.starts_with("HTTP/1.1 429 "), "{response}");
        // The connection is the proxy's, and other clients' requests come over it.
        refused
            .send(&format!("{POLL}\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 192.0.2.77\r\n\r\n"))
            .await;
        let response = refused.response().await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    }
    // Of one network.
    let (_, response) = proxied(&server, "2001:db8::2").await;
    assert!(response.starts_with("HTTP/1.1 429 "), "{response}");
    // A place is free when its websocket has ended.
    open.remove(0);
    let end = Instant::now() + Duration::from_secs(5);
    while !proxied(&server, "192.0.2.1").await.1.starts_with("HTTP/1.1 101 ") {
        assert!(Instant::now() < end, "the place is not free");
    }
    // Polls have theirs for as long as each takes.
    for _ in 0..5 {
        let response = server.ask(&format!("{POLL}\r\nX-Forwarded-For: 192.0.2.8")).await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    }
}

#[tokio::test]
async fn with_few_open_files_clients_that_are_there_go_on() {
    let server = Server::start_with_open_files(64, &[]).await;
    let (mut client, _) = Client::connect(&server.address, json!({})).await;
    let others = idle(&server, 150).await;
    for _ in 0..10 {
        assert_chats(&mut client).await;
    }
    let lines = server.logged("connections are taken, further ones are refused");
    assert_eq!(lines.len(), 1, "{lines:?}");
    drop(others);
    assert_takes_connections_again(&server).await;
    assert_eq!(server.logged(" ERROR ").len() + server.logged(" WARN ").len(), 1);
}

#[tokio::test]
async fn when_no_file_can_be_opened_it_is_said_once_and_clients_go_on() {
    let server = Server::start(&[]).await;
    let (mut client, _) = Client::connect(&server.address, json!({})).await;
    assert_chats(&mut client).await;
    let pid = server.process.id().unwrap();
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = |current: u64| {
        let pid = Pid::from_raw(pid.cast_signed());
        prlimit(pid, Resource::Nofile, Rlimit { current: Some(current), maximum }).unwrap();
    };
    let is_open = |file: &u64| std::fs::read_link(format!("/proc/{pid}/fd/{file}")).is_ok();
    let free = (0..).find(|file| !is_open(file)).unwrap();
    limit(free);
    let others = idle(&server, 5).await;
    for _ in 0..20 {
        // It is told, or ended, and does not hang.
        let response = server.ask(HEALTH).await;
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 503 "), "{response}");
        assert_chats(&mut client).await;
    }
    // Not even one to let go of.
    limit(3);
    assert_chats(&mut client).await;
    let waiting = idle(&server, 5).await;
    assert_chats(&mut client).await;
    limit(free + 100);
    drop((others, waiting));
    assert_takes_connections_again(&server).await;
    let lines = server.logged("no connection can be accepted");
    assert_eq!(lines.len(), 1, "{lines:?}");
}

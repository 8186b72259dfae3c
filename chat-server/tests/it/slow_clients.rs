//! Clients that take their time: each ends at its bound, and none that waits for good reason does.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Client, PATIENCE};
use crate::server::{Raw, Server};

const BOUND: Duration = Duration::from_millis(500);

/// A byte in so much time is too slow for anything.
const DRIP: Duration = Duration::from_millis(25);

async fn impatient() -> Server {
    let bounds = ["--header-timeout", "--body-timeout", "--idle-timeout", "--write-timeout"];
    let options: Vec<_> = bounds.iter().flat_map(|option| [*option, "500ms"]).collect();
    Server::start(&options).await
}

/// Not before its time, and not for ever after.
fn assert_in_time(taken: Duration) {
    assert!(taken >= BOUND - Duration::from_millis(50), "{taken:?}");
    assert!(taken < BOUND + PATIENCE / 2, "{taken:?}");
}

#[tokio::test]
async fn a_connection_that_says_nothing_ends() {
    let server = impatient().await;
    let (taken, said) = server.open().await.end().await;
    assert_in_time(taken);
    assert_eq!(said, "");
}

#[tokio::test]
async fn headers_that_come_byte_by_byte_end_the_connection() {
    let server = impatient().await;
    let mut connection = server.open().await;
    let began = Instant::now();
    connection.drip(&format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(200)), DRIP).await;
    let (_, said) = connection.end().await;
    assert_in_time(began.elapsed());
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");

    let mut connection = server.open().await;
    connection.send("GET /healthz HTTP/1.1\r\nX: x").await;
    let (taken, said) = connection.end().await;
    assert_in_time(taken);
    assert!(said.starts_with("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n"), "{said}");
}

#[tokio::test]
async fn a_connection_without_a_further_request_ends() {
    let server = impatient().await;
    let mut connection = server.open().await;
    let began = Instant::now();
    while began.elapsed() < BOUND * 3 {
        connection.send("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await;
        let response = connection.response().await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        sleep(BOUND / 3).await;
    }
    let (taken, said) = connection.end().await;
    assert!(taken > BOUND / 3, "{taken:?}");
    assert_in_time(taken + BOUND / 3);
    assert_eq!(said, "");
}

#[tokio::test]
async fn the_headers_of_a_further_request_have_the_time_of_the_first() {
    let server = impatient().await;
    let mut connection = server.open().await;
    connection.send("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await;
    connection.response().await;
    sleep(BOUND / 2).await;
    connection.send("GET /healthz HTTP/1.1\r\n").await;
    let (taken, said) = connection.end().await;
    assert_in_time(taken);
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
}

/// Opens a session that polls, and returns the path of its requests.
async fn poll(server: &Server) -> String {
    let opened = server.ask("GET /socket.io/?EIO=4&transport=polling HTTP/1.1").await;
    let (_, sid) = opened.split_once(r#""sid":""#).expect(&opened);
    let sid = sid.split('"').next().unwrap();
    format!("/socket.io/?EIO=4&transport=polling&sid={sid}")
}

fn post(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n")
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_ends_the_connection() {
    let server = impatient().await;
    let path = poll(&server).await;
    let mut connection = server.open().await;
    connection.send(&post(&path, 1000)).await;
    let began = Instant::now();
    let Raw(stream) = connection;
    let (reader, mut writer) = stream.into_split();
    let drip = tokio::spawn(async move {
        while writer.write_all(b"4").await.is_ok() {
            sleep(DRIP).await;
        }
    });
    let mut said = Vec::new();
    let mut reader = tokio::io::BufReader::new(reader);
    // It may be a reset after the answer.
    let read = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut said);
    let _ = timeout(PATIENCE, read).await.expect("the end");
    assert_in_time(began.elapsed());
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.starts_with("HTTP/1.1 408 ") && said.contains("\r\nconnection: close\r\n"),
        "{said}"
    );
    drip.abort();
}

#[tokio::test]
async fn what_waits_for_good_reason_is_not_ended() {
    let server = impatient().await;
    let path = poll(&server).await;
    let mut polling = server.open().await;
    polling.send(&(post(&path, 2) + "40")).await;
    let posted = polling.response().await;
    assert!(posted.starts_with("HTTP/1.1 200 "), "{posted}");
    let get = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    // Beside heartbeats.
    let mut polled = String::new();
    while !polled.contains("\r\n\r\n40{") {
        polling.send(&get).await;
        polled = polling.response().await;
        assert!(polled.starts_with("HTTP/1.1 200 "), "{polled}");
    }
    let (mut websocket, _) = Client::connect(&server.address, json!({})).await;

    // What there is to hear of the other, and then nothing.
    let mut heard = String::new();
    while !heard.contains("user joined") {
        polling.send(&get).await;
        heard = polling.response().await;
    }
    polling.send(&get).await;
    sleep(BOUND * 4).await;
    websocket.send(r#"420["chat message","hello"]"#).await;
    let mut polled = polling.response().await;
    while !polled.contains(r#"42["chat message","hello""#) {
        assert!(polled.starts_with("HTTP/1.1 200 "), "{polled}");
        polling.send(&get).await;
        polled = polling.response().await;
    }
    while !websocket.packet().await.contains("offset") {}
}

#[tokio::test]
async fn responses_that_are_not_taken_end_the_connection() {
    let server = impatient().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(server.address.parse().unwrap()).await.unwrap();
    let (reader, mut writer) = stream.into_split();
    // More than the buffers of both sides hold.
    let request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(500);
    let ask = async { while writer.write_all(request.as_bytes()).await.is_ok() {} };
    timeout(PATIENCE, ask).await.expect("the server ends it");
    drop(reader);
}

#[tokio::test]
async fn headers_are_of_sixteen_kilobytes_at_the_most() {
    let server = Server::start(&[]).await;
    for (length, status) in [(15 * 1024, "200 OK"), (17 * 1024, "431 "), (400 * 1024, "431 ")] {
        let mut connection = server.open().await;
        let request = format!(
            "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: {}\r\n\r\n",
            "x".repeat(length)
        );
        // The server has answered before it has all.
        let _ = connection.0.write_all(request.as_bytes()).await;
        let response = connection.response().await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{length}: {response}");
    }
}

//! The application as its clients see it: over HTTP, on a port of its own.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod client;
mod http;

use std::net::SocketAddr;
use std::time::Duration;

use chat_server::Chat;
use client::Client;
use http::get;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

async fn start() -> (SocketAddr, Chat) {
    let (routes, chat) = own_axum_application::application().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (address, chat)
}

#[tokio::test]
async fn the_application_keeps_its_own_page_and_the_chat_has_none() {
    let (address, _chat) = start().await;
    assert!(get(address, "/").await.unwrap().contains("My own page"));
    assert_eq!(get(address, "/online").await.unwrap(), "0");
    assert_eq!(get(address, "/readyz").await, Err(404));
}

#[tokio::test]
async fn its_event_and_those_of_the_chat_share_a_connection() {
    let (address, _chat) = start().await;
    let mut client = Client::connect(address, "/", json!({ "serverOffset": 0 })).await.unwrap();
    assert_eq!(client.ask(json!(["add", [1, 2, 3]])).await, json!([6]));
    let ack = client.ask(json!(["chat message", "hello", "key-1"])).await;
    assert_eq!(ack, json!([{ "offset": 1, "duplicate": false }]));
    let ack = client.ask(json!(["chat message", "hello", "key-1"])).await;
    assert_eq!(ack, json!([{ "offset": 1, "duplicate": true }]));
    let message = client.event("chat message").await;
    assert_eq!((&message[1], &message[2]), (&json!("hello"), &json!(1)));
}

#[tokio::test]
async fn its_event_that_ends_with_a_string_is_no_place_to_recover_from() {
    let (address, _chat) = start().await;
    let mut client = Client::connect(address, "/", json!({})).await.unwrap();
    client.emit(json!(["whisper", "psst"])).await;
    // A client takes a trailing string for its recovery offset.
    assert_eq!(client.event("whisper").await, json!(["whisper", "psst", null]));
}

#[tokio::test]
async fn another_client_gets_what_was_said_before_it_came() {
    let (address, _chat) = start().await;
    let mut first = Client::connect(address, "/", json!({})).await.unwrap();
    first.ask(json!(["chat message", "early"])).await;
    let mut second = Client::connect(address, "/", json!({})).await.unwrap();
    assert_eq!(second.event("chat message").await[1], json!("early"));
    let mut third = Client::connect(address, "/", json!({ "serverOffset": 1 })).await.unwrap();
    third.ask(json!(["chat message", "late"])).await;
    assert_eq!(third.event("chat message").await[1], json!("late"));
}

#[tokio::test]
async fn its_namespace_knows_nothing_of_the_chat() {
    let (address, _chat) = start().await;
    let mut admin = Client::connect(address, "/admin", json!({})).await.unwrap();
    assert_eq!(admin.ask(json!(["sure?"])).await, json!(["sure"]));
}

#[tokio::test]
async fn whom_it_does_not_want_it_refuses() {
    let (address, _chat) = start().await;
    let refused = Client::connect(address, "/", json!({ "banned": true })).await.err();
    assert_eq!(refused.unwrap()["message"], "you are banned");
}

#[tokio::test]
async fn it_hears_of_those_who_come_and_go() {
    let (address, _chat) = start().await;
    let mut client = Client::connect(address, "/", json!({})).await.unwrap();
    let _other = Client::connect(address, "/", json!({})).await.unwrap();
    assert_eq!(get(address, "/online").await.unwrap(), "2");
    client.disconnect().await;
    let gone = async {
        while get(address, "/online").await.unwrap() != "1" {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), gone).await.expect("it hears of it");
}

#[tokio::test]
async fn after_the_shutdown_nobody_can_connect() {
    let (address, chat) = start().await;
    chat.shutdown().await;
    assert_eq!(get(address, "/socket.io/?EIO=4&transport=polling").await, Err(503));
    assert!(get(address, "/").await.is_ok(), "the rest is the application's");
}

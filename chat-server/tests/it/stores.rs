//! A chat that keeps its messages in one store and its sessions in another.

use std::sync::Arc;

use chat_core::{NewMessage, Offset, RoomId, Timestamp};
use chat_server::{Chat, Stores};
use chat_store::{MemoryStore, MessageStore, SessionStore};
use serde_json::json;
use tokio::net::TcpListener;

use crate::client::Client;

/// Starts a chat, and returns its address.
async fn start(stores: Stores) -> String {
    let chat = Chat::builder(stores).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
    address
}

fn stores(messages: &Arc<MemoryStore>, sessions: &Arc<MemoryStore>) -> Stores {
    Stores::new(messages.clone(), sessions.clone(), messages.clone())
}

#[tokio::test]
async fn messages_and_sessions_go_to_the_store_that_is_theirs() {
    let [messages, sessions] = [(); 2].map(|()| Arc::new(MemoryStore::new()));
    let address = start(stores(&messages, &sessions)).await;
    let (mut client, session) = Client::connect(&address, json!({})).await;
    client.send(r#"420["chat message","hi"]"#).await;
    let answer = client.packet().await;
    assert!(answer.starts_with("430"), "{answer}");
    drop(client);

    let (_client, again) = Client::connect(&address, json!({ "pid": session["pid"] })).await;
    assert_eq!(again["sid"], session["sid"], "the session is found");
    let tails = (messages.tail().await.unwrap(), sessions.tail().await.unwrap());
    assert_eq!(tails, (Offset::FIRST, Offset::ZERO));
    let end = Timestamp::from_millis(i64::MAX);
    assert_eq!(messages.sweep_sessions(end).await.unwrap(), 0);
    assert_eq!(sessions.sweep_sessions(end).await.unwrap(), 1);
}

#[tokio::test]
async fn a_session_that_outlives_its_log_is_not_resumed_in_another() {
    let general = |text: &str| NewMessage::new(RoomId::general(), text.parse().unwrap());
    let sessions = Arc::new(MemoryStore::new());
    let first = Arc::new(MemoryStore::new());
    let address = start(stores(&first, &sessions)).await;
    let (client, session) = Client::connect(&address, json!({ "history": 0 })).await;
    drop(client);

    let second = Arc::new(MemoryStore::new());
    second.append(&[general("new")]).await.unwrap();
    let address = start(stores(&second, &sessions)).await;
    let (mut client, other) = Client::connect(&address, json!({ "pid": session["pid"] })).await;
    assert_ne!(other["sid"], session["sid"]);
    let message = client.packet().await;
    assert!(message.starts_with(r#"42["chat message","new",1"#), "{message}");
}

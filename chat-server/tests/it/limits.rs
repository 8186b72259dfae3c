//! Limits that an application changes.

use std::sync::Arc;

use chat_core::{NewMessage, RoomId};
use chat_server::{Chat, Limits};
use chat_store::{MemoryStore, MessageStore};
use serde_json::json;
use tokio::net::TcpListener;

use crate::client::Client;

/// Starts a chat with three messages, and returns its address.
async fn start(limits: Limits) -> String {
    let store = Arc::new(MemoryStore::new());
    let general = |text: &str| NewMessage::new(RoomId::general(), text.parse().unwrap());
    store.append(&["a", "b", "c"].map(general)).await.unwrap();
    let chat = Chat::builder(store).limits(limits).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
    address
}

#[tokio::test]
async fn a_client_is_in_as_many_rooms_as_it_may() {
    let mut limits = Limits::default();
    limits.max_rooms = 2;
    let address = start(limits).await;
    let auth = json!({ "serverOffset": 3, "rooms": ["one", "two", "three"] });
    let (mut client, _) = Client::connect(&address, auth).await;
    let not_joined = client.packet().await;
    assert!(
        not_joined.starts_with(r#"42["not joined",{"rooms":[{"room":"three","#),
        "{not_joined}"
    );
    assert!(not_joined.contains("2 rooms are the most"), "{not_joined}");
    for (event, expected) in [
        (r#"["join","three"]"#, r#"[{"error":{"code":"too_many_rooms","message":"you are in 2 "#),
        (r#"["join","two"]"#, r#"[{"room":"two","#),
        (r#"["leave","two"]"#, r#"[{"room":"two"}"#),
        (r#"["join","three"]"#, r#"[{"room":"three","#),
    ] {
        client.send(&format!("421{event}")).await;
        let answer = client.packet().await;
        assert!(answer.starts_with(&format!("431{expected}")), "{event}: {answer}");
    }
}

#[tokio::test]
async fn a_client_begins_with_as_many_messages_as_it_may() {
    for (max_history, expected) in [(2, "b"), (1, "c")] {
        let mut limits = Limits::default();
        limits.max_history = max_history;
        let address = start(limits).await;
        let (mut client, _) = Client::connect(&address, json!({ "history": 3 })).await;
        let first = client.packet().await;
        assert!(first.starts_with(&format!(r#"42["chat message","{expected}","#)), "{first}");
    }
}

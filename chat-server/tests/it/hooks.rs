//! What an application is told of its connections, and what it cannot take away from the chat.

use std::sync::Arc;

use chat_server::Chat;
use chat_store::MemoryStore;
use serde_json::json;
use socketioxide::extract::SocketRef;
use socketioxide::socket::DisconnectReason;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::client::{Client, PATIENCE};

#[tokio::test]
async fn a_disconnect_handler_of_the_application_does_not_take_the_place_of_the_chats() {
    let (ended, mut reasons) = mpsc::unbounded_channel();
    let chat = Chat::builder(Arc::new(MemoryStore::new()))
        .on_connect(|socket: &SocketRef| {
            socket.on_disconnect(async || panic!("the chat's is called instead"));
        })
        .on_disconnect(move |socket, reason| ended.send((socket.id.to_string(), reason)).unwrap())
        .start()
        .await
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });

    let (mut client, first) = Client::connect(&address, json!({})).await;
    client.send("41").await;
    let (_, reason) = timeout(PATIENCE, reasons.recv()).await.unwrap().unwrap();
    assert_eq!(reason, DisconnectReason::ClientNSDisconnect);

    // The chat has heard of it as well: the session is over.
    let (client, second) = Client::connect(&address, json!({ "pid": first["pid"] })).await;
    assert_ne!(second["sid"], first["sid"]);
    assert_ne!(second["pid"], first["pid"]);

    // This one is not over, and is got back.
    drop(client);
    let (_, reason) = timeout(PATIENCE, reasons.recv()).await.unwrap().unwrap();
    assert_ne!(reason, DisconnectReason::ClientNSDisconnect);
    let (_client, third) = Client::connect(&address, json!({ "pid": second["pid"] })).await;
    assert_eq!(third["sid"], second["sid"]);
}

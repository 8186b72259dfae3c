//! What a client may rely on when it has got an answer.

use std::sync::Arc;

use chat_server::Chat;
use chat_store::MemoryStore;
use chat_store::testkit::HeldStore;
use serde_json::json;
use tokio::net::TcpListener;

use crate::client::Client;

#[tokio::test]
async fn a_name_is_answered_when_it_would_outlive_a_crash() {
    let held = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
    let chat = Chat::builder(Arc::<HeldStore>::clone(&held)).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
    let (mut client, _) = Client::connect(&address, json!({})).await;

    held.saves.close();
    client.send(r#"420["nickname","Ada"]"#).await;
    // The session that has the name is about to be saved.
    held.saves.waiting(1).await;
    client.send(r#"421["nickname",5]"#).await;
    let refusal = client.packet().await;
    assert!(refusal.starts_with(r#"431[{"error""#), "{refusal}");

    held.saves.open();
    let answer = client.packet().await;
    assert!(answer.starts_with(r#"430[{"nickname":"Ada""#), "{answer}");
}

//! What one client asks for costs what it costs, and nobody else.

use std::sync::Arc;

use chat_server::{Chat, ChatBuilder};
use chat_store::{MemoryStore, Store};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::client::Client;

/// A chat, and where it is served.
async fn serve(builder: ChatBuilder) -> String {
    let chat = builder.start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
    address
}

fn chat(store: Arc<dyn Store>) -> ChatBuilder {
    Chat::builder(store)
}

#[tokio::test]
async fn a_client_that_takes_names_leaves_one_task_behind_not_one_for_each() {
    let address = serve(chat(Arc::new(MemoryStore::new()))).await;
    let (mut client, _) = Client::connect(&address, json!({})).await;
    client.send(r#"420["nickname","Ada","ada's own secret token"]"#).await;
    assert!(client.packet().await.starts_with("430[{\"nickname\""));
    let before = Handle::current().metrics().num_alive_tasks();
    for name in 0..300 {
        client
            .send(&format!(r#"42{name}["nickname","Ada {name}","ada's own secret token"]"#))
            .await;
        client.send(&format!(r#"421{name}["nickname","Ada","ada's own secret token"]"#)).await;
        for _ in 0..2 {
            assert!(client.packet().await.starts_with("43"));
        }
    }
    let after = Handle::current().metrics().num_alive_tasks();
    assert!(after <= before + 5, "{before} tasks, then {after}");
}

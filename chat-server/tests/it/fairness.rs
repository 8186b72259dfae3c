//! What one client asks for costs what it costs, and nobody else.

use std::sync::Arc;

use chat_core::{NewMessage, RoomId};
use chat_server::{Chat, ChatBuilder, Limits};
use chat_store::testkit::HeldStore;
use chat_store::{MemoryStore, MessageStore, Store};
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

/// One in which anybody may take any number of names.
fn chat(store: Arc<dyn Store>) -> ChatBuilder {
    let mut limits = Limits::default();
    limits.max_new_names_per_hour = 0;
    Chat::builder(store).limits(limits)
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

/// Asks for what needs not wait for the store, and gets it.
async fn is_answered(client: &mut Client) {
    let questions = [
        (r#"427["typing","general",true]"#, r#"437[{"room":"general","typing":true}]"#),
        (r#"427["users","general"]"#, r#"437[{"room":"general","users":"#),
        (r#"427["typing","elsewhere",true]"#, r#"437[{"error":{"code":"not_in_room""#),
        (r#"427["history",{"room":"elsewhere"}]"#, r#"437[{"error":{"code":"not_in_room""#),
        (r#"427["chat message",""]"#, r#"437[{"error":{"code":"invalid_content""#),
        (r#"427["join"]"#, r#"437[{"error":{"code":"invalid_arguments""#),
        (r#"427["nonsense"]"#, r#"437[{"error":{"code":"unknown_event""#),
    ];
    for (question, answer) in questions {
        client.send(question).await;
        let got = client.packet().await;
        assert!(got.starts_with(answer), "{question} is answered with {got}");
    }
}

#[tokio::test]
async fn what_needs_nothing_of_the_store_is_answered_while_the_store_hangs() {
    let memory = Arc::new(MemoryStore::new());
    let old = NewMessage::new(RoomId::general(), "old".parse().unwrap());
    memory.append(&vec![old; 11_000]).await.unwrap();
    let held = Arc::new(HeldStore::new(memory));
    let address = serve(chat(Arc::<HeldStore>::clone(&held))).await;

    // Nothing hangs.
    let (mut client, _) = Client::connect(&address, json!({ "serverOffset": 11_000 })).await;
    is_answered(&mut client).await;

    // A page of history, and what comes behind it.
    held.reads.close();
    client.send(r#"421["history",{"room":"general","before":100}]"#).await;
    held.reads.waiting(1).await;
    is_answered(&mut client).await;
    client.send(r#"422["chat message","hi"]"#).await;
    while !client.packet().await.starts_with("432[{\"offset\":11001") {}
    held.reads.open();
    while !client.packet().await.starts_with("431[{\"messages\"") {}

    // The session that a join changes.
    held.saves.close();
    client.send(r#"423["join","rust"]"#).await;
    held.saves.waiting(1).await;
    is_answered(&mut client).await;
    held.saves.open();
    assert!(client.packet().await.starts_with("433[{\"room\":\"rust\""));

    // What the client has missed.
    held.reads.close();
    let (mut late, _) = Client::connect(&address, json!({ "serverOffset": 1 })).await;
    held.reads.waiting(1).await;
    is_answered(&mut late).await;
    held.reads.open();
    assert!(late.packet().await.starts_with(r#"42["chat message","old",2,"#));
}

//! What a client may rely on when it has got an answer.

use std::sync::Arc;
use std::time::Duration;

use chat_server::Chat;
use chat_store::MemoryStore;
use chat_store::testkit::HeldStore;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::{Client, PATIENCE};

/// Its name, and the rooms that it is in: else it would come back without them, and not know.
#[tokio::test]
async fn what_belongs_to_a_session_is_answered_when_it_would_outlive_a_crash() {
    let held = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
    let chat = Chat::builder(Arc::<HeldStore>::clone(&held)).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
    let (mut other, _) = Client::connect(&address, json!({})).await;
    other.send(r#"429["join","rust"]"#).await;
    while !other.packet().await.starts_with("439") {}
    let (mut client, _) = Client::connect(&address, json!({})).await;

    let requests = [
        (r#"420["nickname","Ada"]"#, r#"430[{"nickname":"Ada""#),
        (r#"420["join","rust"]"#, r#"430[{"room":"rust","users""#),
        (r#"420["leave","rust"]"#, r#"430[{"room":"rust"}]"#),
    ];
    for (request, answer) in requests {
        held.saves.close();
        client.send(request).await;
        held.saves.waiting(1).await;
        // While the session is not saved yet, there is no answer, and no message before it.
        other.send(r#"429["chat message","hello",null,{"room":"rust"}]"#).await;
        while !other.packet().await.starts_with("439") {}
        let early = timeout(Duration::from_millis(100), client.packet()).await;
        assert!(early.is_err(), "{early:?} before the session is saved");

        held.saves.open();
        let first = client.packet().await;
        assert!(first.starts_with(answer), "{first}");
        if request.contains("join") {
            let message = client.packet().await;
            assert!(message.starts_with(r#"42["chat message","hello""#), "{message}");
        }
    }
}

/// It could otherwise get what comes after a message of the room, and recover elsewhere what the store has: the room, from
/// after that message on.
#[tokio::test]
async fn a_client_that_comes_back_gets_nothing_before_what_it_left_would_outlive_a_crash() {
    let held = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
    let chat = Chat::builder(Arc::<HeldStore>::clone(&held)).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
    let rooms = json!({ "rooms": ["general", "rust"] });
    let (mut other, _) = Client::connect(&address, rooms.clone()).await;
    let mut say = async |room: &str| {
        other.send(&format!(r#"429["chat message","hello",null,{{"room":"{room}"}}]"#)).await;
        while !other.packet().await.starts_with("439") {}
    };
    let (mut client, session) = Client::connect(&address, rooms).await;
    say("general").await;
    let first = client.packet().await;
    let first: Value = serde_json::from_str(first.strip_prefix("42").expect(&first)).unwrap();
    let place = json!({ "pid": session["pid"], "offset": first.as_array().unwrap().last() });

    held.saves.close();
    client.send(r#"420["leave","rust"]"#).await;
    held.saves.waiting(1).await;
    drop(client);
    for room in ["rust", "general", "rust"] {
        say(room).await;
    }
    let (mut client, again) = Client::connect(&address, place).await;
    assert_eq!(again["pid"], session["pid"], "it is recovered");
    let early = timeout(Duration::from_millis(100), client.packet()).await;
    assert!(early.is_err(), "{early:?} before the session is saved");
    held.saves.open();
    let next = client.packet().await;
    assert!(next.starts_with(r#"42["chat message","hello",3,{"room":"general""#), "{next}");
}

/// A chat on a store that can be held, a client that has sent a message which the store keeps waiting, and a drain that has
/// begun since.
async fn drained_while_the_store_waits() -> (Arc<HeldStore>, Client, JoinHandle<()>) {
    let held = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
    let chat = Chat::builder(Arc::<HeldStore>::clone(&held)).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = chat.clone();
    tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
    let (mut client, _) = Client::connect(&address, json!({})).await;
    held.appends.close();
    client.send(r#"427["chat message","hello"]"#).await;
    held.appends.waiting(1).await;
    let drained = tokio::spawn(async move { chat.drain(Duration::ZERO).await });
    (held, client, drained)
}

#[tokio::test]
async fn a_client_that_is_moved_away_gets_the_answer_to_what_it_has_asked() {
    let (held, mut client, drained) = drained_while_the_store_waits().await;
    let early = timeout(Duration::from_millis(200), client.try_packet()).await;
    assert!(early.is_err(), "{early:?} before the message is stored");
    held.appends.open();
    let mut packets = Vec::new();
    while let Ok(packet) = timeout(PATIENCE, client.try_packet()).await.expect("it ends") {
        packets.push(packet);
    }
    assert!(packets.iter().any(|packet| packet.starts_with(r#"437[{"offset":1"#)), "{packets:?}");
    timeout(PATIENCE, drained).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn a_store_that_hangs_keeps_no_client_that_is_moved_away() {
    let (_held, mut client, drained) = drained_while_the_store_waits().await;
    let ended = timeout(PATIENCE, client.try_packet()).await.expect("it ends");
    assert!(ended.is_err(), "{ended:?}");
    timeout(PATIENCE, drained).await.expect("it ends").unwrap();
}

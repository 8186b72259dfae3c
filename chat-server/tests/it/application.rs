//! What an application does with its chat from Rust, on two nodes.

use std::sync::Arc;
use std::time::Duration;

use chat_adapter::LocalBroadcast;
use chat_core::{Kind, Nickname, Posting, RefusalCode, RoomId, Timestamp, Topic, Visibility};
use chat_server::{Chat, ChatError, Limits, SendError};
use chat_store::testkit::FailingStore;
use chat_store::{AccessChanged, AccessRequest, MemoryStore, NewAccessChange, Store};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::client::{Client, PATIENCE};

/// Two nodes on one store, with their addresses.
async fn nodes(store: &Arc<dyn Store>, has_rules: bool) -> [(Chat, String); 2] {
    let broadcast = Arc::new(LocalBroadcast::new());
    let node = async || {
        let mut limits = Limits::default();
        limits.max_message_bytes = 1000;
        let chat = Chat::builder(Arc::clone(store)).broadcast(broadcast.clone()).limits(limits);
        let chat = if has_rules { chat.room_rules() } else { chat };
        let chat = chat.start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = chat.clone();
        tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
        (chat, address)
    };
    [node().await, node().await]
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

/// The arguments of the next event with this name.
async fn hears(client: &mut Client, event: &str) -> Vec<Value> {
    let start = format!("42[{},", json!(event));
    loop {
        let packet = client.packet().await;
        if packet.starts_with(&start) {
            let mut arguments: Vec<Value> = serde_json::from_str(&packet[2..]).unwrap();
            arguments.remove(0);
            return arguments;
        }
    }
}

async fn ask(client: &mut Client, request: Value) -> Value {
    client.send(&format!("427{request}")).await;
    loop {
        if let Some(answer) = client.packet().await.strip_prefix("437") {
            let [answer]: [Value; 1] = serde_json::from_str(answer).unwrap();
            return answer;
        }
    }
}

#[tokio::test]
async fn texts_and_events_reach_all_nodes_late_clients_and_history() {
    let store = memory();
    let [(chat, one), (_other, other)] = nodes(&store, false).await;
    let auth = json!({ "rooms": ["ci"], "serverOffset": 0 });
    let (mut here, _) = Client::connect(&one, auth.clone()).await;
    let (mut there, _) = Client::connect(&other, auth.clone()).await;
    let ci = chat.room(room("ci"));
    let name: Nickname = "CI".parse().unwrap();
    let text = ci.send("build 1 has failed \"\u{0}\"").from(name).key("build-1").await.unwrap();
    let order = json!({ "id": 7, "lines": [1.5, null, "é"] });
    let event = ci.emit("order updated", &order).await.unwrap();
    assert_eq!([text.offset.as_u64(), event.offset.as_u64()], [1, 2]);
    let (mut late, _) = Client::connect(&other, auth).await;
    for client in [&mut here, &mut there, &mut late] {
        let [content, offset, meta, _] = &hears(client, "chat message").await[..] else { panic!() };
        assert_eq!((content, offset), (&json!("build 1 has failed \"\u{0}\""), &json!(1)));
        assert_eq!((&meta["from"], &meta["user"]), (&json!("CI"), &Value::Null));
        assert_eq!(meta["clientOffset"], Value::Null, "the key is the application's");
        let [payload, offset, meta, recovery] = &hears(client, "order updated").await[..] else {
            panic!()
        };
        assert_eq!((payload, offset, &meta["room"]), (&order, &json!(2), &json!("ci")));
        assert!(recovery.as_str().unwrap().ends_with("-2"), "{recovery}");
    }
    let answer = ask(&mut there, json!(["history", { "room": "ci" }])).await;
    let [first, second] = &answer["messages"].as_array().unwrap()[..] else { panic!("{answer}") };
    assert_eq!((&first["event"], &second["event"]), (&Value::Null, &json!("order updated")));
    let payload: Value = serde_json::from_str(second["content"].as_str().unwrap()).unwrap();
    assert_eq!(payload, order);
    let page = ci.history(None, 1).await.unwrap();
    assert!(
        page.more
            && matches!(&page.messages[0].kind, Kind::Event(name) if name.as_str() == "order updated")
    );
}

#[tokio::test]
async fn a_key_of_the_application_is_recognised_on_every_node_and_no_client_can_block_it() {
    let store = memory();
    let [(chat, address), (other, _)] = nodes(&store, false).await;
    let (mut eve, _) = Client::connect(&address, json!({ "rooms": ["ci"] })).await;
    let request = json!(["chat message", "mine", "build-1", { "room": "ci" }]);
    assert_eq!(ask(&mut eve, request).await["offset"], 1);
    let first = chat.room(room("ci")).send("failed").key("build-1").await.unwrap();
    assert_eq!((first.offset.as_u64(), first.duplicate), (2, false));
    let again = other.room(room("ci")).send("failed").key("build-1").await.unwrap();
    assert_eq!((again.offset, again.duplicate), (first.offset, true));
    let another = other.room(room("ci")).send("passed").key("build-1").await.unwrap_err();
    assert!(matches!(another, SendError::KeyConflict(offset) if offset == first.offset));
    let event = other.room(room("ci")).emit("failed", "failed").key("build-1").await.unwrap_err();
    assert_eq!(event.code(), RefusalCode::ClientOffsetConflict);
}

#[tokio::test]
async fn an_event_for_a_user_reaches_all_devices_and_nobody_else() {
    let store = memory();
    let [(chat, one), (_other, other)] = nodes(&store, false).await;
    let auth =
        json!({ "nickname": "Ada", "token": "the token of Ada, x9Qk2Lm7", "serverOffset": 0 });
    let (mut desk, _) = Client::connect(&one, auth.clone()).await;
    hears(&mut desk, "nickname").await;
    let (mut phone, _) = Client::connect(&other, auth).await;
    let eves =
        json!({ "nickname": "Eve", "token": "the token of Eve, Pz4Rt8W1", "serverOffset": 0 });
    let (mut eve, _) = Client::connect(&one, eves).await;
    hears(&mut eve, "nickname").await;
    assert!(chat.user(&"Nobody".parse().unwrap()).await.unwrap().is_none());
    let ada = chat.user(&"ada".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((ada.nickname().as_str(), ada.is_online()), ("Ada", true));
    ada.emit("invoice", &json!({ "total": 12 })).await.unwrap();
    ada.emit("invoice", &json!({ "total": 13 })).await.unwrap();
    chat.room(RoomId::general()).send("for all").await.unwrap();
    for device in [&mut desk, &mut phone] {
        for total in [12, 13] {
            let [payload, _, meta, _] = &hears(device, "invoice").await[..] else { panic!() };
            assert_eq!(payload["total"], total);
            assert_eq!((&meta["from"], &meta["user"]), (&Value::Null, &Value::Null));
        }
        hears(device, "chat message").await;
    }
    loop {
        let packet = eve.packet().await;
        assert!(!packet.contains("invoice"), "{packet}");
        if packet.starts_with(r#"42["chat message","for all""#) {
            break;
        }
    }
}

#[tokio::test]
async fn who_is_online_is_known_over_all_nodes() {
    let [(chat, one), (_other, other)] = nodes(&memory(), false).await;
    let connect = async |address: &str, name: &str| {
        let auth = json!({ "nickname": name, "rooms": ["ci"] });
        let (mut client, _) = Client::connect(address, auth).await;
        hears(&mut client, "nickname").await;
        client
    };
    let _here = connect(&one, "Ada").await;
    let _there = connect(&other, "Bob").await;
    let all = async {
        loop {
            let online = chat.room(room("ci")).online();
            if online.users == 2 {
                break online.nicknames;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let names = timeout(PATIENCE, all).await.unwrap();
    assert_eq!(names.iter().map(Nickname::as_str).collect::<Vec<_>>(), ["Ada", "Bob"]);
    assert_eq!(chat.room(room("nowhere")).online().users, 0);
}

#[tokio::test]
async fn what_cannot_be_sent_says_why_and_stores_nothing() {
    let failing = Arc::new(FailingStore::new(memory()));
    let store: Arc<dyn Store> = failing.clone();
    let [(chat, _), _] = nodes(&store, false).await;
    let ci = chat.room(room("ci"));
    let long = "x".repeat(1001);
    for (sending, code) in [
        (ci.send(""), RefusalCode::InvalidArguments),
        (ci.send("x").key(""), RefusalCode::InvalidArguments),
        (ci.emit("chat message", "x"), RefusalCode::InvalidArguments),
        (ci.emit("disconnect", "x"), RefusalCode::InvalidArguments),
        (ci.send(long.as_str()), RefusalCode::TooLarge),
        (ci.emit("long", long.as_str()), RefusalCode::TooLarge),
        (ci.emit("longer", &"x".repeat(70_000)), RefusalCode::TooLarge),
    ] {
        let error = sending.await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    failing.fail_appends(1);
    let lost = ci.send("x").key("k").await.unwrap_err();
    assert!(matches!(lost, SendError::Unavailable), "{lost}");
    assert_eq!(ci.send("x").key("k").await.unwrap().offset.as_u64(), 1);
    chat.shutdown().await;
    assert!(matches!(ci.send("late").await, Err(SendError::Unavailable)));
}

#[tokio::test]
async fn a_change_of_access_is_in_effect_when_it_returns_and_on_the_other_node_soon() {
    let [(chat, one), (_other, other)] = nodes(&memory(), true).await;
    let create = AccessRequest::CreateRoom {
        room: room("team"),
        topic: Topic::default(),
        visibility: Visibility::Public,
        posting: Posting::Everyone,
        owner: None,
    };
    let make = async |request: AccessRequest| {
        chat.change_access(&NewAccessChange::new(request, Timestamp::now())).await
    };
    assert!(matches!(make(create.clone()).await, Ok(AccessChanged::Yes(_))));
    assert!(matches!(make(create.clone()).await, Ok(AccessChanged::No(_))));
    let auth = json!({ "rooms": ["team"] });
    let (mut here, _) = Client::connect(&one, auth.clone()).await;
    let (mut there, _) = Client::connect(&other, auth).await;
    let change = AccessRequest::ChangeRoom {
        room: room("team").key(),
        topic: None,
        visibility: Some(Visibility::Private),
        posting: None,
    };
    assert!(matches!(make(change).await, Ok(AccessChanged::Yes(_))));
    chat.room(room("team")).send("secret").await.unwrap();
    for client in [&mut here, &mut there] {
        let left = hears(client, "not joined").await;
        assert_eq!(left[0]["rooms"][0]["error"]["code"], "forbidden");
    }
    let [(plain, _), _] = nodes(&memory(), false).await;
    let change = NewAccessChange::new(create, Timestamp::now());
    assert!(matches!(plain.change_access(&change).await, Err(ChatError::NoRooms)));
}

//! Messages of clients that an application looks at before they are stored, and its own events from clients.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::{Content, Kind, NewMessage, Refusal, RefusalCode, RoomId, TypedEvent};
use chat_server::{Chat, ChatBuilder, ChatError, Identity, Interceptor};
use chat_store::MemoryStore;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::client::Client;

/// Does as the text says.
struct Obedient(Arc<Semaphore>);

#[async_trait]
impl Interceptor for Obedient {
    async fn before(
        &self,
        who: &Identity,
        message: &NewMessage,
    ) -> Result<Option<Content>, Refusal> {
        match message.content.as_str() {
            "refuse" => Err(Refusal::new(RefusalCode::Forbidden, "as you wish")),
            "panic" => panic!("as you wish"),
            "wait" => {
                self.0.acquire().await.unwrap().forget();
                Ok(None)
            }
            "enlarge" => Ok(Some(Content::from_stored("x".repeat(2000)))),
            "sign" => {
                let name = who.nickname().map_or("nobody", |name| name.as_str());
                Ok(Some(Content::from_stored(format!("{name} {:?}", message.kind))))
            }
            _ => Ok(None),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Move {
    from: String,
    to: String,
}

impl TypedEvent for Move {
    const NAME: &'static str = "move";
}

async fn serve(configure: impl FnOnce(ChatBuilder) -> ChatBuilder) -> (Chat, String) {
    let mut limits = chat_server::Limits::default();
    limits.max_message_bytes = 1000;
    let chat = configure(Chat::builder(Arc::new(MemoryStore::new())).limits(limits));
    let chat = chat.start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = chat.clone();
    tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
    (chat, address)
}

async fn named(address: &str, name: &str) -> Client {
    let token = format!("the token of {name}, x9Qk2Lm7");
    let (client, _) = Client::connect(address, json!({ "nickname": name, "token": token })).await;
    client
}

async fn ask(client: &mut Client, id: u32, request: &Value) -> Value {
    client.send(&format!("42{id}{request}")).await;
    answer(client, id).await
}

async fn answer(client: &mut Client, id: u32) -> Value {
    loop {
        if let Some(answer) = client.packet().await.strip_prefix(&format!("43{id}")) {
            let [answer]: [Value; 1] = serde_json::from_str(answer).unwrap();
            return answer;
        }
    }
}

#[tokio::test]
async fn it_changes_and_refuses_whatever_clients_write() {
    let gate = Arc::new(Semaphore::new(0));
    let (chat, address) = serve(|chat| chat.intercept(Obedient(gate)).client_event::<Move>()).await;
    let (mut ada, mut bob) = (named(&address, "Ada").await, named(&address, "Bob").await);
    assert_eq!(ask(&mut bob, 1, &json!(["chat message", "one"])).await["offset"], 1);
    for (id, (request, expected)) in [
        (json!(["chat message", "sign"]), "Ada Text"),
        (json!(["private message", "Bob", "sign"]), "Ada Text"),
        (json!(["chat message", "sign", null, { "replyTo": 1 }]), "Ada Reply(Offset(1))"),
        (json!(["edit message", 2, "sign"]), "Ada Edit(Offset(2))"),
    ]
    .iter()
    .enumerate()
    {
        let id = u32::try_from(id).unwrap();
        let offset = ask(&mut ada, id, request).await["offset"].as_u64().unwrap();
        let delivered = loop {
            let packet = ada.packet().await;
            if let Some(event) = packet.strip_prefix("42") {
                let event: Vec<Value> = serde_json::from_str(event).unwrap();
                if event.get(2) == Some(&json!(offset)) {
                    break event[1].clone();
                }
            }
        };
        assert_eq!(delivered, *expected);
    }
    let refusals = [
        (json!(["chat message", "refuse"]), "forbidden"),
        (json!(["private message", "Bob", "refuse"]), "forbidden"),
        (json!(["edit message", 2, "refuse"]), "forbidden"),
        (json!(["chat message", "panic"]), "unavailable"),
        (json!(["chat message", "enlarge"]), "too_large"),
        (json!(["chat message", "x".repeat(2000)]), "too_large"),
        (json!(["chat message", "sign", null, { "room": "elsewhere" }]), "not_in_room"),
    ];
    for (request, code) in refusals {
        assert_eq!(ask(&mut ada, 9, &request).await["error"]["code"], code, "{request}");
    }
    // What the application says itself does not come there.
    let own = chat.room(RoomId::general()).send("refuse").await.unwrap();
    assert_eq!(own.offset.as_u64(), 6);
}

#[tokio::test]
async fn a_slow_one_delays_nobody_else_and_keeps_the_order() {
    let gate = Arc::new(Semaphore::new(0));
    let (_chat, address) = serve(|chat| chat.intercept(Obedient(Arc::clone(&gate)))).await;
    let (mut ada, mut bob) = (named(&address, "Ada").await, named(&address, "Bob").await);
    ada.send(r#"421["chat message","wait"]"#).await;
    ada.send(r#"422["chat message","after it"]"#).await;
    for offset in 1..=20 {
        let acked = ask(&mut bob, 1, &json!(["chat message", "meanwhile"])).await;
        assert_eq!(acked["offset"], offset);
    }
    gate.add_permits(1);
    assert_eq!(answer(&mut ada, 1).await["offset"], 21);
    assert_eq!(answer(&mut ada, 2).await["offset"], 22);
    // One that never ends is given up, and what comes after it goes on.
    ada.send(r#"423["chat message","wait"]"#).await;
    ada.send(r#"424["chat message","after it"]"#).await;
    let refused = answer(&mut ada, 3).await;
    assert_eq!(refused["error"]["code"], "unavailable");
    assert!(refused["error"]["retryAfter"].as_u64().unwrap() >= 1000);
    assert_eq!(answer(&mut ada, 4).await["offset"], 23);
}

#[tokio::test]
async fn an_event_from_a_client_is_kept_as_messages_are() {
    let (chat, address) = serve(|chat| chat.client_event::<Move>()).await;
    let (mut ada, mut bob) = (named(&address, "Ada").await, named(&address, "Bob").await);
    let request = json!(["move", { "from": "e2", "to": "e4", "unknown": 1 }, "k1"]);
    assert_eq!(ask(&mut ada, 1, &request).await, json!({ "offset": 1, "duplicate": false }));
    assert_eq!(ask(&mut ada, 2, &request).await, json!({ "offset": 1, "duplicate": true }));
    let other = json!(["move", { "from": "e2", "to": "e3" }, "k1"]);
    assert_eq!(ask(&mut ada, 3, &other).await["error"]["code"], "client_offset_conflict");
    let (mut late, _) = Client::connect(&address, json!({ "serverOffset": 0 })).await;
    for client in [&mut bob, &mut late] {
        let packet = loop {
            let packet = client.packet().await;
            if packet.starts_with("42[\"move\"") {
                break packet;
            }
        };
        let event: Vec<Value> = serde_json::from_str(&packet[2..]).unwrap();
        assert_eq!((&event[1], &event[2]), (&json!({ "from": "e2", "to": "e4" }), &json!(1)));
        assert_eq!((&event[3]["from"], &event[3]["clientOffset"]), (&json!("Ada"), &Value::Null));
    }
    let history = chat.room(RoomId::general()).history(None, 9).await.unwrap();
    assert!(matches!(&history.messages[0].kind, Kind::Event(name) if name.as_str() == "move"));
    let read = Move::read(&history.messages[0]).unwrap().unwrap();
    assert_eq!((&*read.from, &*read.to), ("e2", "e4"));
    for (request, code) in [
        (json!(["move", { "from": "e2" }]), "invalid_arguments"),
        (json!(["move", "e2 e4"]), "invalid_arguments"),
        (json!(["move"]), "invalid_arguments"),
        (json!(["move", { "from": "", "to": "" }, 5]), "invalid_arguments"),
        (json!(["move", { "from": "", "to": "x".repeat(2000) }]), "too_large"),
        (json!(["move", { "from": "", "to": "" }, null, { "room": "x" }]), "not_in_room"),
        (json!(["other", { "from": "", "to": "" }]), "unknown_event"),
    ] {
        assert_eq!(ask(&mut ada, 9, &request).await["error"]["code"], code, "{request}");
    }
}

#[tokio::test]
async fn an_event_cannot_have_a_name_of_the_chat() {
    #[derive(Serialize, Deserialize)]
    struct Shadow;

    impl TypedEvent for Shadow {
        const NAME: &'static str = "join";
    }

    let started = Chat::builder(Arc::new(MemoryStore::new())).client_event::<Shadow>().start();
    let started = tokio::time::timeout(Duration::from_secs(10), started).await.unwrap();
    assert!(matches!(started, Err(ChatError::EventName(_))));
}

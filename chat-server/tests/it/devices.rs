//! Devices that their user removes, on two nodes and a store that fails or is slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chat_adapter::LocalBroadcast;
use chat_server::{Action, Chat, ChatBuilder, Decision, Identity, Policy, PolicyError};
use chat_store::testkit::{FailingStore, HeldStore};
use chat_store::{MemoryStore, Store};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::client::{Client, PATIENCE};

const DESK: &str = "the token of Ada's first device";

/// Starts a node, and returns its address.
async fn start(store: Arc<dyn Store>, broadcast: &Arc<LocalBroadcast>) -> String {
    let broadcast = Arc::<LocalBroadcast>::clone(broadcast);
    serve(Chat::builder(store).broadcast(broadcast)).await
}

async fn serve(chat: ChatBuilder) -> String {
    let chat = chat.start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
    address
}

/// Connects as Ada from the first device.
async fn desk(address: &str) -> Client {
    let (client, _) = Client::connect(address, json!({ "nickname": "Ada", "token": DESK })).await;
    client
}

async fn ask(client: &mut Client, event: Value) -> Value {
    client.send(&format!("427{event}")).await;
    loop {
        if let Some(answer) = client.packet().await.strip_prefix("437") {
            let [answer]: [Value; 1] = serde_json::from_str(answer).unwrap();
            return answer;
        }
    }
}

/// Adds a device, and returns it with the id of another one.
async fn linked(address: &str, first: &mut Client) -> (Client, Value) {
    let code = ask(first, json!(["device code"])).await["code"].clone();
    let (mut device, _) = Client::connect(address, json!({})).await;
    assert_eq!(ask(&mut device, json!(["link device", code])).await["nickname"], "Ada");
    let other = id(&mut device, false).await;
    (device, other)
}

/// Returns the id of this device, or of another one.
async fn id(device: &mut Client, is_current: bool) -> Value {
    let devices = ask(device, json!(["devices"])).await["devices"].clone();
    let devices = devices.as_array().unwrap();
    devices.iter().find(|it| it["current"] == is_current).unwrap()["id"].clone()
}

/// Waits until the server has ended a connection.
async fn ends(client: &mut Client) {
    let end = async { while client.try_packet().await.is_ok() {} };
    timeout(PATIENCE, end).await.expect("the connection of a removed device ends");
}

#[tokio::test]
async fn a_removed_device_ends_on_a_node_whose_store_fails_at_that_moment() {
    let memory = Arc::new(MemoryStore::new());
    let failing = Arc::new(FailingStore::new(memory.clone()));
    let broadcast = Arc::default();
    let [one, other] = [start(memory, &broadcast).await, start(failing.clone(), &broadcast).await];
    let (mut phone, desks) = linked(&one, &mut desk(&one).await).await;
    let mut desk = desk(&other).await;
    assert_eq!(ask(&mut desk, json!(["devices"])).await["devices"][1]["current"], json!(true));
    failing.fail_finds(3);
    ask(&mut phone, json!(["unlink device", desks])).await;
    ends(&mut desk).await;
}

#[tokio::test]
async fn a_removal_goes_on_when_the_client_is_gone() {
    let held = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
    let left = Arc::new(Notify::new());
    let leaves = Arc::clone(&left);
    let chat = Chat::builder(held.clone()).on_disconnect(move |_, _| leaves.notify_one());
    let address = serve(chat).await;
    let mut desk = desk(&address).await;
    let (mut phone, desks) = linked(&address, &mut desk).await;
    held.claims.close();
    phone.send(&format!(r#"427["unlink device",{desks}]"#)).await;
    held.claims.waiting(1).await;
    drop(phone);
    timeout(PATIENCE, left.notified()).await.expect("the server takes notice");
    held.claims.open();
    ends(&mut desk).await;
}

/// Allows everything. When it is closed, the next client waits until it is opened.
#[derive(Clone, Default)]
struct Door {
    is_closed: Arc<AtomicBool>,
    waits: Arc<Notify>,
    opens: Arc<Notify>,
}

#[async_trait]
impl Policy for Door {
    async fn decide(&self, _: &Identity, action: &Action) -> Result<Decision, PolicyError> {
        if *action == Action::Connect && self.is_closed.swap(false, Ordering::SeqCst) {
            self.waits.notify_one();
            self.opens.notified().await;
        }
        Ok(Decision::allowed())
    }
}

#[tokio::test]
async fn a_device_that_is_removed_while_it_connects_does_not_stay() {
    let store = Arc::new(MemoryStore::new());
    let broadcast: Arc<LocalBroadcast> = Arc::default();
    let one = start(store.clone(), &broadcast).await;
    let door = Door::default();
    let other = serve(Chat::builder(store).broadcast(broadcast).policy(door.clone())).await;
    let (mut phone, desks) = linked(&one, &mut desk(&one).await).await;
    let (mut tablet, _) = linked(&other, &mut phone).await;
    let tablets = id(&mut tablet, true).await;

    door.is_closed.store(true, Ordering::SeqCst);
    // Its token is valid.
    let connecting = tokio::spawn(async move { desk(&other).await });
    timeout(PATIENCE, door.waits.notified()).await.expect("the policy is asked");
    ask(&mut phone, json!(["unlink device", desks])).await;
    ask(&mut phone, json!(["unlink device", tablets])).await;
    // The other node has ended all that it knows of.
    ends(&mut tablet).await;
    door.opens.notify_one();
    ends(&mut timeout(PATIENCE, connecting).await.expect("an answer").unwrap()).await;
}

#[tokio::test]
async fn codes_of_a_removed_device_are_worth_nothing() {
    let address = start(Arc::new(MemoryStore::new()), &Arc::default()).await;
    let mut desk = desk(&address).await;
    let (mut phone, desks) = linked(&address, &mut desk).await;
    let code = ask(&mut desk, json!(["device code"])).await["code"].clone();
    let valid = ask(&mut phone, json!(["device code"])).await["code"].clone();
    ask(&mut phone, json!(["unlink device", desks])).await;
    ends(&mut desk).await;
    let (mut stranger, _) = Client::connect(&address, json!({})).await;
    let refused = ask(&mut stranger, json!(["link device", code])).await;
    assert_eq!(refused["error"]["code"], "invalid_code", "{refused}");
    assert_eq!(ask(&mut stranger, json!(["link device", valid])).await["nickname"], "Ada");
}

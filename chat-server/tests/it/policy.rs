//! Who may do what: a policy that tests change while clients are connected.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::{get, post};
use chat_adapter::LocalBroadcast;
use chat_core::{RoomId, UserId};
use chat_server::{
    AccessScope, Action, Chat, Decision, Identity, Limits, Policy, PolicyError, Stores,
};
use chat_store::MemoryStore;
use chat_store::testkit::HeldStore;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::client::{Client, PATIENCE};
use crate::javascript;

/// What is refused, as "who verb object"; `*` is everybody.
#[derive(Default)]
struct Rules {
    refused: Mutex<BTreeSet<String>>,
    /// Whether it cannot decide.
    fails: Mutex<bool>,
    /// Whether decisions are not remembered.
    forgets: Mutex<bool>,
    asked: Mutex<BTreeMap<String, usize>>,
    users: Mutex<HashMap<String, UserId>>,
    /// Questions that wait until they are let through, by their texts.
    held: Mutex<Option<String>>,
    waits: Notify,
    let_through: Notify,
}

#[derive(Clone, Default)]
struct Shared(Arc<Rules>);

fn words(action: &Action) -> (String, String) {
    let (verb, object) = match action {
        Action::Connect => ("connects", String::new()),
        Action::Join(room) => ("joins", room.to_string()),
        Action::Read(room) => ("reads", room.to_string()),
        Action::Write(room) => ("writes", room.to_string()),
        Action::SeeUsers(room) => ("sees", room.to_string()),
        Action::Type(room) => ("types", room.to_string()),
        Action::TakeNickname(nickname) => ("takes", nickname.to_string()),
        Action::SendPrivately(_) => ("whispers", String::new()),
        Action::ReadPrivately(_) => ("rereads", String::new()),
        _ => panic!("no test knows {action:?}"),
    };
    (verb.to_owned(), object)
}

#[async_trait]
impl Policy for Shared {
    async fn decide(&self, who: &Identity, action: &Action) -> Result<Decision, PolicyError> {
        let Self(rules) = self;
        let name = who.nickname().map_or("somebody", |nickname| nickname.as_str());
        if let Some(user) = who.user() {
            rules.users.lock().unwrap().insert(name.to_owned(), user);
        }
        let (verb, object) = words(action);
        let text = format!("{name} {verb} {object}").trim().to_owned();
        *rules.asked.lock().unwrap().entry(text.clone()).or_default() += 1;
        if rules.held.lock().unwrap().as_ref() == Some(&text) {
            rules.waits.notify_one();
            rules.let_through.notified().await;
        }
        assert!(who.address().is_some_and(|address| address.is_loopback()));
        if *rules.fails.lock().unwrap() {
            return Err(PolicyError::new("no database"));
        }
        let everybody = format!("* {verb} {object}").trim().to_owned();
        let refused = rules.refused.lock().unwrap();
        let is_allowed = !refused.contains(&text) && !refused.contains(&everybody);
        let decision = Decision::allow_if(is_allowed).with_message(format!("not you: {text}"));
        let forgets = *rules.forgets.lock().unwrap();
        Ok(if forgets { decision.for_up_to(Duration::ZERO) } else { decision })
    }
}

impl Shared {
    fn refuse(&self, text: &str) {
        self.0.refused.lock().unwrap().insert(text.to_owned());
    }

    /// Changes the rules as a test asks, and announces that on one node.
    async fn change(&self, chat: &Chat, change: &Value) {
        let Self(rules) = self;
        let texts = |field: &str| -> Vec<String> {
            let texts = change[field].as_array().into_iter().flatten();
            texts.map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        rules.refused.lock().unwrap().extend(texts("refuse"));
        for text in texts("allow") {
            assert!(rules.refused.lock().unwrap().remove(&text), "{text}");
        }
        if let Some(fails) = change["fails"].as_bool() {
            *rules.fails.lock().unwrap() = fails;
        }
        let scope = match &change["changed"] {
            Value::String(_) => AccessScope::Everything,
            Value::Object(scope) if scope.contains_key("room") => {
                AccessScope::Room(scope["room"].as_str().unwrap().parse().unwrap())
            }
            Value::Object(scope) => {
                AccessScope::User(rules.users.lock().unwrap()[scope["user"].as_str().unwrap()])
            }
            _ => return,
        };
        chat.access_changed(scope).await;
    }
}

/// Starts a node, and returns it with its address.
async fn start(
    policy: &Shared,
    stores: impl Into<Stores>,
    broadcast: &Arc<LocalBroadcast>,
) -> (Chat, String) {
    let mut limits = Limits::default();
    limits.max_new_names_per_hour = 0;
    let chat = Chat::builder(stores)
        .broadcast(Arc::<LocalBroadcast>::clone(broadcast))
        .limits(limits)
        .policy(policy.clone())
        .start()
        .await
        .unwrap();
    let (change, changing) = (policy.clone(), chat.clone());
    let change = async move |asked: String| {
        change.change(&changing, &serde_json::from_str(&asked).unwrap()).await;
    };
    let asked = policy.clone();
    let asked = async move || json!(*asked.0.asked.lock().unwrap()).to_string();
    let router = chat
        .socket_router()
        .merge(Router::new().route("/rules", post(change)).route("/asked", get(asked)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = chat.clone();
    tokio::spawn(
        async move { served.serve_router(listener, router, std::future::pending()).await },
    );
    (chat, address)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_socket_io_client), ignore = "needs Node.js with npm")]
async fn a_policy_and_its_changes() {
    let (policy, store) = (Shared::default(), Arc::new(MemoryStore::new()));
    let broadcast = Arc::new(LocalBroadcast::new());
    let (_chat, one) = start(&policy, Arc::clone(&store), &broadcast).await;
    let (_chat, other) = start(&policy, Arc::clone(&store), &broadcast).await;
    let run = move || {
        let urls = [one, other].map(|address| format!("http://{address}"));
        let variables = [("CHAT_POLICY_URL", &*urls[0]), ("CHAT_POLICY_OTHER_URL", &*urls[1])];
        javascript::run("policy.test.mjs", &variables);
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// A chat with a client in two rooms, who is asked about with this held, and a writer.
async fn watched(held: &str) -> (Shared, Chat, Client, Client) {
    let policy = Shared::default();
    let (chat, address) = start(&policy, Arc::new(MemoryStore::new()), &Arc::default()).await;
    let rooms = json!({ "rooms": ["general", "staff"] });
    let (writer, _) = Client::connect(&address, rooms.clone()).await;
    let mut auth = rooms;
    auth["nickname"] = json!("Eve");
    let (mut reader, _) = Client::connect(&address, auth).await;
    assert!(reader.packet().await.starts_with(r#"42["nickname""#));
    *policy.0.held.lock().unwrap() = Some(held.to_owned());
    (policy, chat, writer, reader)
}

async fn sends(writer: &mut Client, content: &str, room: &str) {
    writer.send(&format!(r#"421["chat message","{content}",null,{{"room":"{room}"}}]"#)).await;
    while !writer.packet().await.starts_with("431") {}
}

/// The next packet, but for who comes and goes.
async fn packet(reader: &mut Client) -> String {
    loop {
        let packet = reader.packet().await;
        if !packet.starts_with(r#"42["user "#) {
            return packet;
        }
    }
}

#[tokio::test]
async fn nothing_is_delivered_between_a_change_and_the_answer_of_the_policy() {
    for stays in [true, false] {
        let (policy, chat, mut writer, mut reader) = watched("Eve reads staff").await;
        sends(&mut writer, "before", "staff").await;
        assert!(packet(&mut reader).await.starts_with(r#"42["chat message","before""#));
        if !stays {
            policy.refuse("Eve reads staff");
        }
        let staff: RoomId = "staff".parse().unwrap();
        let changing = {
            let chat = chat.clone();
            tokio::spawn(async move { chat.access_changed(AccessScope::Room(staff)).await })
        };
        timeout(PATIENCE, policy.0.waits.notified()).await.unwrap();
        sends(&mut writer, "secret", "staff").await;
        sends(&mut writer, "public", "general").await;
        assert!(!changing.is_finished());
        policy.0.let_through.notify_one();
        timeout(PATIENCE, changing).await.unwrap().unwrap();
        let next = packet(&mut reader).await;
        if stays {
            assert!(next.starts_with(r#"42["chat message","secret""#), "{next}");
        } else {
            assert!(next.starts_with(r#"42["not joined",{"rooms":[{"room":"staff""#), "{next}");
            assert!(next.contains(r#""code":"forbidden""#), "{next}");
        }
        let next = packet(&mut reader).await;
        assert!(next.starts_with(r#"42["chat message","public""#), "{next}");
    }
}

#[tokio::test]
async fn a_message_that_waits_for_the_policy_when_access_changes_is_decided_anew() {
    let (policy, chat, mut writer, mut reader) = watched("Eve writes staff").await;
    reader.send(r#"427["chat message","late",null,{"room":"staff"}]"#).await;
    timeout(PATIENCE, policy.0.waits.notified()).await.unwrap();
    // It has read the rules when it was asked, or reads them later: either way the answer of before does not count.
    policy.refuse("Eve writes staff");
    *policy.0.held.lock().unwrap() = None;
    chat.access_changed(AccessScope::Room("staff".parse().unwrap())).await;
    policy.0.let_through.notify_one();
    let answer = packet(&mut reader).await;
    assert!(answer.starts_with(r#"437[{"error":{"code":"forbidden""#), "{answer}");
    sends(&mut writer, "next", "staff").await;
    let next = packet(&mut reader).await;
    assert!(next.starts_with(r#"42["chat message","next",1,"#), "nothing was stored: {next}");
}

#[tokio::test]
async fn a_client_that_is_being_accepted_when_access_changes_gets_nothing_of_before() {
    let policy = Shared::default();
    let (chat, address) = start(&policy, Arc::new(MemoryStore::new()), &Arc::default()).await;
    let (mut writer, _) = Client::connect(&address, json!({ "rooms": ["staff"] })).await;
    sends(&mut writer, "secret", "staff").await;
    *policy.0.held.lock().unwrap() = Some("Eve sees staff".into());
    let connecting = tokio::spawn(async move {
        let auth = json!({ "nickname": "Eve", "rooms": ["general", "staff"] });
        Client::connect(&address, auth).await
    });
    // It may read the room: that has just been asked.
    timeout(PATIENCE, policy.0.waits.notified()).await.unwrap();
    policy.refuse("Eve reads staff");
    *policy.0.held.lock().unwrap() = None;
    chat.access_changed(AccessScope::Room("staff".parse().unwrap())).await;
    policy.0.let_through.notify_one();
    let (mut reader, _) = timeout(PATIENCE, connecting).await.unwrap().unwrap();
    writer.send(r#"421["join","general"]"#).await;
    while !writer.packet().await.starts_with("431") {}
    sends(&mut writer, "public", "general").await;
    let mut told = BTreeSet::new();
    loop {
        let next = packet(&mut reader).await;
        assert!(!next.contains("secret"), "{next}");
        if next.starts_with(r#"42["chat message","public""#) {
            break;
        }
        told.insert(next.split('"').nth(1).unwrap().to_owned());
    }
    assert_eq!(told, ["nickname", "not joined"].map(String::from).into());
}

#[tokio::test]
async fn a_page_of_history_that_is_being_read_when_access_changes_is_not_handed_over() {
    let store = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
    let policy = Shared::default();
    let (chat, address) = start(&policy, Arc::clone(&store), &Arc::default()).await;
    let rooms = json!({ "rooms": ["staff"] });
    let (mut writer, _) = Client::connect(&address, rooms).await;
    sends(&mut writer, "secret", "staff").await;
    let auth = json!({ "rooms": ["staff"], "nickname": "Eve", "serverOffset": 1 });
    let (mut reader, _) = Client::connect(&address, auth).await;
    assert!(reader.packet().await.starts_with(r#"42["nickname""#));
    store.reads.close();
    reader.send(r#"427["history",{"room":"staff"}]"#).await;
    store.reads.waiting(1).await;
    policy.refuse("Eve reads staff");
    chat.access_changed(AccessScope::Everything).await;
    store.reads.open();
    let mut packets = vec![packet(&mut reader).await, packet(&mut reader).await];
    packets.sort();
    assert!(packets[0].starts_with(r#"42["not joined""#), "{packets:?}");
    assert!(packets[1].starts_with(r#"437[{"error":{"code":"forbidden""#), "{packets:?}");
}

#[tokio::test]
async fn a_change_that_nobody_announced_counts_when_the_decision_has_expired() {
    let policy = Shared::default();
    *policy.0.forgets.lock().unwrap() = true;
    let store = Arc::new(MemoryStore::new());
    let (_chat, address) = start(&policy, store, &Arc::default()).await;
    let auth = json!({ "rooms": ["general", "staff"], "nickname": "Eve" });
    let (mut reader, _) = Client::connect(&address, auth).await;
    assert!(reader.packet().await.starts_with(r#"42["nickname""#));
    policy.refuse("Eve reads staff");
    let told = packet(&mut reader).await;
    assert!(told.starts_with(r#"42["not joined",{"rooms":[{"room":"staff""#), "{told}");
    policy.refuse("Eve connects");
    timeout(PATIENCE, reader.try_packet()).await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_message_that_waits_for_the_policy_is_stored_although_its_author_leaves() {
    let (policy, _chat, mut writer, mut eve) = watched("Eve writes staff").await;
    eve.send(r#"42["chat message","farewell",null,{"room":"staff"}]"#).await;
    timeout(PATIENCE, policy.0.waits.notified()).await.unwrap();
    eve.send("41").await;
    // The server has taken notice.
    while !writer.packet().await.starts_with(r#"42["user left",{"room":"staff""#) {}
    policy.0.let_through.notify_one();
    let next = packet(&mut writer).await;
    assert!(next.starts_with(r#"42["chat message","farewell",1,"#), "{next}");
}

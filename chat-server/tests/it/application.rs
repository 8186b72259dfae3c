//! What an application does with its chat from Rust, on two nodes.

use std::sync::Arc;
use std::time::Duration;

use chat_adapter::LocalBroadcast;
use chat_core::{
    Kind, Nickname, Offset, Posting, RefusalCode, RoomId, Timestamp, Topic, UserId, Visibility,
};
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
        assert!(recovery.as_str().unwrap().contains("-2-"), "{recovery}");
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

#[tokio::test]
async fn edits_deletions_and_reactions_reach_all_nodes_and_late_clients() {
    let store = memory();
    let [(chat, one), (other_chat, other)] = nodes(&store, false).await;
    let auth = json!({ "rooms": ["ci"], "serverOffset": 0 });
    let (mut here, _) = Client::connect(&one, auth.clone()).await;
    let (mut there, _) = Client::connect(&other, auth.clone()).await;
    let ci = chat.room(room("ci"));
    ci.send("the first secret").key("1").await.unwrap();
    ci.send("the second secret").await.unwrap();
    ci.emit("order", &json!({ "secret": 3 })).await.unwrap();
    ci.send("an answer").in_reply_to(Offset::FIRST).await.unwrap();
    for client in [&mut here, &mut there] {
        hears(client, "order").await;
        let answer = hears(client, "chat message").await;
        assert_eq!(answer[2]["replyTo"], 1);
    }
    let offset = |number: u64| Offset::new(number).unwrap();
    other_chat.edit(offset(1), "first").await.unwrap();
    other_chat.react(offset(1), "👍", true).await.unwrap();
    let deleted = chat.delete(offset(2)).await.unwrap();
    chat.delete(offset(3)).await.unwrap();
    let again = other_chat.delete(offset(2)).await.unwrap();
    assert_eq!((again.offset, again.duplicate), (deleted.offset, true));
    // A retry of what is another text now.
    let again = other_chat.room(room("ci")).send("the first secret").key("1").await.unwrap();
    assert_eq!((again.offset, again.duplicate), (offset(1), true));
    let changes = async |client: &mut Client| {
        let edited = hears(client, "message edited").await;
        let [text, at, meta, recovery] = &edited[..] else { panic!("{edited:?}") };
        assert_eq!((text, at, &meta["of"]), (&json!("first"), &json!(5), &json!(1)));
        assert_eq!((&meta["room"], &meta["from"]), (&json!("ci"), &Value::Null));
        assert!(recovery.as_str().unwrap().contains("-5-"), "{recovery}");
        let reaction = hears(client, "reaction").await;
        assert_eq!((&reaction[0], &reaction[2]["of"]), (&json!("👍"), &json!(1)));
        assert_eq!(reaction[2]["on"], true);
        for (of, at) in [(2, 7), (3, 8)] {
            let deleted = hears(client, "message deleted").await;
            let [offset, meta, recovery] = &deleted[..] else { panic!("{deleted:?}") };
            assert_eq!((offset, &meta["of"]), (&json!(at), &json!(of)));
            assert!(recovery.as_str().unwrap().contains(&format!("-{at}-")), "{recovery}");
        }
    };
    for client in [&mut here, &mut there] {
        changes(client).await;
    }
    // Whether it is read from the memory of a node, or from the store.
    let [_, (_, fresh)] = nodes(&store, false).await;
    for address in [&one, &other, &fresh] {
        let (mut late, _) = Client::connect(address, auth.clone()).await;
        let first = hears(&mut late, "chat message").await;
        assert_eq!((&first[0], &first[1]), (&json!("first"), &json!(1)));
        assert_eq!(first[2]["edited"], true);
        // Nothing of what is deleted comes in between.
        let answer = hears(&mut late, "chat message").await;
        assert_eq!((&answer[0], &answer[1]), (&json!("an answer"), &json!(4)));
        changes(&mut late).await;
        let history = ask(&mut late, json!(["history", { "room": "ci" }])).await;
        let messages = history["messages"].as_array().unwrap();
        let state = |message: &Value| {
            let flags = (message["edited"] == true, message["deleted"] == true);
            (message["content"].as_str().unwrap().to_owned(), flags)
        };
        let expected = [
            ("first".to_owned(), (true, false)),
            (String::new(), (false, true)),
            (String::new(), (false, true)),
            ("an answer".to_owned(), (false, false)),
        ];
        assert_eq!(messages.iter().map(state).collect::<Vec<_>>(), expected);
    }
    for missing in [chat.edit(offset(2), "x"), chat.delete(offset(5)), chat.delete(offset(99))] {
        assert!(matches!(missing.await, Err(SendError::Missing)));
    }
    assert!(matches!(chat.edit(offset(1), "").await, Err(SendError::Invalid(_))));
    assert!(matches!(chat.react(offset(1), "a b", true).await, Err(SendError::Invalid(_))));
}

#[tokio::test]
async fn history_has_what_was_said_however_many_changes_are_in_between() {
    let [(chat, _), _] = nodes(&memory(), false).await;
    let ci = chat.room(room("ci"));
    for number in 1..=5 {
        ci.send(number.to_string()).await.unwrap();
        for on in [true, false].repeat(40) {
            chat.react(Offset::FIRST, "👍", on).await.unwrap();
        }
    }
    let contents = |page: chat_store::Page| -> Vec<String> {
        page.messages.into_iter().map(|message| message.content.into()).collect()
    };
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = ci.history(before, 2).await.unwrap();
        let more = page.more;
        before = page.messages.first().map(|message| message.offset);
        assert!(before.is_some() && page.messages.len() <= 2);
        all.splice(0..0, contents(page));
        if !more {
            break;
        }
    }
    assert_eq!(all, ["1", "2", "3", "4", "5"]);
    let (mut all, mut after) = (Vec::new(), Offset::ZERO);
    loop {
        let page = ci.history_after(after, 2).await.unwrap();
        let more = page.more;
        after = page.messages.last().map_or(after, |message| message.offset);
        all.extend(contents(page));
        if !more {
            break;
        }
    }
    assert_eq!(all, ["1", "2", "3", "4", "5"]);
}

#[tokio::test]
async fn a_user_is_disconnected_and_banned_on_all_nodes() {
    let [(chat, one), (_other, other)] = nodes(&memory(), true).await;
    let auth = json!({ "nickname": "Eve", "token": "the token of Eve, Pz4Rt8W1" });
    let connect = async |address: &str| {
        let (mut client, _) = Client::connect(address, auth.clone()).await;
        hears(&mut client, "nickname").await;
        client
    };
    let (here, there) = (connect(&one).await, connect(&other).await);
    let eve = chat.user(&"Eve".parse().unwrap()).await.unwrap().unwrap();
    eve.disconnect(Some("spam".parse().unwrap())).await.unwrap();
    let closed = async |mut client: Client| while client.try_packet().await.is_ok() {};
    for client in [here, there] {
        timeout(PATIENCE, closed(client)).await.unwrap();
    }
    // It may come back, and stays.
    let mut back = connect(&other).await;
    eve.mute(Some(&RoomId::general()), None, None).await.unwrap();
    let request = json!(["chat message", "x"]);
    let muted = async {
        while ask(&mut back, request.clone()).await["error"]["code"] != "forbidden" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, muted).await.unwrap();
    eve.lift(Some(&RoomId::general())).await.unwrap();
    let lifted = async {
        while ask(&mut back, request.clone()).await["offset"].is_null() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, lifted).await.unwrap();
    eve.ban(None, None, None).await.unwrap();
    timeout(PATIENCE, closed(back)).await.unwrap();
}

/// Changes access while somebody is in a room and has written there, and returns why writing is refused from then on.
async fn refusal_after(
    chat: &Chat,
    address: &str,
    prepare: impl FnOnce(),
    change: AccessRequest,
) -> Value {
    let (mut client, _) = Client::connect(address, json!({ "rooms": ["team"] })).await;
    let text = |content: &str| json!(["chat message", content, null, { "room": "team" }]);
    assert_eq!(ask(&mut client, text("before")).await["offset"], 1);
    prepare();
    let changed = chat.change_access(&NewAccessChange::new(change, Timestamp::now())).await;
    assert!(matches!(changed, Ok(AccessChanged::Yes(_))), "{changed:?}");
    ask(&mut client, text("after")).await["error"]["code"].clone()
}

fn create(visibility: Visibility, owner: Option<UserId>) -> AccessRequest {
    let (room, topic, posting) = (room("team"), Topic::default(), Posting::Everyone);
    AccessRequest::CreateRoom { room, topic, visibility, posting, owner }
}

#[tokio::test]
async fn a_change_of_access_is_in_effect_when_it_returns_although_the_store_cannot_be_read() {
    let failing = Arc::new(FailingStore::new(memory()));
    let store: Arc<dyn Store> = failing.clone();
    let [(chat, address), _] = nodes(&store, true).await;
    let fail = || failing.fail_access_reads(1000);
    let code = refusal_after(&chat, &address, fail, create(Visibility::Private, None)).await;
    assert_eq!(code, "unavailable");
}

#[tokio::test]
async fn a_room_that_is_created_for_an_owner_is_closed_to_those_in_it_at_once() {
    let [(chat, address), _] = nodes(&memory(), true).await;
    let (_owner, _) = Client::connect(&address, json!({ "nickname": "ada" })).await;
    let owner = chat.user(&"ada".parse().unwrap()).await.unwrap().unwrap().id();
    let create = create(Visibility::Private, Some(owner));
    assert_eq!(refusal_after(&chat, &address, || {}, create).await, "not_in_room");
}

#[tokio::test]
async fn a_user_gets_another_nickname_on_all_nodes_and_devices() {
    for has_rules in [false, true] {
        let store = memory();
        let [(chat, one), (_other, other)] = nodes(&store, has_rules).await;
        let token = "a token of Ada's own, 7fK2";
        let ada = json!({ "nickname": "Ada", "token": token });
        let (mut desk, _) = Client::connect(&one, ada.clone()).await;
        let (mut phone, _) = Client::connect(&other, ada).await;
        let (mut bob, _) = Client::connect(&other, json!({ "nickname": "Bob" })).await;
        for client in [&mut desk, &mut phone, &mut bob] {
            hears(client, "nickname").await;
        }
        let user = chat.user(&"Ada".parse().unwrap()).await.unwrap().unwrap();
        let refused = user.rename("bob".parse().unwrap()).await;
        let Err(ChatError::Refused(refusal)) = refused else { panic!("{:?}", refused.err()) };
        assert_eq!(refusal.code, RefusalCode::NicknameTaken);
        let renamed = user.rename("Ada Lovelace".parse().unwrap()).await.unwrap();
        assert_eq!((renamed.id(), renamed.nickname().as_str()), (user.id(), "Ada Lovelace"));
        for device in [&mut desk, &mut phone] {
            let named = hears(device, "nickname").await;
            assert_eq!(
                (&named[0]["nickname"], &named[0]["token"]),
                (&json!("Ada Lovelace"), &json!(token))
            );
            ask(device, json!(["chat message", "under another name"])).await;
            let said = hears(&mut bob, "chat message").await;
            assert_eq!(
                (&said[2]["from"], &said[2]["user"]),
                (&json!("Ada Lovelace"), &named[0]["user"])
            );
        }
        // A device that was away with the old name.
        let auth = json!({ "nickname": "Ada", "token": token });
        let (mut late, _) = Client::connect(&one, auth).await;
        assert_eq!(hears(&mut late, "nickname").await[0]["nickname"], "Ada Lovelace");
    }
}

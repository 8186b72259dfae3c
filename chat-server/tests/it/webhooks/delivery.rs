use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_adapter::LocalBroadcast;
use chat_core::{Offset, RoomId};
use chat_server::{Chat, Webhook};
use chat_store::{MemoryStore, Store};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::receiver::{Delivered, Reaction, Receiver};
use super::{SECRETS, are_in_order, contents, newest, node, secrets, webhook};
use crate::client::Client;

fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

async fn alone() -> Chat {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    node(&store, &Arc::new(LocalBroadcast::new())).await
}

#[tokio::test]
async fn what_is_said_arrives_signed_in_order_and_in_the_form_of_streams() {
    let (chat, receiver) = (alone().await, Receiver::start([]).await);
    let ci = chat.room(room("ci"));
    ci.send("one").await.unwrap();
    ci.send("two").in_reply_to(Offset::FIRST).await.unwrap();
    ci.emit("built", &json!({ "ok": true })).await.unwrap();
    let three = ci.send("three").await.unwrap().offset;
    chat.edit(Offset::FIRST, "eins").await.unwrap();
    chat.react(Offset::FIRST, "👍", true).await.unwrap();
    chat.delete(three).await.unwrap();
    let url = receiver.url("http").parse().unwrap();
    chat.webhook(Webhook::new(url, secrets(2)).from_the_beginning()).unwrap();
    let delivered = receiver.takes(|taken| newest(taken) == 7).await;
    let messages: Vec<Value> = delivered.iter().flat_map(Delivered::messages).collect();
    let parts = |message: &Value| {
        let part = |name: &str| message.get(name).cloned().unwrap_or_default();
        [part("kind"), part("offset"), part("content"), part("room")]
    };
    let expected = [
        json!(["message", 1, "eins", "ci"]),
        json!(["message", 2, "two", "ci"]),
        json!(["message", 3, "{\"ok\":true}", "ci"]),
        json!(["message edited", 5, "eins", "ci"]),
        json!(["reaction", 6, "👍", "ci"]),
        json!(["message deleted", 7, null, "ci"]),
    ];
    assert_eq!(json!(messages.iter().map(parts).collect::<Vec<_>>()), json!(expected));
    assert_eq!((&messages[0]["edited"], &messages[1]["replyTo"]), (&json!(true), &json!(1)));
    assert_eq!(messages[2]["event"], "built");
    assert_eq!((&messages[4]["of"], &messages[4]["on"]), (&json!(1), &json!(true)));
    assert_eq!(messages[5]["of"], 4);
    assert!(messages[0]["at"].as_i64().is_some());

    ci.send("live").await.unwrap();
    let delivered = receiver.takes(|taken| newest(taken) == 8).await;
    for delivery in &delivered {
        delivery.is_signed_with(&SECRETS.map(|(_, key)| key));
        assert!(delivery.head.starts_with("POST /hook?key=secret-path HTTP/1.1\r\n"));
        assert_eq!(delivery.header("content-type"), "application/json");
        assert_eq!(delivery.header("host"), receiver.address);
        assert_eq!(delivery.connection, 0, "it is kept");
    }
    let body: Value = serde_json::from_str(&delivered[0].body).unwrap();
    let epoch = body["epoch"].as_str().unwrap();
    assert_eq!(delivered[0].header("webhook-id"), format!("{epoch}-1-7"));
    assert_eq!(delivered[1].header("webhook-id"), format!("{epoch}-8-8"));
    chat.shutdown().await;
}

#[tokio::test]
async fn a_batch_is_sent_again_until_it_is_taken_and_nothing_before_that() {
    let reactions = [
        Reaction::Refuse(500, ""),
        Reaction::Refuse(400, ""),
        Reaction::Refuse(302, "location: /elsewhere\r\n"),
        Reaction::Break,
        Reaction::Hang,
    ];
    let failures = reactions.len();
    let (chat, receiver) = (alone().await, Receiver::start(reactions).await);
    let ci = chat.room(room("ci"));
    ci.send("one").await.unwrap();
    let patient = webhook(&receiver).with_timeout(Duration::from_millis(500));
    chat.webhook(patient).unwrap();
    receiver.until(|asked| asked.len() == 1).await;
    ci.send("two").await.unwrap();
    let asked = receiver.until(|asked| newest(asked) == 2).await;
    assert_eq!(asked.len(), failures + 2);
    assert_eq!(contents(&asked[failures..]), ["one", "two"]);
    for again in &asked[..=failures] {
        again.is_signed_with(&[SECRETS[0].1]);
        assert_eq!(again.header("webhook-id"), asked[0].header("webhook-id"));
        assert_eq!(again.body, asked[0].body);
        assert!(again.head.starts_with("POST /hook?"), "no redirect is followed: {}", again.head);
    }
    chat.shutdown().await;
}

#[tokio::test]
async fn a_receiver_says_how_long_to_wait() {
    let reactions = [Reaction::Refuse(503, "retry-after: 2\r\n")];
    let (chat, receiver) = (alone().await, Receiver::start(reactions).await);
    chat.room(room("ci")).send("one").await.unwrap();
    chat.webhook(webhook(&receiver)).unwrap();
    receiver.until(|asked| asked.len() == 1).await;
    let refused = Instant::now();
    receiver.until(|asked| asked.len() == 2).await;
    let waited = refused.elapsed();
    assert!((Duration::from_millis(1900)..Duration::from_secs(10)).contains(&waited), "{waited:?}");
    chat.shutdown().await;
}

#[tokio::test]
async fn what_is_deleted_while_a_receiver_fails_is_not_sent_again() {
    let reactions = [Reaction::Refuse(500, "retry-after: 1\r\n")];
    let (chat, receiver) = (alone().await, Receiver::start(reactions).await);
    let ci = chat.room(room("ci"));
    ci.send("one").await.unwrap();
    let deleted = ci.send("two").await.unwrap().offset;
    chat.webhook(webhook(&receiver)).unwrap();
    let asked = receiver.until(|asked| asked.len() == 1).await;
    assert_eq!(contents(&asked), ["one", "two"]);
    chat.delete(deleted).await.unwrap();
    let taken = receiver.takes(|taken| newest(taken) == 3).await;
    assert_eq!(contents(&taken), ["one", ""]);
    assert_eq!(taken[1].messages()[0]["kind"], "message deleted");
    chat.shutdown().await;
}

#[tokio::test]
async fn large_messages_come_in_requests_that_receivers_take() {
    let (chat, receiver) = (alone().await, Receiver::start([]).await);
    let ci = chat.room(room("ci"));
    for _ in 0..20 {
        ci.send("x".repeat(20_000)).await.unwrap();
    }
    ci.send("x".repeat(65_536)).await.unwrap();
    chat.webhook(webhook(&receiver)).unwrap();
    let taken = receiver.takes(|taken| newest(taken) == 21).await;
    are_in_order(&taken);
    let longest = taken.iter().map(|delivered| delivered.body.len()).max().unwrap();
    assert!(longest < 100_000 && taken.len() == 8, "{longest} {}", taken.len());
    chat.shutdown().await;
}

#[tokio::test]
async fn an_answer_without_end_is_taken_and_not_read() {
    let reactions = [Reaction::Flood];
    let (chat, receiver) = (alone().await, Receiver::start(reactions).await);
    let ci = chat.room(room("ci"));
    ci.send("one").await.unwrap();
    chat.webhook(webhook(&receiver)).unwrap();
    receiver.until(|asked| asked.len() == 1).await;
    ci.send("two").await.unwrap();
    let asked = receiver.until(|asked| asked.len() == 2).await;
    assert_eq!(contents(&asked), ["one", "two"]);
    assert_eq!(asked[1].connection, 1, "the connection is given up");
    chat.shutdown().await;
}

#[tokio::test]
async fn a_receiver_that_is_killed_misses_nothing() {
    let (chat, receiver) = (alone().await, Receiver::start([]).await);
    let ci = chat.room(room("ci"));
    chat.webhook(webhook(&receiver)).unwrap();
    let sending = tokio::spawn(async move {
        for number in 1..=60 {
            ci.send(number.to_string()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    receiver.takes(|taken| newest(taken) >= 10).await;
    let receiver = receiver.restart().await;
    receiver.takes(|taken| newest(taken) >= 30).await;
    let receiver = receiver.restart().await;
    let taken = receiver.takes(|taken| newest(taken) == 60).await;
    sending.await.unwrap();
    are_in_order(&taken);
    chat.shutdown().await;
}

#[tokio::test]
async fn of_two_nodes_one_delivers_what_is_said_on_both_and_the_other_takes_over() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let broadcast = Arc::new(LocalBroadcast::new());
    let receiver = Receiver::start([]).await;
    let nodes = [node(&store, &broadcast).await, node(&store, &broadcast).await];
    for chat in &nodes {
        chat.webhook(webhook(&receiver)).unwrap();
    }
    for number in 0..10 {
        nodes[number % 2].room(room("ci")).send(number.to_string()).await.unwrap();
    }
    let taken = receiver.takes(|taken| newest(taken) == 10).await;
    let [one, other] = nodes;
    one.shutdown().await;
    other.room(room("ci")).send("last").await.unwrap();
    let all = receiver.takes(|taken| newest(taken) == 11).await;
    let expected: Vec<String> = (0..10).map(|number: u32| number.to_string()).collect();
    assert_eq!(contents(&taken), expected);
    assert_eq!(contents(&all)[10..], ["last"]);
    other.shutdown().await;
}

#[tokio::test]
async fn private_messages_and_other_rooms_are_sent_only_if_they_are_asked_for() {
    let chat = alone().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = chat.clone();
    tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
    let [rooms, private, both] =
        [Receiver::start([]).await, Receiver::start([]).await, Receiver::start([]).await];
    chat.webhook(webhook(&rooms)).unwrap();
    chat.webhook(webhook(&private).with_private_messages()).unwrap();
    let some = webhook(&both).of_rooms([room("ci")]).with_private_messages();
    chat.webhook(some).unwrap();

    let named = async |name: &str| {
        let token = format!("the secret token of {name}");
        let (mut client, _) =
            Client::connect(&address, json!({ "nickname": name, "token": token })).await;
        while !client.packet().await.starts_with("42[\"nickname\"") {}
        client
    };
    let (mut ada, _bob) = (named("Ada").await, named("Bob").await);
    ada.send(r#"421["private message","Bob","for Bob"]"#).await;
    while !ada.packet().await.starts_with("431[") {}
    ada.send(r#"422["react",1,"👍",true]"#).await;
    ada.send(r#"423["chat message","for all"]"#).await;
    while !ada.packet().await.starts_with("433[") {}
    chat.room(room("ci")).send("for ci").await.unwrap();

    let is_last =
        |taken: &[Delivered]| contents(taken).last().is_some_and(|content| content == "for ci");
    assert_eq!(contents(&rooms.takes(is_last).await), ["for all", "for ci"]);
    assert_eq!(contents(&both.takes(is_last).await).last().unwrap(), "for ci");
    let everything = private.takes(is_last).await;
    let messages: Vec<Value> = everything.iter().flat_map(Delivered::messages).collect();
    assert_eq!(messages[0]["content"], "for Bob");
    assert_eq!((&messages[0]["from"], &messages[0]["to"]), (&json!("Ada"), &json!("Bob")));
    assert_eq!(messages[0].get("room"), None);
    let reaction = &messages[1];
    assert_eq!((&reaction["kind"], &reaction["to"]), (&json!("reaction"), &json!("Bob")));
    assert!(contents(&everything).contains(&"for all".to_owned()));
    let of_both = contents(&both.takes(is_last).await);
    assert!(of_both.contains(&"for Bob".to_owned()) && !of_both.contains(&"for all".to_owned()));
    chat.shutdown().await;
}

use std::sync::Arc;

use chat_server::Limits;
use chat_store::testkit::FailingStore;
use chat_store::{MemoryStore, Store};
use serde_json::{Value, json};

use super::{Http, Nodes, hears, node, token, user};
use crate::client::Client;

#[tokio::test]
async fn texts_and_events_reach_the_clients_of_all_nodes() {
    let (token, secret) = token("ci", &["send:ci"]);
    let nodes = Nodes::new(&[&token]);
    let ((_one, one), (_other, other)) = (nodes.start().await, nodes.start().await);
    let (mut client, _) = Client::connect(&other, json!({ "rooms": ["ci"] })).await;
    let http = Http::new(&one, &secret);
    let sent =
        http.post("/rooms/ci/messages", &json!({ "content": "é \"\u{0}", "from": "CI" })).await;
    assert_eq!(sent.with_status(201), json!({ "offset": 1, "duplicate": false }));
    let order = json!({ "id": 7, "lines": [1.5, null] });
    let event = json!({ "event": "order updated", "payload": order });
    assert_eq!(http.post("/rooms/ci/messages", &event).await.with_status(201)["offset"], 2);
    let [content, _, meta, _] = &hears(&mut client, "chat message").await[..] else { panic!() };
    assert_eq!((content, &meta["from"]), (&json!("é \"\u{0}"), &json!("CI")));
    assert_eq!((&meta["user"], &meta["clientOffset"]), (&Value::Null, &Value::Null));
    assert_eq!(hears(&mut client, "order updated").await[0], order);
}

#[tokio::test]
async fn a_key_is_recognised_on_every_node_and_after_a_restart_and_belongs_to_a_name() {
    let (ci, ci_secret) = token("ci", &["send"]);
    let (new_ci, new_ci_secret) = token("ci", &["send"]);
    let (cd, cd_secret) = token("cd", &["send"]);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("chat.db").display());
    let post = async |address: &str, secret: &str, key: &str, content: &str| {
        let http = Http::new(address, secret).with("idempotency-key", key);
        http.post("/rooms/ci/messages", &json!({ "content": content })).await
    };
    for (is_first, expected) in [(true, 201), (false, 200)] {
        let store = chat_store::open(&url).await.unwrap();
        let nodes = Nodes::on(Arc::clone(&store), &[&ci, &new_ci, &cd]);
        let ((one, first), (other, second)) = (nodes.start().await, nodes.start().await);
        let sent = post(&first, &ci_secret, "build-1", "failed").await.with_status(expected);
        assert_eq!(sent, json!({ "offset": 1, "duplicate": !is_first }));
        let again = post(&second, &ci_secret, "\"build-1\"", "failed").await.with_status(200);
        assert_eq!(again, json!({ "offset": 1, "duplicate": true }));
        assert_eq!(
            post(&second, &new_ci_secret, "build-1", "failed").await.with_status(200),
            again
        );
        let conflict = post(&second, &ci_secret, "build-1", "passed").await;
        conflict.is_refused(409, "client_offset_conflict");
        assert_eq!(conflict.json()["offset"], 1);
        let of_other = post(&second, &cd_secret, "build-1", "passed").await.with_status(expected);
        assert_eq!(of_other["offset"], 2);
        one.shutdown().await;
        other.shutdown().await;
        store.close().await;
    }
}

#[tokio::test]
async fn an_event_for_a_user_reaches_this_user_alone() {
    let (_chat, http) = node(&["send"]).await;
    let mut ada = user(&http.address, "Ada", json!({})).await;
    let mut eve = user(&http.address, "Eve", json!({})).await;
    let invoice = json!({ "event": "invoice", "payload": { "total": 12 } });
    http.post("/users/nobody/events", &invoice).await.is_refused(404, "unknown_nickname");
    assert_eq!(http.post("/users/ADA/events", &invoice).await.with_status(201)["offset"], 1);
    http.post("/rooms/general/messages", &json!({ "content": "for all" })).await.with_status(201);
    assert_eq!(hears(&mut ada, "invoice").await[0]["total"], 12);
    loop {
        let packet = eve.packet().await;
        assert!(!packet.contains("invoice"), "{packet}");
        if packet.contains("for all") {
            break;
        }
    }
}

#[tokio::test]
async fn what_cannot_be_sent_says_why_and_stores_nothing() {
    let (chat, http) = node(&["send:ci"]).await;
    let path = "/rooms/ci/messages";
    for (body, status, code) in [
        (json!({}), 400, "invalid_arguments"),
        (json!([]), 400, "invalid_arguments"),
        (json!({ "content": "" }), 400, "invalid_content"),
        (json!({ "content": 7 }), 400, "invalid_arguments"),
        (json!({ "content": "x", "form": "CI" }), 400, "invalid_arguments"),
        (json!({ "content": "x", "event": "y" }), 400, "invalid_arguments"),
        (json!({ "content": "x", "payload": 1 }), 400, "invalid_arguments"),
        (json!({ "content": "x", "from": "a\nb" }), 400, "invalid_arguments"),
        (json!({ "event": "chat message" }), 400, "invalid_arguments"),
        (json!({ "content": "x".repeat(65_537) }), 413, "too_large"),
        (json!({ "event": "e", "payload": "x".repeat(65_536) }), 413, "too_large"),
        (json!({ "content": "x".repeat(402_560) }), 413, "too_large"),
    ] {
        http.post(path, &body).await.is_refused(status, code);
    }
    let json = http.with("content-type", "application/json");
    for (body, key) in
        [("{", "k"), ("", "k"), (r#"{"content":"x"}"#, ""), (r#"{"content":"x"}"#, "\u{1}")]
    {
        let reply = json.with("idempotency-key", key).ask("POST", path, Some(body)).await;
        assert_eq!(reply.status, 400, "{reply:?}");
    }
    let plain = http.with("content-type", "text/plain").ask("POST", path, Some("x")).await;
    plain.is_refused(415, "unsupported_media_type");
    http.ask("POST", path, Some("{}")).await.is_refused(415, "unsupported_media_type");
    let text = json!({ "content": "x" });
    http.post("/rooms/%0A/messages", &text).await.is_refused(400, "invalid_arguments");
    http.post("/rooms/%FF/messages", &text).await.is_refused(400, "invalid_arguments");
    http.post("/rooms/ci/messages?x=1", &text).await.is_refused(400, "invalid_arguments");
    http.post("/rooms/general/messages", &text).await.is_refused(403, "forbidden");
    http.post("/users/Ada/events", &json!({ "event": "e" })).await.is_refused(403, "forbidden");
    http.post("/rooms/ci/nothing", &text).await.is_refused(404, "not_found");
    http.ask("PUT", path, None).await.is_refused(405, "method_not_allowed");
    let page = chat.room("ci".parse().unwrap()).history(None, 10).await.unwrap();
    assert!(page.messages.is_empty());
    assert_eq!(http.post("/rooms/CI/messages", &text).await.with_status(201)["offset"], 1);
}

#[tokio::test]
async fn a_store_that_fails_is_no_reason_to_give_up() {
    let (token, secret) = token("ci", &["send", "read"]);
    let failing = Arc::new(FailingStore::new(Arc::new(MemoryStore::new())));
    let store: Arc<dyn Store> = failing.clone();
    let (_chat, address) = Nodes::on(store, &[&token]).start().await;
    let http = Http::new(&address, &secret).with("idempotency-key", "k");
    failing.fail_appends(1);
    let text = json!({ "content": "x" });
    let reply = http.post("/rooms/ci/messages", &text).await;
    reply.is_refused(503, "unavailable");
    assert_eq!(reply.header("retry-after").as_deref(), Some("1"));
    assert_eq!(http.post("/rooms/ci/messages", &text).await.with_status(201)["offset"], 1);
}

#[tokio::test]
async fn what_a_token_sends_is_limited_as_for_clients() {
    let (ci, secret) = token("ci", &["send", "read"]);
    let (cd, other_secret) = token("cd", &["send"]);
    let mut limits = Limits::default();
    (limits.max_events_per_second, limits.event_burst) = (1, 4);
    limits.max_messages_per_day = 1;
    let (_chat, address) = Nodes { limits, ..Nodes::new(&[&ci, &cd]) }.start().await;
    let (http, text) = (Http::new(&address, &secret), json!({ "content": "x" }));
    let http = http.with("idempotency-key", "once");
    http.post("/rooms/ci/messages", &text).await.with_status(201);
    let again = http.post("/rooms/ci/messages", &text).await;
    assert_eq!(again.with_status(200)["duplicate"], true, "a retry needs no quota");
    let http = Http::new(&address, &secret);
    http.post("/rooms/ci/messages", &text).await.is_refused(429, "quota_exceeded");
    http.get("/rooms/ci/messages").await.with_status(200);
    let slower = http.get("/rooms/ci/messages").await;
    slower.is_refused(429, "slow_down");
    assert_eq!(slower.header("retry-after").as_deref(), Some("1"));
    let other = Http::new(&address, &other_secret);
    other.post("/rooms/ci/messages", &text).await.with_status(201);
}

#[tokio::test]
async fn only_a_valid_token_opens_the_api() {
    let (_chat, http) = node(&["read"]).await;
    let address = &http.address;
    let anybody = Http::without_token(address);
    let wrong = [
        anybody.clone(),
        Http::new(address, "chat_wrong"),
        anybody.with("authorization", "Basic Y2k6Y2k="),
        http.with("authorization", "Bearer chat_wrong"),
    ];
    for http in wrong {
        for path in ["/rooms", "/rooms/ci/messages", "/users/Ada"] {
            let reply = http.get(path).await;
            reply.is_refused(401, "invalid_token");
            assert!(reply.header("www-authenticate").unwrap().starts_with("bearer"));
        }
    }
    http.get("/rooms").await.with_status(200);
    let page = http.with("origin", "https://elsewhere.example").get("/rooms").await;
    page.is_refused(403, "forbidden");
    assert_eq!(page.header("access-control-allow-origin"), None);
}

use serde_json::{Value, json};

use super::{Http, Nodes, hears, node, token, user};

#[tokio::test]
async fn history_comes_a_page_at_a_time_in_the_form_that_clients_get() {
    let (_chat, http) = node(&["send", "read"]).await;
    let keyed = http.with("idempotency-key", "first");
    keyed.post("/rooms/ci/messages", &json!({ "content": "0" })).await.with_status(201);
    for number in 1..7 {
        let text = json!({ "content": number.to_string() });
        http.post("/rooms/ci/messages", &text).await.with_status(201);
        http.post("/rooms/other/messages", &text).await.with_status(201);
    }
    let event = json!({ "event": "built", "payload": { "ok": true } });
    http.post("/rooms/ci/messages", &event).await.with_status(201);
    let (mut seen, mut path) = (Vec::new(), "/rooms/ci/messages?limit=3".to_owned());
    loop {
        let page = http.get(&path).await.with_status(200);
        let messages = page["messages"].as_array().unwrap();
        assert!(messages.len() <= 3);
        seen.extend(messages.iter().rev().map(|it| it["content"].as_str().unwrap().to_owned()));
        let Some(next) = page.get("next") else {
            assert_eq!(page["more"], false);
            assert_eq!(messages[0]["clientOffset"], "first", "the key of this token");
            break;
        };
        path = format!("/rooms/ci/messages?limit=3&before={next}");
    }
    assert_eq!(seen, [r#"{"ok":true}"#, "6", "5", "4", "3", "2", "1", "0"]);
    let first = http.get("/rooms/ci/messages?limit=2&after=0").await.with_status(200);
    let (messages, next) = (&first["messages"], &first["next"]);
    assert_eq!((&messages[0]["content"], &messages[1]["content"]), (&json!("0"), &json!("1")));
    let path = format!("/rooms/ci/messages?after={next}");
    let rest = http.get(&path).await.with_status(200);
    assert_eq!((rest["messages"].as_array().unwrap().len(), &rest["more"]), (6, &json!(false)));
    let last = http.get("/rooms/ci/messages?limit=1").await.with_status(200);
    let last = &last["messages"][0];
    assert_eq!((&last["event"], &last["room"]), (&json!("built"), &json!("ci")));
    assert_eq!((&last["from"], last["at"].is_i64()), (&Value::Null, true));

    // The same as a client gets.
    let mut ada = user(&http.address, "Ada", json!({ "rooms": ["ci"] })).await;
    ada.send(r#"427["history",{"room":"ci","limit":1}]"#).await;
    let answer = loop {
        if let Some(answer) = ada.packet().await.strip_prefix("437") {
            break serde_json::from_str::<Value>(answer).unwrap();
        }
    };
    assert_eq!(&answer[0]["messages"][0], last);
    for wrong in [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=1&limit=1",
        "before=-1",
        "before=9007199254740992",
        "x=1",
    ] {
        let reply = http.get(&format!("/rooms/ci/messages?{wrong}")).await;
        reply.is_refused(400, "invalid_arguments");
    }
}

#[tokio::test]
async fn who_is_there_is_known_over_all_nodes() {
    let (token, secret) = token("ci", &["read"]);
    let nodes = Nodes::new(&[&token]);
    let ((_one, one), (_other, other)) = (nodes.start().await, nodes.start().await);
    let http = Http::new(&one, &secret);
    http.get("/users/Ada").await.is_refused(404, "unknown_nickname");
    let auth = json!({ "rooms": ["ci"] });
    let (_ada, mut bob) = (user(&one, "Ada", auth.clone()).await, user(&other, "Bob", auth).await);
    let users = loop {
        let users = http.get("/rooms/ci/users").await.with_status(200);
        if users["users"] == 2 {
            break users;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(users, json!({ "room": "ci", "users": 2, "nicknames": ["Ada", "Bob"] }));
    assert_eq!(http.get("/rooms/empty/users").await.with_status(200)["users"], 0);
    let shown = http.get("/users/bob").await.with_status(200);
    assert_eq!((&shown["nickname"], &shown["online"]), (&json!("Bob"), &json!(true)));
    bob.send(r#"42["chat message","hi",null,{"room":"ci"}]"#).await;
    let meta = hears(&mut bob, "chat message").await;
    assert_eq!(meta[2]["user"], shown["user"], "the id that clients know");
}

#[tokio::test]
async fn rooms_come_a_page_at_a_time_and_only_those_of_the_token() {
    let (all, secret) = token("all", &["read", "send"]);
    let (some, some_secret) = token("some", &["read:b", "send:a"]);
    let (none, none_secret) = token("none", &["send"]);
    let tokens = [&all, &some, &none];
    for has_rules in [false, true] {
        let nodes = Nodes { has_rules, ..Nodes::new(&tokens) };
        let (_chat, address) = nodes.start().await;
        let http = Http::new(&address, &secret);
        let mut ada = user(&address, "Ada", json!({ "rooms": ["b"] })).await;
        for room in ["a", "b", "c"] {
            if has_rules {
                let visibility = if room == "c" { "private" } else { "public" };
                let settings = json!({ "topic": "t", "visibility": visibility });
                ada.send(&format!(r#"427["create room","{room}",{settings}]"#)).await;
                while !ada.packet().await.starts_with("437") {}
            } else {
                let path = format!("/rooms/{room}/messages");
                http.post(&path, &json!({ "content": "x" })).await.with_status(201);
            }
        }
        let first = http.get("/rooms?limit=2").await.with_status(200);
        let names = |page: &Value| -> Vec<String> {
            let rooms = page["rooms"].as_array().unwrap().iter();
            rooms.map(|room| room["room"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!((names(&first), &first["next"]), (vec!["a".into(), "b".into()], &json!("b")));
        assert_eq!(first["rooms"][1]["users"], 1);
        assert_eq!(first["rooms"][0].get("topic").is_some(), has_rules);
        let rest = http.get("/rooms?limit=2&after=b").await.with_status(200);
        assert_eq!((names(&rest), &rest["more"]), (vec!["c".to_owned()], &json!(false)));
        let some = Http::new(&address, &some_secret);
        assert_eq!(names(&some.get("/rooms").await.with_status(200)), ["b"]);
        some.get("/rooms/a/messages").await.is_refused(403, "forbidden");
        some.get("/rooms/a/users").await.is_refused(403, "forbidden");
        some.get("/rooms/b/messages").await.with_status(200);
        some.get("/users/Ada").await.is_refused(403, "forbidden");
        Http::new(&address, &none_secret).get("/rooms").await.is_refused(403, "forbidden");
    }
}

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::events::Events;
use super::http::Reply;
use super::{Http, Nodes, hears, token, user};

/// The document of an API, and what it says of a schema.
struct Document(Value);

impl Document {
    async fn of(http: &Http) -> Self {
        Self(Http::without_token(&http.address).get("/openapi.json").await.with_status(200))
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(path) => self.0.pointer(path.trim_start_matches('#')).expect(path),
            None => schema,
        }
    }

    /// Checks that a value is as a schema says: nothing is missing, and nothing undescribed is there.
    fn check(&self, value: &Value, schema: &Value, at: &str) {
        let schema = self.resolve(schema);
        let types: BTreeSet<&str> = match &schema["type"] {
            Value::String(one) => [one.as_str()].into(),
            Value::Array(all) => all.iter().map(|one| one.as_str().unwrap()).collect(),
            other => panic!("{at}: {other}"),
        };
        let actual = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        assert!(types.contains(actual), "{at} is {value}, and should be {types:?}");
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            self.check(item, &schema["items"], &format!("{at}[{index}]"));
        }
        let Value::Object(fields) = value else { return };
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(fields.contains_key(required.as_str().unwrap()), "{at} has no {required}");
        }
        for (name, field) in fields {
            let described = &schema["properties"][name];
            assert!(!described.is_null(), "{at}.{name} is not described");
            self.check(field, described, &format!("{at}.{name}"));
        }
    }

    /// Checks that an answer is one that an operation describes.
    fn check_reply(&self, method: &str, path: &str, reply: &Reply) {
        let responses = &self.0["paths"][path][method]["responses"];
        let described = self.resolve(&responses[reply.status.to_string()]);
        assert!(!described.is_null(), "{method} {path} describes no {}", reply.status);
        let schema = &described["content"]["application/json"]["schema"];
        self.check(&reply.json(), schema, &format!("{method} {path} {}", reply.status));
    }
}

#[tokio::test]
async fn the_document_has_every_route_and_nothing_else() {
    let (token, secret) = token("ci", &[]);
    let (_chat, address) = Nodes::new(&[&token]).start().await;
    let http = Http::new(&address, &secret);
    let Document(document) = Document::of(&http).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let concrete = path
            .replace("{room}", "a")
            .replace("{nickname}", "b")
            .replace("{offset}", "1")
            .replace("{device}", "0123456789abcdef");
        for method in ["get", "put", "post", "delete", "patch"] {
            let operation = &item[method];
            let anonymous = Http::without_token(&address);
            let reply = anonymous.ask(&method.to_uppercase(), &concrete, None).await;
            if operation.is_null() {
                assert_eq!(reply.status, 405, "{method} {path} is not described");
                continue;
            }
            operations += 1;
            assert_eq!(reply.status, 401, "{method} {path}");
            assert!(
                operation["summary"].as_str().is_some_and(|text| text.ends_with('.')),
                "{path}"
            );
            let named: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
            let all = operation["parameters"].as_array().into_iter().flatten();
            let in_path =
                all.filter(|it| it["in"] == "path").map(|it| it["name"].as_str().unwrap());
            assert_eq!(in_path.collect::<BTreeSet<_>>(), named, "{method} {path}");
        }
    }
    assert_eq!(operations, 24);
}

#[tokio::test]
async fn answers_are_as_the_document_says() {
    let (all, secret) = token("all", &["read", "send", "moderate"]);
    let (none, none_secret) = token("none", &[]);
    for has_rules in [false, true] {
        let nodes = Nodes { has_rules, ..Nodes::new(&[&all, &none]) };
        let (_chat, address) = nodes.start().await;
        let http = Http::new(&address, &secret);
        let document = Document::of(&http).await;
        let mut ada = user(&address, "Ada", json!({ "rooms": ["a"] })).await;
        if has_rules {
            ada.send(r#"427["create room","a"]"#).await;
            while !ada.packet().await.starts_with("437") {}
        }
        let post = async |path: &str, described: &str, body: Value| {
            let reply = http.post(path, &body).await;
            document.check_reply("post", described, &reply);
        };
        let sends = "/rooms/{room}/messages";
        post("/rooms/a/messages", sends, json!({ "content": "x" })).await;
        post("/rooms/a/messages", sends, json!({ "content": "y", "replyTo": 1, "from": "CI" }))
            .await;
        post("/rooms/a/messages", sends, json!({ "event": "e", "payload": {} })).await;
        post("/rooms/a/messages", sends, json!({ "content": "" })).await;
        post("/rooms/a/messages", sends, json!({ "content": "x".repeat(65_537) })).await;
        post("/users/Ada/events", "/users/{nickname}/events", json!({ "event": "e" })).await;
        post("/users/Eve/events", "/users/{nickname}/events", json!({ "event": "e" })).await;
        let keyed = http.with("idempotency-key", "k");
        for content in ["a", "a", "b"] {
            let reply = keyed.post("/rooms/a/messages", &json!({ "content": content })).await;
            document.check_reply("post", sends, &reply);
        }
        let edit = http.with("content-type", "application/json");
        let edit = edit.ask("PATCH", "/rooms/a/messages/1", Some(r#"{"content":"z"}"#)).await;
        ada.send(r#"42["react",3,"👍"]"#).await;
        hears(&mut ada, "reaction").await;
        let one = "/rooms/{room}/messages/{offset}";
        document.check_reply("patch", one, &edit);
        document.check_reply("delete", one, &http.delete("/rooms/a/messages/2").await);
        // It is indexed in the background.
        while http.get("/search?query=z").await.json()["hits"] == json!([]) {}
        for (path, described) in [
            ("/search?query=z", "/search"),
            ("/search?query=%22", "/search"),
            ("/rooms/a/messages", sends),
            ("/rooms/a/messages?limit=1", sends),
            ("/rooms/a/messages?limit=x", sends),
            ("/rooms", "/rooms"),
            ("/rooms/a/users", "/rooms/{room}/users"),
            ("/users/Ada", "/users/{nickname}"),
            ("/users/Eve", "/users/{nickname}"),
            ("/users/Ada/devices", "/users/{nickname}/devices"),
            ("/moderation", "/moderation"),
            ("/moderation?limit=0", "/moderation"),
            ("/events?room=a&after=99", "/events"),
        ] {
            document.check_reply("get", described, &http.get(path).await);
            let refused = Http::new(&address, &none_secret).get(path).await;
            assert_eq!(refused.status, 403, "{path}");
            document.check_reply("get", described, &refused);
        }
        let ban = json!({ "nickname": "Ada", "for": 1, "reason": "x" });
        for what in ["bans", "mutes"] {
            let (there, everywhere) = (format!("/rooms/a/{what}"), format!("/{what}"));
            let described = format!("/rooms/{{room}}/{what}");
            post(&there, &described, ban.clone()).await;
            post(&everywhere, &everywhere, ban.clone()).await;
            let query = "?nickname=Ada";
            document.check_reply("delete", &described, &http.delete(&(there + query)).await);
            let lifted = http.delete(&(everywhere.clone() + query)).await;
            document.check_reply("delete", &everywhere, &lifted);
        }
        post("/rooms/a/kicks", "/rooms/{room}/kicks", json!({ "nickname": "Ada" })).await;
        post("/kicks", "/kicks", json!({ "nickname": "Ada" })).await;
        document.check_reply("get", "/moderation", &http.get("/moderation?room=a").await);
        let put = http.with("content-type", "application/json");
        for name in ["Ada", "Eve"] {
            let path = format!("/users/{name}/nickname");
            let renamed = put.ask("PUT", &path, Some(r#"{"nickname":"Ada L."}"#)).await;
            document.check_reply("put", "/users/{nickname}/nickname", &renamed);
        }
        let devices = http.get("/users/Ada%20L./devices").await.json();
        let device = devices["devices"][0]["id"].as_str().unwrap().to_owned();
        let described = "/users/{nickname}/devices/{device}";
        for _ in 0..2 {
            let path = format!("/users/Ada%20L./devices/{device}");
            document.check_reply("delete", described, &http.delete(&path).await);
        }
        let schemas = &document.0["components"]["schemas"];
        let mut stream = Events::open(&http, "/events?room=a&after=0").await;
        let mut names = BTreeSet::new();
        for _ in 0..6 {
            let heard = stream.next().await;
            let schema = if heard.name == "message" { "Message" } else { "Change" };
            document.check(&heard.data, &schemas[schema], &heard.name);
            names.insert(heard.name);
        }
        assert_eq!(names.len(), 4, "{names:?}");
    }
}

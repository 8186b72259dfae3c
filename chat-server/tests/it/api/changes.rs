use serde_json::{Value, json};

use super::events::Events;
use super::{Http, Nodes, hears, token, user};

#[tokio::test]
async fn a_token_takes_back_what_it_has_sent_and_a_moderator_what_others_have() {
    let (ci, ci_secret) = token("ci", &["send:ci", "read:ci"]);
    let (cd, cd_secret) = token("cd", &["send:ci"]);
    let (bot, bot_secret) = token("bot", &["moderate:ci"]);
    let (reader, reader_secret) = token("reader", &["read"]);
    let nodes = Nodes::new(&[&ci, &cd, &bot, &reader]);
    let (_chat, address) = nodes.start().await;
    let [ci, cd, bot, reader] = [ci_secret, cd_secret, bot_secret, reader_secret]
        .map(|secret| Http::new(&address, &secret));
    let mut ada = user(&address, "Ada", json!({ "rooms": ["ci"] })).await;
    let mut stream = Events::open(&reader, "/events?room=ci").await;
    let (path, text) = ("/rooms/ci/messages", json!({ "content": "running", "from": "CI" }));
    assert_eq!(ci.post(path, &text).await.with_status(201)["offset"], 1);
    let reply = json!({ "content": "why?", "replyTo": 1 });
    assert_eq!(cd.post(path, &reply).await.with_status(201)["offset"], 2);
    ada.send(r#"42["react",1,"👍"]"#).await;

    let patch = async |http: &Http, path: &str, body: Value| {
        let http = http.with("content-type", "application/json").with("idempotency-key", "edit");
        http.ask("PATCH", path, Some(&body.to_string())).await
    };
    hears(&mut ada, "reaction").await;
    let page = reader.get(path).await.with_status(200);
    let reactions = json!([{ "emoji": "👍", "count": 1, "own": false }]);
    assert_eq!(page["messages"][0]["reactions"], reactions);
    let (first, done) = ("/rooms/ci/messages/1", json!({ "content": "done" }));
    assert_eq!(patch(&ci, first, done.clone()).await.with_status(201)["offset"], 4);
    assert_eq!(patch(&ci, first, done.clone()).await.with_status(200)["offset"], 4);
    patch(&cd, first, done.clone()).await.is_refused(403, "forbidden");
    patch(&bot, first, done.clone()).await.is_refused(403, "forbidden");
    patch(&ci, first, json!({ "content": "" })).await.is_refused(400, "invalid_content");
    patch(&ci, "/rooms/ci/messages/9", done.clone()).await.is_refused(404, "unknown_message");
    patch(&ci, "/rooms/ci/messages/0", done).await.is_refused(400, "invalid_arguments");
    assert_eq!(hears(&mut ada, "message edited").await[0], "done");

    cd.delete(first).await.is_refused(403, "forbidden");
    reader.delete(first).await.is_refused(403, "forbidden");
    bot.delete("/rooms/other/messages/1").await.is_refused(403, "forbidden");
    assert_eq!(ci.delete(first).await.with_status(201)["offset"], 5);
    assert_eq!(ci.delete(first).await.with_status(200), json!({ "offset": 5, "duplicate": true }));
    assert_eq!(bot.delete("/rooms/ci/messages/2").await.with_status(201)["offset"], 6);
    hears(&mut ada, "message deleted").await;

    let heard = stream.next().await;
    assert_eq!((&heard.name[..], &heard.data["content"]), ("message", &json!("running")));
    let heard = stream.next().await;
    assert_eq!((&heard.name[..], &heard.data["replyTo"]), ("message", &json!(1)));
    let heard = stream.next().await;
    assert_eq!((&heard.name[..], &heard.data["content"]), ("reaction", &json!("👍")));
    assert_eq!((&heard.data["of"], &heard.data["on"]), (&json!(1), &json!(true)));
    let heard = stream.next().await;
    assert_eq!((&heard.name[..], &heard.data["content"]), ("message edited", &json!("done")));
    assert_eq!((&heard.data["of"], &heard.data["room"]), (&json!(1), &json!("ci")));
    for (of, offset) in [(1, 5), (2, 6)] {
        let heard = stream.next().await;
        let content = heard.data.get("content");
        assert_eq!((&heard.name[..], content), ("message deleted", None));
        assert_eq!((&heard.data["of"], &heard.data["offset"]), (&json!(of), &json!(offset)));
    }
    let page = reader.get(path).await.with_status(200);
    assert_eq!(page["messages"][0]["deleted"], true);
    assert_eq!(page["messages"].as_array().unwrap().len(), 2);
}

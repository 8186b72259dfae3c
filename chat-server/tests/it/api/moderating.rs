use serde_json::json;

use super::{Http, Nodes, hears, node, token, user};
use crate::client::Client;

/// Sends a text to a room, and returns the code of the refusal, if it is one.
async fn says(client: &mut Client, room: &str) -> Option<String> {
    client.send(&format!(r#"427["chat message","hi",null,{{"room":"{room}"}}]"#)).await;
    loop {
        if let Some(answer) = client.packet().await.strip_prefix("437") {
            let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
            return answer[0]["error"]["code"].as_str().map(ToOwned::to_owned);
        }
    }
}

#[tokio::test]
async fn a_bot_keeps_order_in_its_room_and_nowhere_else() {
    let (bot, secret) = token("bot", &["moderate:lobby"]);
    let (_chat, address) = Nodes { has_rules: true, ..Nodes::new(&[&bot]) }.start().await;
    let http = Http::new(&address, &secret);
    let mut eve = user(&address, "Eve", json!({ "rooms": ["lobby"] })).await;
    assert_eq!(says(&mut eve, "lobby").await, None);

    let mute = json!({ "nickname": "eve", "for": 3600, "reason": "noise" });
    for changed in [true, false] {
        let reply = http.post("/rooms/lobby/mutes", &json!({ "nickname": "Eve" })).await;
        assert_eq!(reply.with_status(200), json!({ "changed": changed }));
    }
    assert_eq!(says(&mut eve, "lobby").await.as_deref(), Some("forbidden"));
    assert_eq!(http.post("/rooms/Lobby/mutes", &mute).await.with_status(200)["changed"], true);
    let lifted = http.delete("/rooms/lobby/mutes?nickname=Eve").await;
    assert_eq!(lifted.with_status(200)["changed"], true);
    assert_eq!(says(&mut eve, "lobby").await, None);

    http.post("/rooms/lobby/kicks", &json!({ "nickname": "Eve" })).await.with_status(200);
    hears(&mut eve, "not joined").await;
    assert_eq!(says(&mut eve, "lobby").await.as_deref(), Some("not_in_room"));
    http.post("/rooms/lobby/bans", &json!({ "nickname": "Eve" })).await.with_status(200);
    eve.send(r#"428["join","lobby"]"#).await;
    loop {
        if let Some(answer) = eve.packet().await.strip_prefix("438") {
            assert!(answer.contains("forbidden"), "{answer}");
            break;
        }
    }

    for path in ["/rooms/other/bans", "/bans", "/mutes", "/kicks"] {
        let mute = if path == "/kicks" { json!({ "nickname": "Eve" }) } else { mute.clone() };
        http.post(path, &mute).await.is_refused(403, "forbidden");
    }
    http.delete("/bans?nickname=Eve").await.is_refused(403, "forbidden");
    for wrong in [
        json!({}),
        json!({ "nickname": "Eve", "address": "192.0.2.1" }),
        json!({ "address": "192.0.2.1/25" }),
        json!({ "nickname": "Eve", "for": 0 }),
    ] {
        http.post("/rooms/lobby/bans", &wrong).await.is_refused(400, "invalid_arguments");
    }
    let nobody = json!({ "nickname": "Nobody" });
    http.post("/rooms/lobby/bans", &nobody).await.is_refused(404, "unknown_nickname");
}

#[tokio::test]
async fn an_address_that_is_banned_everywhere_is_cut_off() {
    let (bot, secret) = token("bot", &["moderate"]);
    let (_chat, address) = Nodes { has_rules: true, ..Nodes::new(&[&bot]) }.start().await;
    let http = Http::new(&address, &secret);
    let (mut client, _) = Client::connect(&address, json!({})).await;
    let ban = json!({ "address": "127.0.0.0/24" });
    assert_eq!(http.post("/bans", &ban).await.with_status(200)["changed"], true);
    while client.try_packet().await.is_ok() {}
    let lifted = http.delete("/bans?address=127.0.0.0%2F24").await;
    assert_eq!(lifted.with_status(200)["changed"], true);
    Client::connect(&address, json!({})).await;
}

#[tokio::test]
async fn a_user_who_is_sent_away_is_disconnected_and_may_come_back() {
    let (bot, secret) = token("bot", &["moderate"]);
    let nodes = Nodes { has_rules: true, ..Nodes::new(&[&bot]) };
    let ((_one, one), (_other, other)) = (nodes.start().await, nodes.start().await);
    let (mut here, mut there) =
        (user(&one, "Eve", json!({})).await, user(&other, "Eve", json!({})).await);
    let kick = json!({ "nickname": "Eve", "reason": "enough" });
    let reply = Http::new(&one, &secret).post("/kicks", &kick).await;
    assert_eq!(reply.with_status(200)["changed"], true);
    while here.try_packet().await.is_ok() {}
    while there.try_packet().await.is_ok() {}
    user(&other, "Eve", json!({})).await;
}

#[tokio::test]
async fn a_server_without_rules_bans_nobody() {
    let (_chat, http) = node(&["moderate"]).await;
    let _ada = user(&http.address, "Ada", json!({})).await;
    http.post("/bans", &json!({ "nickname": "Ada" })).await.is_refused(404, "unknown_event");
}

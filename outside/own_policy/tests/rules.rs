//! The rules as clients meet them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

// The client of its neighbour, which does more than is needed here.
#[allow(dead_code)]
#[path = "../../own_axum_application/tests/application/client.rs"]
mod client;
#[path = "../../own_axum_application/tests/application/http.rs"]
mod http;

use std::net::SocketAddr;
use std::sync::Arc;

use chat_core::{Nickname, RoomId};
use chat_server::{AccessScope, Chat};
use chat_store::MemoryStore;
use client::Client;
use own_policy::House;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Connects under a name, in three rooms.
async fn connect(address: SocketAddr, name: &str) -> Client {
    let rooms = ["general", "announcements", "staff"];
    Client::connect(address, "/", json!({ "nickname": name, "rooms": rooms })).await.unwrap()
}

async fn write(client: &mut Client, content: &str, room: &str) -> Value {
    client.ask(json!(["chat message", content, null, { "room": room }])).await[0].clone()
}

/// The next message that a client gets.
async fn next(client: &mut Client) -> Value {
    client.event("chat message").await[1].clone()
}

#[tokio::test]
async fn the_staff_writes_announcements_and_has_a_room_of_its_own() {
    let house = Arc::new(House::default());
    let ada: Nickname = "Ada".parse().unwrap();
    house.hire(&ada);
    let store = Arc::new(MemoryStore::new());
    let chat = Chat::builder(store).policy(Arc::clone(&house)).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (served, router) = (chat.clone(), chat.socket_router());
    tokio::spawn(
        async move { served.serve_router(listener, router, std::future::pending()).await },
    );

    let (mut ada, mut eve) = (connect(address, "Ada").await, connect(address, "Eve").await);
    let told = eve.event("not joined").await;
    assert_eq!(told[1]["rooms"][0]["room"], "staff");
    assert_eq!(told[1]["rooms"][0]["error"]["message"], "this room is for the staff");

    assert_eq!(write(&mut ada, "among us", "staff").await["offset"], 1);
    assert_eq!(write(&mut ada, "welcome", "announcements").await["offset"], 2);
    assert_eq!(write(&mut eve, "me too", "announcements").await["error"]["code"], "forbidden");
    assert_eq!(write(&mut eve, "thanks", "general").await["offset"], 3);
    for expected in ["welcome", "thanks"] {
        assert_eq!(next(&mut eve).await, expected);
    }
    for expected in ["among us", "welcome", "thanks"] {
        assert_eq!(next(&mut ada).await, expected);
    }

    // At once, on a connection that is open.
    house.dismiss(&"ada".parse().unwrap());
    let staff: RoomId = "staff".parse().unwrap();
    chat.access_changed(AccessScope::Room(staff)).await;
    chat.access_changed(AccessScope::Room("announcements".parse().unwrap())).await;
    assert_eq!(ada.event("not joined").await[1]["rooms"][0]["room"], "staff");
    assert_eq!(write(&mut ada, "again", "announcements").await["error"]["code"], "forbidden");
    assert_eq!(write(&mut ada, "again", "staff").await["error"]["code"], "not_in_room");
}

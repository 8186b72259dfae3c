//! Rooms that are kept, on a store that fails: a client that is not answered asks again.

use std::sync::Arc;
use std::time::Duration;

use chat_core::{RoomId, Timestamp, Visibility};
use chat_server::{Chat, Limits};
use chat_store::testkit::FailingStore;
use chat_store::{AccessChanged, AccessRequest, MemoryStore, NewAccessChange, RoomStore, Store};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::client::Client;

/// Starts a chat in which one wrong code is one too many, and returns its address.
async fn start(store: Arc<dyn Store>) -> String {
    let mut limits = Limits::default();
    limits.max_wrong_tokens_per_minute = 1;
    let chat = Chat::builder(store).room_rules().limits(limits).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { chat.serve(listener, std::future::pending()).await });
    address
}

async fn user(address: &str, nickname: &str) -> Client {
    let token = format!("the secret token of {nickname}");
    Client::connect(address, json!({ "nickname": nickname, "token": token })).await.0
}

/// Returns the next answer, with the id of its request. Other packets do not count.
async fn answer(client: &mut Client) -> (u32, Value) {
    loop {
        let packet = client.packet().await;
        let Some(answer) = packet.strip_prefix("43") else { continue };
        let (id, json) = answer.split_at(answer.find('[').unwrap());
        let [answer]: [Value; 1] = serde_json::from_str(json).unwrap();
        return (id.parse().unwrap(), answer);
    }
}

#[tokio::test]
async fn an_invitation_is_not_called_wrong_because_the_store_fails() {
    let store = Arc::new(FailingStore::new(Arc::new(MemoryStore::new())));
    let address = start(store.clone()).await;
    let (mut ada, mut bob) = (user(&address, "Ada").await, user(&address, "Bob").await);
    ada.send(r#"421["create room","team",{"visibility":"private"}]"#).await;
    ada.send(r#"422["invite","team"]"#).await;
    assert_eq!(answer(&mut ada).await.0, 1);
    let (_, invited) = answer(&mut ada).await;
    let accept = json!(["accept invitation", invited["code"]]);

    // Silence, whether nothing was changed or only the answer was lost: the next answer is that of the next request.
    for lost in [false, true] {
        if lost {
            store.lose_changes(1)
        } else {
            store.fail_changes(1)
        }
        bob.send(&format!("421{accept}")).await;
        bob.send(r#"422["rooms"]"#).await;
        let (id, rooms) = answer(&mut bob).await;
        assert_eq!((id, &rooms["error"]), (2, &Value::Null), "lost: {lost}");
    }
    bob.send(&format!("423{accept}")).await;
    let (_, joined) = answer(&mut bob).await;
    assert_eq!((&joined["room"], &joined["role"]), (&json!("team"), &json!("member")), "{joined}");

    // A code that is wrong counts, and the next one is not looked at.
    for (id, code) in [(4, "invalid_code"), (5, "slow_down")] {
        bob.send(&format!(r#"42{id}["accept invitation","ABCDE-FGHJK"]"#)).await;
        let (answered, refused) = answer(&mut bob).await;
        assert_eq!((answered, &refused["error"]["code"]), (id, &json!(code)));
    }
}

#[tokio::test]
async fn who_did_not_hear_of_being_sent_out_is_told_when_it_comes_back() {
    let address = start(Arc::new(MemoryStore::new())).await;
    let mut ada = user(&address, "Ada").await;
    ada.send(r#"421["create room","team"]"#).await;
    assert_eq!(answer(&mut ada).await.0, 1);
    let token = "the secret token of Eve";
    let auth = json!({ "nickname": "Eve", "token": token, "rooms": ["general", "team"] });
    let (eve, session) = Client::connect(&address, auth).await;
    ada.send(r#"422["kick","team","Eve",{"reason":"spam"}]"#).await;
    assert_eq!(answer(&mut ada).await, (2, json!({ "changed": true })));
    // Nothing of what was sent to it is read.
    drop(eve);

    let again = json!({ "pid": session["pid"] });
    let told = |packet: &str| packet.starts_with(r#"42["not joined""#);
    for _ in 0..2 {
        let (mut eve, back) = Client::connect(&address, again.clone()).await;
        assert_eq!(back["sid"], session["sid"], "it is in its session");
        let packet = timeout(Duration::from_secs(10), async {
            loop {
                let packet = eve.packet().await;
                if told(&packet) {
                    break packet;
                }
            }
        });
        let packet = packet.await.expect("it is told");
        assert!(packet.contains(r#"[{"room":"team","error":{"code":"forbidden","#), "{packet}");
    }
    // It knows that it is in the room again.
    let (mut eve, _) = Client::connect(&address, again.clone()).await;
    eve.send(r#"421["join","team"]"#).await;
    assert_eq!(answer(&mut eve).await.1["room"], "team");
    drop(eve);
    let (mut eve, _) = Client::connect(&address, again).await;
    eve.send(r#"421["users","team"]"#).await;
    loop {
        let packet = eve.packet().await;
        assert!(!told(&packet), "{packet}");
        if packet.starts_with("431") {
            break;
        }
    }
}

async fn change(store: &MemoryStore, request: AccessRequest) {
    let change = NewAccessChange::new(request, Timestamp::now());
    let changed = store.change_access(&change).await.unwrap();
    assert!(matches!(changed, AccessChanged::Yes(_)), "{changed:?}");
}

/// Whoever left has no connection that is in the room, and may have been there under another spelling.
#[tokio::test]
async fn who_left_a_room_does_not_come_back_once_it_is_private() {
    let store = Arc::new(MemoryStore::new());
    let address = start(store.clone()).await;
    let (mut ada, mut bob) = (user(&address, "Ada").await, user(&address, "Bob").await);
    ada.send(r#"421["create room","team"]"#).await;
    assert_eq!(answer(&mut ada).await.1["room"], "team");
    for room in ["team", "Team"] {
        for event in ["join", "leave"] {
            bob.send(&format!(r#"421["{event}","{room}"]"#)).await;
            let (_, answered) = answer(&mut bob).await;
            assert!(answered["error"].is_null(), "{answered}");
        }
    }
    let request = AccessRequest::ChangeRoom {
        room: "team".parse::<RoomId>().unwrap().key(),
        topic: None,
        visibility: Some(Visibility::Private),
        posting: None,
    };
    change(&store, request).await;
    for room in ["team", "Team"] {
        let refused = async {
            loop {
                bob.send(&format!(r#"421["join","{room}"]"#)).await;
                let (_, answered) = answer(&mut bob).await;
                match answered["error"]["code"].as_str() {
                    Some(code) => break code.to_owned(),
                    None => tokio::time::sleep(Duration::from_millis(50)).await,
                }
                bob.send(&format!(r#"421["leave","{room}"]"#)).await;
                answer(&mut bob).await;
            }
        };
        let code = timeout(Duration::from_secs(5), refused).await.expect(room);
        assert_eq!(code, "forbidden", "{room}");
    }
}

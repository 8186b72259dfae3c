use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::events::Events;
use super::program::add_token;
use super::{Http, Nodes, node, token};
use crate::client::{Client, PATIENCE};
use crate::server::Server;

/// Sends texts with these numbers to a room.
async fn send(http: &Http, room: &str, numbers: std::ops::Range<usize>, padding: usize) {
    for number in numbers {
        let content = format!("{number} {}", "x".repeat(padding));
        let path = format!("/rooms/{room}/messages");
        http.post(&path, &json!({ "content": content })).await.with_status(201);
    }
}

/// The number of a text.
fn number(content: &serde_json::Value) -> usize {
    content.as_str().unwrap().split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn rooms_are_followed_over_all_nodes_in_the_order_of_the_log() {
    let (token, secret) = token("ci", &["read", "send"]);
    let nodes = Nodes::new(&[&token]);
    let ((_one, one), (_other, other)) = (nodes.start().await, nodes.start().await);
    let (here, there) = (Http::new(&one, &secret), Http::new(&other, &secret));
    send(&here, "a", 0..1, 0).await;
    let mut events = Events::open(&here, "/events?room=a&room=b%20c").await;
    let mut all = Events::open(&there, "/events?room=b%20c&room=a&after=0").await;
    send(&there, "b%20c", 1..2, 0).await;
    send(&here, "elsewhere", 2..3, 0).await;
    let event = json!({ "event": "built", "payload": [1], "from": "CI" });
    here.with("idempotency-key", "k").post("/rooms/a/messages", &event).await.with_status(201);
    let heard = events.next().await;
    assert_eq!((&heard.data["content"], &heard.data["room"]), (&json!("1 "), &json!("b c")));
    assert_eq!(heard.data["offset"], 2);
    let heard = events.next().await;
    let history = here.get("/rooms/a/messages?limit=1").await.with_status(200);
    assert_eq!(heard.data, history["messages"][0], "the form of history");
    assert_eq!((&heard.data["event"], &heard.data["clientOffset"]), (&json!("built"), &json!("k")));
    assert_eq!(heard.id.split('-').nth(1), Some("4"), "{}", heard.id);
    for offset in [1, 2, 4] {
        assert_eq!(all.next().await.data["offset"], offset);
    }
    // The same position as that of a client.
    let (mut client, session) =
        Client::connect(&one, json!({ "rooms": ["a"], "serverOffset": 0 })).await;
    let ids = loop {
        let packet = client.packet().await;
        if packet.starts_with("42[\"built\"") {
            break packet;
        }
    };
    assert!(ids.contains(&format!("\"{}\"", heard.id)), "{ids} {session}");
}

#[tokio::test]
async fn a_stream_goes_on_anywhere_without_gap_or_repeat_while_messages_flow() {
    const MESSAGES: usize = 400;

    let (token, secret) = token("ci", &["read", "send"]);
    let nodes = Nodes::new(&[&token]);
    let ((_one, one), (_other, other)) = (nodes.start().await, nodes.start().await);
    let all = [Http::new(&one, &secret), Http::new(&other, &secret)];
    let mut writers = Vec::new();
    for (index, http) in all.clone().into_iter().enumerate() {
        let first = index * MESSAGES / 2;
        writers.push(tokio::spawn(async move {
            for number in first..first + MESSAGES / 2 {
                send(&http, "a", number..number + 1, 0).await;
                send(&http, "noise", number..number + 1, 0).await;
            }
        }));
    }
    let (mut offsets, mut numbers) = (Vec::new(), Vec::new());
    let (mut last_id, mut streams) = (String::new(), 0);
    while numbers.len() < MESSAGES {
        let http = &all[streams % 2];
        let mut events = match streams {
            0 => Events::open(http, "/events?room=a&after=0").await,
            _ => Events::resume(http, "/events?room=a&after=0", &last_id).await,
        };
        for _ in 0..1 + streams % 23 {
            if numbers.len() < MESSAGES {
                let heard = events.next().await;
                offsets.push(heard.data["offset"].as_u64().unwrap());
                numbers.push(number(&heard.data["content"]));
            }
        }
        (last_id, streams) = (events.last_id, streams + 1);
    }
    assert!(offsets.is_sorted_by(|one, next| one < next), "{offsets:?}");
    numbers.sort_unstable();
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
    assert!(streams > 20);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_quiet_stream_is_kept_alive_and_goes_on_from_where_it_was() {
    let (token, secret) = token("ci", &["read", "send"]);
    let mut nodes = Nodes::new(&[&token]);
    nodes.limits.ping_interval = Duration::from_millis(100);
    let (_chat, address) = nodes.start().await;
    let http = Http::new(&address, &secret);
    let mut events = Events::open(&http, "/events?room=a").await;
    let begin = events.block().await.unwrap();
    assert!(begin.starts_with(": ") && begin.contains("\nid: "), "{begin}");
    send(&http, "noise", 0..5, 0).await;
    let quiet = timeout(PATIENCE, events.block()).await.expect("a heartbeat").unwrap();
    assert!(quiet.starts_with(": ") && !quiet.contains("data"), "{quiet}");
    let id = quiet.split("id: ").nth(1).unwrap();
    drop(events);
    send(&http, "a", 0..2, 0).await;
    let mut resumed = Events::resume(&http, "/events?room=a", id).await;
    for offset in [6, 7] {
        assert_eq!(resumed.next().await.data["offset"], offset);
    }
}

#[tokio::test]
async fn an_offset_of_another_log_is_not_taken_for_one_of_this() {
    let (_chat, http) = node(&["read", "send"]).await;
    send(&http, "a", 0..3, 0).await;
    let mut events = Events::open(&http, "/events?room=a&after=0").await;
    let id = events.next().await.id;
    let (epoch, _) = id.split_once('-').unwrap();
    for beyond in [format!("{epoch}-4"), format!("{}-1", "0".repeat(epoch.len()))] {
        let http = http.with("last-event-id", &beyond);
        http.get("/events?room=a").await.is_refused(409, "other_log");
    }
    http.get("/events?room=a&after=4").await.is_refused(409, "other_log");
    http.with("last-event-id", "1")
        .get("/events?room=a")
        .await
        .is_refused(400, "invalid_arguments");
    for query in ["", "?room=", "?room=a&after=x", "?room=a&limit=1"] {
        http.get(&format!("/events{query}")).await.is_refused(400, "invalid_arguments");
    }
    let many = (0..101).map(|room| format!("room={room}")).collect::<Vec<_>>().join("&");
    http.get(&format!("/events?{many}")).await.is_refused(400, "invalid_arguments");
}

#[tokio::test]
async fn a_token_has_so_many_streams_and_those_that_end_make_room() {
    let (token, secret) = token("ci", &["read:a", "send"]);
    let mut nodes = Nodes::new(&[&token]);
    nodes.limits.max_streams_per_token = 2;
    let (chat, address) = nodes.start().await;
    let http = Http::new(&address, &secret);
    http.get("/events?room=a&room=b").await.is_refused(403, "forbidden");
    let first = Events::open(&http, "/events?room=a").await;
    let mut second = Events::open(&http, "/events?room=a").await;
    let third = http.get("/events?room=a").await;
    third.is_refused(429, "slow_down");
    assert_eq!(third.header("retry-after").as_deref(), Some("10"));
    drop(first);
    let again = async {
        // It may still be open for the server.
        while http.with("connection", "close").ask("HEAD", "/events?room=a", None).await.status
            != 200
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("room for another one");
    let began = Instant::now();
    chat.shutdown().await;
    assert!(timeout(PATIENCE, second.try_next()).await.expect("the end").is_none());
    assert!(began.elapsed() < PATIENCE / 2);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let (gone, stays) = (add_token(&file, "ci", "read"), add_token(&file, "cd", "read"));
    let tokens = chat_server::ApiTokens::from_file(&file).unwrap();
    let nodes = Nodes { tokens: tokens.clone(), ..Nodes::new(&[]) };
    let (chat, address) = nodes.start().await;
    let mut events = Events::open(&Http::new(&address, &gone), "/events?room=a").await;
    let mut other = Events::open(&Http::new(&address, &stays), "/events?room=a").await;
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.lines().nth(1).unwrap()).unwrap();
    tokens.reload().unwrap();
    assert!(timeout(PATIENCE, events.try_next()).await.expect("the end").is_none());
    Http::new(&address, &gone).get("/events?room=a").await.is_refused(401, "invalid_token");
    chat.room("a".parse().unwrap()).send("x").await.unwrap();
    assert_eq!(other.next().await.data["offset"], 1);
}

/// The memory that a process uses, in KiB.
#[cfg(target_os = "linux")]
fn memory(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn slow_readers_cost_little_memory_and_miss_nothing() {
    const MESSAGES: usize = 300;
    const BYTES: usize = 60_000;
    const READERS: usize = 30;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let secret = add_token(&file, "ci", "read") + " " + &add_token(&file, "cd", "send");
    let (reads, sends) = secret.split_once(' ').unwrap();
    let server = Server::start(&["--api-tokens", file.to_str().unwrap()]).await;
    let (http, writer) = (Http::new(&server.address, reads), Http::new(&server.address, sends));
    send(&writer, "a", 0..MESSAGES, BYTES).await;
    let process = server.process.id().unwrap();
    let before = memory(process);
    let mut slow = Vec::new();
    for _ in 0..READERS {
        slow.push(http.open("GET", "/events?room=a&after=0", None, "keep-alive").await);
    }
    // Longer than messages are kept for a reader that takes nothing.
    sleep(Duration::from_millis(1500)).await;
    let used = memory(process).saturating_sub(before);
    let all = READERS * MESSAGES * BYTES / 1024;
    assert!(used < all / 8, "{used} of {all} KiB");

    // The others are served meanwhile.
    let mut fast = Events::open(&http, "/events?room=a&after=0").await;
    send(&writer, "a", MESSAGES..MESSAGES + 1, BYTES).await;
    let mut late = Events::of(slow.pop().unwrap()).await;
    for expected in 0..=MESSAGES {
        for events in [&mut fast, &mut late] {
            assert_eq!(number(&events.next().await.data["content"]), expected);
        }
    }
}

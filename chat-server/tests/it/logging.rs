//! What the program says in its log of itself and of its clients.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::time::timeout;

use crate::client::{Client, PATIENCE};
use crate::server::Server;

async fn stop(server: &mut Server) {
    let pid = server.process.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let status = timeout(PATIENCE, server.process.wait()).await.expect("it ends").unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn start_and_stop_are_a_line_each_and_clients_none() {
    let mut server = Server::start(&["--max-connections", "7"]).await;
    let (mut client, _) = Client::connect(&server.address, json!({})).await;
    client.send(r#"421["chat message","hello"]"#).await;
    while !client.packet().await.starts_with("431[") {}
    stop(&mut server).await;
    let lines = server.logged("");
    let [start, stopping, stopped] = &lines[..] else { panic!("{lines:?}") };
    let version = env!("CARGO_PKG_VERSION");
    let begin = format!(" chat-server {version} serves on {} ", server.address);
    assert!(start.contains(&begin), "{start}");
    for field in
        ["store=\"sqlite\"", "adapter=\"local\"", "workers=1", "max_connections=7", "open_files="]
    {
        assert!(start.contains(&format!(" {field}")), "{field}: {start}");
    }
    assert!(!start.contains("chat.db"), "nothing but the kind of the store: {start}");
    assert!(stopping.ends_with("stopping"), "{stopping}");
    let (_, seconds) = stopped.split_once("stopped after ").expect(stopped);
    let seconds: f32 = seconds.strip_suffix(" s").unwrap().parse().unwrap();
    assert!(seconds < 10.0, "{stopped}");
}

#[tokio::test]
async fn the_soft_limit_of_open_files_is_raised() {
    let server = Server::start_with_soft_open_files(200, 300).await;
    let lines = server.logged("serves on");
    assert!(lines[0].contains(" open_files=300"), "{lines:?}");
}

#[tokio::test]
async fn who_comes_and_goes_is_said_at_debug_with_address_and_reason() {
    let server =
        Server::start(&["--log", "chat_server=debug", "--trusted-proxy", "loopback"]).await;
    let mut ids = Vec::new();
    for end in ["41", ""] {
        let (mut client, session) =
            Client::connect(&server.address, json!({ "token": "a secret of hers" })).await;
        ids.push(session["sid"].as_str().unwrap().to_owned());
        if !end.is_empty() {
            client.send(end).await;
        }
        client.send(r#"421["chat message","a secret message"]"#).await;
    }
    let all = async {
        while server.logged("disconnected: ").len() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, all).await.expect("both have gone");
    for id in &ids {
        let lines = server.logged(&format!("socket.id={id} client.address=127.0.0.1"));
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].contains(" connected ") && lines[1].contains(" disconnected: "),
            "{lines:?}"
        );
    }
    let reason = "disconnected: client has manually disconnected the socket from the namespace";
    let by_client = server.logged(reason);
    assert!(by_client.len() == 1 && by_client[0].contains(&ids[0]), "{by_client:?}");
    assert_eq!(server.logged("secret").len(), 0);
}

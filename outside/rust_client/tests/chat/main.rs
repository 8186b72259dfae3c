//! The client against a server, over connections that are cut.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod proxy;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_server::Chat;
use chat_store::MemoryStore;
use proxy::Proxy;
use rust_client::ChatClient;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

const MESSAGES: usize = 60;
const CUTS: usize = 3;

type Heard = Arc<Mutex<Vec<String>>>;

/// A client behind a proxy of its own, and what it has heard.
async fn client(server: SocketAddr) -> (ChatClient, Proxy, Heard) {
    let proxy = Proxy::start(server).await;
    let heard = Heard::default();
    let hearing = Arc::clone(&heard);
    let hear = move |content: &str| hearing.lock().unwrap().push(content.to_owned());
    let url = format!("http://{}", proxy.address);
    (ChatClient::start(&url, 0, hear).await.unwrap(), proxy, heard)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_arrive_once_and_in_order_whatever_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let chat = Chat::builder(Arc::new(MemoryStore::new())).start().await.unwrap();
    tokio::spawn(async move { chat.serve(listener, std::future::pending()).await.unwrap() });

    let (mut sender, sending, echoed) = client(server).await;
    let (_receiver, receiving, heard) = client(server).await;
    let expected: Vec<_> = (0..MESSAGES).map(|number| format!("message {number}")).collect();
    for (number, content) in expected.iter().enumerate() {
        if number % (MESSAGES / CUTS) == 10 {
            receiving.cut();
            // While the message is on its way, or its ack.
            let cut = async {
                sleep(Duration::from_micros(300)).await;
                sending.cut();
            };
            let (answer, ()) = tokio::join!(sender.say(content), cut);
            assert_eq!(answer["offset"], number + 1, "{answer}");
            continue;
        }
        let answer = sender.say(content).await;
        assert_eq!(answer["offset"], number + 1, "{answer}");
    }
    for heard in [echoed, heard] {
        let all = async {
            while heard.lock().unwrap().len() < MESSAGES {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let arrived = timeout(Duration::from_secs(30), all).await;
        assert!(arrived.is_ok(), "only {} messages are there", heard.lock().unwrap().len());
        // What comes twice comes now.
        sleep(Duration::from_millis(200)).await;
        assert_eq!(*heard.lock().unwrap(), expected);
    }
}

#[test]
fn the_page_shows_this_client() {
    let page = include_str!("../../../../docs/CLIENTS.md");
    let (_, code) =
        page.split_once("<!-- from outside/rust_client/src/lib.rs -->\n```rust\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    assert!(include_str!("../../src/lib.rs").contains(code), "it shows another one");
}

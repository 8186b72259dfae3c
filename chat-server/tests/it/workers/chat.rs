//! Clients cannot tell how many processes there are.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::{Signal, kill_process};
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::client::{Client, Message};
use super::supervisor::Supervisor;

/// How long a message may take to the clients of another worker. Without the hub it would take half a
/// second on average, until the worker looks into the store.
const PROMPT: Duration = Duration::from_millis(300);

async fn connect(port: u16) -> Client {
    let connected = async {
        loop {
            match Client::connect(port).await {
                Ok(client) => return client,
                // A worker that is being started again.
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(PATIENCE, connected).await.expect("connected in time")
}

async fn messages(client: &mut Client, count: u64) -> Vec<Message> {
    let mut messages = Vec::new();
    for _ in 0..count {
        let message = timeout(PATIENCE, client.message()).await.expect("in time");
        messages.push(message.expect("connected"));
    }
    messages
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_the_clients_of_all_workers_at_once() {
    let server = Supervisor::start(3).await;
    let mut clients = join_all(server.ports.iter().map(|port| connect(*port))).await;
    let mut delays = Vec::new();
    for number in 0..15 {
        let start = Instant::now();
        clients[number % 3].send(&format!("message {number}")).await.expect("sent");
        for client in &mut clients {
            let heard = messages(client, 1).await;
            assert_eq!(heard[0].content, format!("message {number}"));
        }
        delays.push(start.elapsed());
    }
    delays.sort();
    assert!(delays[delays.len() / 2] < PROMPT, "{delays:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_all_workers_see_one_order_while_all_of_them_send() {
    const EACH: u64 = 100;
    let server = Supervisor::start(3).await;
    let runs = server.ports.iter().map(|&port| {
        tokio::spawn(async move {
            let mut client = connect(port).await;
            for number in 0..EACH {
                client.send(&format!("{port}-{number}")).await.expect("sent");
            }
            let mut acks = Vec::new();
            for _ in 0..EACH {
                acks.push(client.ack().await.expect("acked"));
            }
            (acks, messages(&mut client, 3 * EACH).await)
        })
    });
    let seen: Vec<_> = join_all(runs).await.into_iter().map(|run| run.expect("no panic")).collect();
    let order = &seen[0].1;
    assert!(order.iter().map(|message| message.offset).eq(1..=3 * EACH));
    for ((acks, heard), port) in seen.iter().zip(&server.ports) {
        assert_eq!(heard, order);
        let sent = order.iter().filter(|it| it.content.starts_with(&format!("{port}-")));
        let (offsets, contents): (Vec<_>, Vec<_>) =
            sent.map(|it| (it.offset, it.content.clone())).unzip();
        assert_eq!(&offsets, acks);
        assert!(contents.into_iter().eq((0..EACH).map(|number| format!("{port}-{number}"))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_comes_back_on_its_port_and_loses_nothing_that_was_acked() {
    const COUNT: u64 = 120;
    let server = Supervisor::start(3).await;
    let port = server.ports[1];
    let mut listener = connect(server.ports[2]).await;
    let mut sender = connect(port).await;
    let mut acked = Vec::new();
    let mut kills = 0;
    for number in 0..COUNT {
        let content = format!("message {number}");
        let mut sent = sender.send(&content).await;
        if number % 40 == 20 {
            kills += 1;
            // With the message in its hands, or just committed and not acked.
            kill_process(server.worker(port, kills).await, Signal::KILL).expect("it is there");
        }
        let offset = loop {
            match sent {
                Ok(()) => match timeout(PATIENCE, sender.ack()).await.expect("in time") {
                    Ok(offset) => break offset,
                    Err(error) => sent = Err(error),
                },
                Err(_) => {
                    sender = connect(port).await;
                    sent = sender.send(&content).await;
                }
            }
        };
        acked.push(Message { offset, content });
    }
    assert_eq!(messages(&mut listener, COUNT).await, acked);
    assert!(acked.iter().map(|message| message.offset).eq(1..=COUNT));
    server.worker(port, kills + 1).await;

    server.signal(Signal::TERM);
    let (_, output, log) = server.ended().await;
    assert_eq!(output, "", "a worker that comes back is a matter of the log");
    let ends = log.iter().filter(|line| line.contains("a worker has ended, starting it again"));
    assert_eq!(ends.count(), kills);
}

//! How many messages a second a log takes from several nodes at once.
//!
//! ```text
//! cargo run --release --example append_rate --features postgres -- URL [SECONDS]
//! ```
//!
//! Each node has a store of its own and a group commit, as the server has it: what has come while a
//! batch was committed is the next batch. Senders, spread over the nodes, wait for each ack before they
//! send again. Use a log that may be thrown away.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what goes wrong ends the measurement")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chat_core::{NewMessage, RoomId, Timestamp};
use chat_store::MessageStore;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

const NODES: [usize; 3] = [1, 2, 4];
const SENDERS: [usize; 4] = [1, 16, 256, 2048];
/// As many as the server puts into one batch.
const MAX_BATCH: usize = 1024;

type Send = (NewMessage, oneshot::Sender<()>);

#[derive(Default)]
struct Counts {
    appends: AtomicU64,
    rows: AtomicU64,
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("the URL of a log that may be thrown away");
    let seconds = arguments.next().map_or(5, |seconds| seconds.parse().unwrap());
    println!("nodes  senders  messages/s  appends/s  batch  median ms  99 % ms");
    for nodes in NODES {
        for senders in SENDERS {
            if senders >= nodes {
                measure(&url, nodes, senders, Duration::from_secs(seconds)).await;
            }
        }
    }
}

async fn measure(url: &str, nodes: usize, senders: usize, time: Duration) {
    let counts = Arc::new(Counts::default());
    let mut stores = Vec::new();
    let mut writers = JoinSet::new();
    let mut sending = JoinSet::new();
    for node in 0..nodes {
        let store: Arc<dyn MessageStore> = chat_store::open(url).await.unwrap();
        let (queue, queued) = mpsc::channel(MAX_BATCH);
        writers.spawn(commit(Arc::clone(&store), queued, Arc::clone(&counts)));
        stores.push(store);
        let run = Timestamp::now().as_millis();
        for sender in (node..senders).step_by(nodes) {
            let name = format!("{run} {sender}");
            sending.spawn(send(name, queue.clone(), time));
        }
    }
    let start = Instant::now();
    let mut waits: Vec<Duration> = sending.join_all().await.concat();
    let seconds = start.elapsed().as_secs_f64();
    writers.join_all().await;
    for store in stores {
        store.close().await;
    }
    waits.sort_unstable();
    let wait = |share: f64| waits[(waits.len() as f64 * share) as usize].as_secs_f64() * 1000.0;
    let [appends, rows] =
        [&counts.appends, &counts.rows].map(|count| count.load(Ordering::Relaxed) as f64);
    println!(
        "{nodes:5}  {senders:7}  {:10.0}  {:9.0}  {:5.1}  {:9.2}  {:7.2}",
        rows / seconds,
        appends / seconds,
        rows / appends,
        wait(0.5),
        wait(0.99),
    );
}

/// The group commit of one node.
async fn commit(
    store: Arc<dyn MessageStore>,
    mut queued: mpsc::Receiver<Send>,
    counts: Arc<Counts>,
) {
    let mut sends = Vec::new();
    while queued.recv_many(&mut sends, MAX_BATCH).await > 0 {
        let (batch, acks): (Vec<_>, Vec<_>) = sends.drain(..).unzip();
        store.append(&batch).await.unwrap();
        counts.appends.fetch_add(1, Ordering::Relaxed);
        counts.rows.fetch_add(batch.len() as u64, Ordering::Relaxed);
        for ack in acks {
            ack.send(()).unwrap();
        }
    }
}

/// Sends messages of 100 bytes, one after the other, and returns how long each took.
async fn send(name: String, queue: mpsc::Sender<Send>, time: Duration) -> Vec<Duration> {
    let content = "x".repeat(100);
    let mut waits = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < time {
        let start = Instant::now();
        let key = format!("{name} {}", waits.len()).parse().unwrap();
        let new = NewMessage::new(RoomId::general(), content.parse().unwrap());
        let (ack, acknowledged) = oneshot::channel();
        queue.send((new.with_client_offset(key), ack)).await.unwrap();
        acknowledged.await.unwrap();
        waits.push(start.elapsed());
    }
    waits
}

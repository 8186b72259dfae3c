//! What a page costs that a client catches up with, or looks back at: 256 messages out of 100,000, from
//! SQLite. `cargo bench -p chat-store`
#![allow(clippy::unwrap_used, missing_docs, reason = "what goes wrong ends the measurement")]

use std::time::Duration;

use chat_core::{Feed, NewMessage, Offset, RoomId};
use chat_store::{MessageStore, Page, SqliteStore, StoreError};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;

const MESSAGES: usize = 100_000;

/// They take turns: the next message of a room is the hundredth after the last.
const ROOMS: usize = 100;

/// As many as the server reads at a time.
const PAGE: usize = 256;

fn reading(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = runtime.block_on(filled(folder.path().join("chat.db")));
    let feeds: Vec<Feed> = (0..20).map(|number| room(number).into()).collect();
    let middle = Offset::new(MESSAGES as u64 / 2).unwrap();

    let mut group = criterion.benchmark_group("read a page of 256");
    group.throughput(Throughput::Elements(PAGE as u64)).sample_size(20);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.bench_function("after an offset, of all rooms", |bencher| {
        bencher.iter(|| whole(runtime.block_on(store.read_after(None, middle, PAGE))));
    });
    for count in [1, feeds.len()] {
        group.bench_function(BenchmarkId::new("after an offset, of rooms", count), |bencher| {
            let feeds = Some(&feeds[..count]);
            bencher.iter(|| whole(runtime.block_on(store.read_after(feeds, middle, PAGE))));
        });
    }
    group.bench_function("before an offset, of a room", |bencher| {
        let read = || runtime.block_on(store.read_before(&feeds[0], Some(middle), PAGE));
        bencher.iter(|| whole(read()));
    });
    group.finish();
    runtime.block_on(store.close());
}

/// A page with as many messages as were asked for.
fn whole(page: Result<Page, StoreError>) -> Page {
    let page = page.unwrap();
    assert_eq!(page.messages.len(), PAGE);
    page
}

/// A log of messages of 100 bytes each.
async fn filled(path: std::path::PathBuf) -> SqliteStore {
    let store = SqliteStore::open(path).await.unwrap();
    let numbers: Vec<usize> = (0..MESSAGES).collect();
    for numbers in numbers.chunks(1024) {
        let batch: Vec<NewMessage> = numbers.iter().map(|&number| message(number)).collect();
        store.append(&batch).await.unwrap();
    }
    store
}

fn message(number: usize) -> NewMessage {
    let key = format!("5f0c3b2a9d8e7f61-{number}").parse().unwrap();
    let content = "x".repeat(100).parse().unwrap();
    NewMessage::new(room(number % ROOMS), content).with_client_offset(key)
}

fn room(number: usize) -> RoomId {
    format!("room {number}").parse().unwrap()
}

criterion_group!(benches, reading);
criterion_main!(benches);

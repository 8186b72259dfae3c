//! What a commit costs: on a disk with SQLite, and without one. `cargo bench -p chat-store`
//!
//! The disk is the one with the target folder. SQLite waits for it at every commit, so these figures are as
//! much the disk's.
#![allow(clippy::unwrap_used, missing_docs, reason = "what goes wrong ends the measurement")]

use std::time::{Duration, Instant};

use chat_core::{Author, AuthorId, NewMessage, RoomId};
use chat_store::{MemoryStore, MessageStore, SqliteStore};
use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use tokio::runtime::Runtime;

/// One that comes alone, what a busy server commits at once, and the most that it does.
const SIZES: [u64; 3] = [1, 64, 1024];

fn appending(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("append");
    // Not more and more iterations from sample to sample: each has a store, and all stores one size.
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for size in SIZES {
        group.throughput(Throughput::Elements(size));
        group.bench_with_input(BenchmarkId::new("sqlite", size), &size, |bencher, &size| {
            bencher.iter_custom(|batches| {
                let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
                let path = folder.path().join("chat.db");
                let store = runtime.block_on(SqliteStore::open(path)).unwrap();
                let time = append(&runtime, &store, batches, size);
                runtime.block_on(store.close());
                time
            });
        });
        group.bench_with_input(BenchmarkId::new("memory", size), &size, |bencher, &size| {
            bencher.iter_custom(|batches| append(&runtime, &MemoryStore::new(), batches, size));
        });
    }
    group.finish();
}

/// Appends batches to an empty store, and says how long that took, without making them.
fn append(runtime: &Runtime, store: &impl MessageStore, batches: u64, size: u64) -> Duration {
    let mut time = Duration::ZERO;
    for batch in 0..batches {
        let batch: Vec<NewMessage> = (0..size).map(|index| message(batch * size + index)).collect();
        let start = Instant::now();
        let appended = runtime.block_on(store.append(&batch)).unwrap();
        time += start.elapsed();
        assert_eq!(appended.last().unwrap().offset().unwrap().as_u64() % size, 0);
    }
    time
}

/// A message of a user, of 100 bytes with a key of its own.
fn message(number: u64) -> NewMessage {
    let key = format!("5f0c3b2a9d8e7f61-{number}").parse().unwrap();
    let ada = Author::user(AuthorId::of_user([7; 8]), AuthorId::of_session([7; 8]));
    let new = NewMessage::new(RoomId::general(), "x".repeat(100).parse().unwrap());
    new.with_client_offset(key).with_author(ada)
}

criterion_group!(benches, appending);
criterion_main!(benches);

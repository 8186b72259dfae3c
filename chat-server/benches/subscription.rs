//! What a message costs on its way from a commit to a connection, without the connection: it is kept, wakes
//! the reader, is read from memory and handed over. `cargo bench -p chat-server --features bench`
//!
//! The frame is not among it; it has a benchmark of its own.
#![allow(clippy::unwrap_used, missing_docs, reason = "what goes wrong ends the measurement")]

use std::hint::black_box;
use std::time::Duration;

use chat_core::{Message, NewMessage, Offset, RoomId};
use chat_server::bench::{Node, PAGE, Reader};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;

fn stepping(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("subscription");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for count in [1, 100] {
        let rooms = rooms(count);
        let node = runtime.block_on(Node::start()).unwrap();
        let mut reader = node.reader(&rooms, Offset::ZERO);
        let mut last = Offset::ZERO;
        group.bench_function(
            BenchmarkId::new("a message, rooms of the reader", count),
            |bencher| {
                let messages = || {
                    last = last.next();
                    message(last, &rooms[last.as_u64() as usize % count])
                };
                let deliver = |message| {
                    node.committed(message);
                    assert!(reader.is_woken());
                    assert_eq!(reader.step(|offset| _ = black_box(offset)), 1);
                };
                bencher.iter_batched(messages, deliver, BatchSize::SmallInput);
            },
        );
    }

    let rooms = rooms(1);
    let node = runtime.block_on(Node::start()).unwrap();
    let numbers = 1..=10 * PAGE as u64;
    numbers.for_each(|number| node.committed(message(Offset::new(number).unwrap(), &rooms[0])));
    let behind = Offset::new(9 * PAGE as u64).unwrap();
    group.throughput(Throughput::Elements(PAGE as u64));
    group.bench_function(format!("a page of {PAGE}"), |bencher| {
        let catch_up = |mut reader: Reader| {
            assert_eq!(reader.step(|offset| _ = black_box(offset)), PAGE);
            reader
        };
        bencher.iter_batched(|| node.reader(&rooms, behind), catch_up, BatchSize::SmallInput);
    });
    group.finish();
}

fn rooms(count: usize) -> Vec<RoomId> {
    (0..count).map(|number| format!("room {number}").parse().unwrap()).collect()
}

/// A message of 100 bytes.
fn message(offset: Offset, room: &RoomId) -> Message {
    let new = NewMessage::new(room.clone(), "x".repeat(100).parse().unwrap());
    Message::from_new(offset, new)
}

criterion_group!(benches, stepping);
criterion_main!(benches);

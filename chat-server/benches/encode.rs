//! What it costs to make the frame of a delivery, which is made once for all connections.
//! `cargo bench -p chat-server --features bench`
#![allow(clippy::unwrap_used, missing_docs, reason = "what goes wrong ends the measurement")]

use std::hint::black_box;
use std::time::Duration;

use chat_core::event::{CHAT_MESSAGE, DeliveryMeta};
use chat_core::{Epoch, Message, NewMessage, Offset, RecoveryOffset, RoomId, Tag};
use chat_server::bench::Entry;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};

fn encoding(criterion: &mut Criterion) {
    let epoch = Epoch::from_random([7; 8]);
    let mut group = criterion.benchmark_group("encode");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    for bytes in [100, 10_000] {
        let message = message(bytes);
        // What both of them have to say.
        let frame = Entry::new(message.clone()).frame(&epoch).unwrap().to_vec();
        assert!(frame.ends_with(&json(&message, &epoch)));

        group.bench_with_input(BenchmarkId::new("frame", bytes), &message, |bencher, message| {
            let make = |entry: Entry| {
                black_box(entry.frame(&epoch));
                entry
            };
            bencher.iter_batched(|| Entry::new(message.clone()), make, BatchSize::SmallInput);
        });
        let made = Entry::new(message.clone());
        group.bench_with_input(BenchmarkId::new("frame again", bytes), &made, |bencher, made| {
            bencher.iter(|| black_box(made.frame(&epoch)).map(|frame| frame.len()));
        });
        // Each time from the message, as without an entry.
        group.bench_with_input(
            BenchmarkId::new("serde_json", bytes),
            &message,
            |bencher, message| {
                bencher.iter(|| json(black_box(message), &epoch));
            },
        );
    }
    group.finish();
}

/// The event and its arguments as the client gets them.
fn json(message: &Message, epoch: &Epoch) -> Vec<u8> {
    let Message { offset, audience, content, from, at, .. } = message.clone();
    let room = audience.room().unwrap().clone();
    let mut meta = DeliveryMeta::new(room);
    (meta.from, meta.at) = (from, at);
    let recovery = RecoveryOffset::new(epoch.clone(), offset).with_tag(Tag::of(message));
    serde_json::to_vec(&(CHAT_MESSAGE, content, offset, meta, recovery)).unwrap()
}

fn message(bytes: usize) -> Message {
    let new = NewMessage::new(RoomId::general(), "x".repeat(bytes).parse().unwrap())
        .with_from("Ada".parse().unwrap())
        .with_client_offset("5f0c3b2a9d8e7f61-123456".parse().unwrap());
    Message::from_new(Offset::new(123_456).unwrap(), new)
}

criterion_group!(benches, encoding);
criterion_main!(benches);

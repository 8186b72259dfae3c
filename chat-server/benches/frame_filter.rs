//! What it costs to look for CONNECT replies among what a server writes, against not looking and against
//! copying. `cargo bench -p chat-server`

#![allow(missing_docs, dead_code, unused_imports)]

#[path = "../src/socketio/transport/frame_filter.rs"]
mod frame_filter;
#[path = "../src/socketio/transport/frames.rs"]
mod frames;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use frame_filter::{FrameFilter, Part};
use frames::text_frame;

/// What a delivery task hands over between two flushes: 64 deliveries of about 140 bytes.
fn deliveries() -> Vec<u8> {
    let payload =
        format!(r#"42["chat message","{}",123456,{{}},"5f0c3b2a9d8e7f61-123456"]"#, "x".repeat(70));
    text_frame(&[payload.as_bytes()]).repeat(64)
}

fn passing(criterion: &mut Criterion) {
    let bytes = deliveries();
    let mut group = criterion.benchmark_group("64 deliveries");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("pass the filter", |bencher| {
        let mut filter = FrameFilter::default();
        bencher.iter(|| {
            let bytes = black_box(&bytes);
            // In one piece and in place: what is written is the very slice that came in.
            assert_eq!(filter.next(bytes), Part::Pass(bytes.len()));
            filter.passed(bytes, bytes.len(), bytes.len());
        });
    });
    group.bench_function("are copied", |bencher| bencher.iter(|| black_box(&bytes).to_vec()));
    group.finish();
}

criterion_group!(benches, passing);
criterion_main!(benches);

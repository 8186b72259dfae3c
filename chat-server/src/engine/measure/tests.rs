use std::thread;

use super::*;

#[test]
fn a_value_is_in_the_first_bucket_that_it_fits() {
    let histogram = Histogram::new(&[1, 10, 100]);
    [0, 1, 2, 10, 11, 1000].into_iter().for_each(|value| histogram.observe(value));
    let Observed { cumulative, count, sum } = histogram.get();
    assert_eq!(cumulative, [(1, 2), (10, 4), (100, 5)]);
    assert_eq!((count, sum), (6, 1024));
}

#[test]
fn nothing_is_lost_between_threads() {
    let histogram = Histogram::new(&[500]);
    thread::scope(|scope| {
        for _ in 0..2 * SHARDS {
            scope.spawn(|| (1..=1000).for_each(|value| histogram.observe(value)));
        }
    });
    let threads = 2 * SHARDS as u64;
    let Observed { cumulative, count, sum } = histogram.get();
    assert_eq!((count, sum), (1000 * threads, 500_500 * threads));
    assert_eq!(cumulative, [(500, 500 * threads)]);
}

#[test]
fn each_code_is_counted_by_itself() {
    let refused = ByCode::default();
    [RefusalCode::SlowDown, RefusalCode::SlowDown, RefusalCode::Unknown]
        .into_iter()
        .for_each(|code| refused.add(code));
    let counted: Vec<_> = refused.get().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [(RefusalCode::SlowDown, 2), (RefusalCode::Unknown, 1)]);
}

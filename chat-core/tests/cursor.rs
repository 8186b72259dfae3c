//! Whatever a stream does to messages, a cursor lets each through once and in order.

#![allow(clippy::unwrap_used)]

use chat_core::{Cursor, Offset, Step};
use proptest::collection::vec;
use proptest::prelude::*;

fn offset(number: u64) -> Offset {
    Offset::new(number).unwrap()
}

/// A stream of the offsets 1 to `last` in any order, with repeats and omissions.
fn disturbed(last: u64) -> impl Strategy<Value = Vec<u64>> {
    vec(1..=last, 0..200)
}

proptest! {
    #[test]
    fn what_is_delivered_is_dense_and_in_order(
        start in 0_u64..50,
        stream in disturbed(60),
    ) {
        let mut cursor = Cursor::new(offset(start));
        let mut delivered = Vec::new();
        for number in stream {
            if cursor.accept(offset(number)) == Step::Deliver {
                delivered.push(number);
            }
        }
        let expected: Vec<u64> = (start + 1..).take(delivered.len()).collect();
        prop_assert_eq!(&delivered, &expected);
        prop_assert_eq!(cursor.position(), offset(start + delivered.len() as u64));
    }

    #[test]
    fn a_gap_names_exactly_what_is_missing(start in 0_u64..50, ahead in 2_u64..50) {
        let mut cursor = Cursor::new(offset(start));
        let step = cursor.accept(offset(start + ahead));
        prop_assert_eq!(step, Step::Gap { after: offset(start), upto: offset(start + ahead - 1) });
        prop_assert_eq!(cursor.position(), offset(start));
        for number in start + 1..=start + ahead {
            prop_assert_eq!(cursor.accept(offset(number)), Step::Deliver);
        }
    }

    /// Reading each gap from the log, as the server and a client do, delivers the whole log once.
    #[test]
    fn filling_the_gaps_gives_the_whole_log(stream in disturbed(60)) {
        let mut cursor = Cursor::default();
        let mut delivered = Vec::new();
        for number in stream.into_iter().chain([60]) {
            match cursor.accept(offset(number)) {
                Step::Deliver => delivered.push(number),
                Step::Duplicate => {}
                Step::Gap { after, .. } => {
                    for missing in after.as_u64() + 1..=number {
                        prop_assert_eq!(cursor.accept(offset(missing)), Step::Deliver);
                        delivered.push(missing);
                    }
                }
            }
        }
        prop_assert_eq!(delivered, (1..=60).collect::<Vec<_>>());
    }

    /// A log with holes: each message names the one before it.
    #[test]
    fn holes_in_a_log_are_no_gaps(steps in vec(1_u64..9, 1..50), repeats in vec(0_usize..50, 0..50)) {
        let offsets: Vec<u64> =
            steps.iter().scan(0, |sum, step| { *sum += step; Some(*sum) }).collect();
        let before = |index: usize| if index == 0 { 0 } else { offsets[index - 1] };
        let mut cursor = Cursor::default();
        for (index, &number) in offsets.iter().enumerate() {
            prop_assert_eq!(cursor.accept_after(offset(before(index)), offset(number)), Step::Deliver);
            for &repeat in repeats.iter().filter(|&&repeat| repeat <= index) {
                let step = cursor.accept_after(offset(before(repeat)), offset(offsets[repeat]));
                prop_assert_eq!(step, Step::Duplicate);
            }
        }
    }

    #[test]
    fn an_ordered_stream_only_loses_its_repeats(mut numbers in vec(1_u64..1000, 0..100)) {
        numbers.sort_unstable();
        let mut cursor = Cursor::default();
        let delivered: Vec<u64> = numbers
            .iter()
            .copied()
            .filter(|&number| cursor.accept_ordered(offset(number)) == Step::Deliver)
            .collect();
        numbers.dedup();
        prop_assert_eq!(delivered, numbers);
    }
}

#[test]
fn offsets_end_where_javascript_numbers_do() {
    assert_eq!(Offset::MAX.as_u64(), 9_007_199_254_740_991);
    assert_eq!(Offset::MAX.next(), Offset::MAX);
    assert_eq!(Offset::ZERO.previous(), Offset::ZERO);
    assert!(Offset::new(1 << 53).is_err());
}

//! The body of a polled POST: however its bytes arrive, Engine.IO reads the same packets.
#![no_main]

use chat_fuzz::{Input, parts, timed};
use chat_server::bench::ReadBody;
use libfuzzer_sys::fuzz_target;

/// The maximum size of a packet. Larger than what needs room in the budget.
const MAX: usize = 20_000;

fn read<'a>(
    parts: impl IntoIterator<Item = &'a [u8]>,
    has_room: bool,
    sent_text: bool,
) -> (Vec<Vec<u8>>, bool) {
    let mut body = ReadBody::new(MAX, has_room, sent_text);
    for part in parts {
        body.take(part).expect("it is not that long");
    }
    body.end()
}

fuzz_target!(|data: &[u8]| {
    timed(data, || {
        let mut input = Input(data);
        let flags = input.byte();
        let (has_room, sent_text) = (flags & 1 == 0, flags & 2 == 0);
        let cuts = input.cuts();
        let mut bytes = Vec::new();
        if flags & 4 == 0 {
            bytes.extend_from_slice(input.0);
        } else {
            while !input.0.is_empty() {
                bytes.extend(input.long());
            }
        }
        let whole = read([&*bytes], has_room, sent_text);
        let length: usize = whole.0.iter().map(Vec::len).sum();
        // As of a websocket.
        assert!(length <= 64 * bytes.len() + 64, "it grows");
        let mut splits = vec![parts(&bytes, &cuts)];
        if bytes.len() <= 4096 {
            splits.push(bytes.chunks(1).collect());
        }
        for split in splits {
            let other = read(split, has_room, sent_text);
            if has_room {
                assert_eq!(other, whole);
            }
        }
    });
});

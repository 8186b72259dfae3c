//! What a client sends on a websocket: however the bytes are split into reads, Engine.IO reads the same.
#![no_main]

use chat_fuzz::{Input, parts, timed};
use chat_server::bench::ReadWebsocket;
use libfuzzer_sys::fuzz_target;

/// The maximum size of a packet. Larger than what needs room in the budget.
const MAX: usize = 20_000;

/// The maximum size of what is made up: fewer bytes than there is room for.
const MOST: usize = 200_000;

/// First bytes of frames: text, binary, in parts, and those that belong to no message.
const FIRSTS: [u8; 8] = [0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x88];

/// Appends the bytes of a frame.
fn put_frame(input: &mut Input<'_>, out: &mut Vec<u8>) {
    let kind = input.byte();
    let mask = match kind >> 3 & 3 {
        0 | 1 => Some([0; 4]),
        2 => Some([9, 8, 7, 6]),
        // An error of the client.
        _ => None,
    };
    let payload = input.long();
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out.push(FIRSTS[usize::from(kind & 7)]);
    match payload.len() {
        short @ 0..126 => out.push(masked | short as u8),
        long @ 126..65_536 => {
            out.push(masked | 126);
            out.extend((long as u16).to_be_bytes());
        }
        long => {
            out.push(masked | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend(mask.iter().flatten());
    let mask = mask.unwrap_or_default();
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// What came out of reading these parts.
#[derive(Debug, PartialEq)]
struct Outcome {
    out: Vec<u8>,
    goes_on: bool,
    is_between: bool,
}

fn read<'a>(parts: impl IntoIterator<Item = &'a [u8]>, has_room: bool, sent_text: bool) -> Outcome {
    let mut websocket = ReadWebsocket::new(MAX, has_room, sent_text);
    let (mut out, mut goes_on) = (Vec::new(), true);
    for part in parts {
        goes_on = goes_on && websocket.read(part, &mut out);
    }
    Outcome { out, goes_on, is_between: websocket.is_between() }
}

/// Returns the length of all whole frames of a client at the beginning of these bytes.
fn whole_frames(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let Some(&[_, second]) = bytes.get(at..at + 2) else { return at };
        let number = |count: usize| {
            let bytes = bytes.get(at + 2..at + 2 + count)?;
            let number = bytes.iter().fold(0, |sum: u64, &byte| sum << 8 | u64::from(byte));
            Some((count, number))
        };
        let length = match second & 0x7f {
            126 => number(2),
            127 => number(8),
            short => Some((0, short.into())),
        };
        let Some((header, length)) = length else { return at };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(at + 2 + header + mask));
        match end {
            Some(end) if end <= bytes.len() => at = end,
            _ => return at,
        }
    }
}

fuzz_target!(|data: &[u8]| {
    timed(data, || {
        let mut input = Input(data);
        let flags = input.byte();
        let (is_raw, has_room, sent_text) = (flags & 1 != 0, flags & 2 == 0, flags & 4 == 0);
        let cuts = input.cuts();
        let mut bytes = Vec::new();
        if is_raw {
            bytes.extend_from_slice(input.0);
        } else {
            while !input.0.is_empty() && bytes.len() < MOST {
                put_frame(&mut input, &mut bytes);
            }
        }
        let whole = read([&*bytes], has_room, sent_text);
        // Of MessagePack, an empty attachment of two bytes becomes a placeholder and a frame.
        assert!(whole.out.len() <= 64 * bytes.len() + 64, "it grows");
        let mut splits = vec![parts(&bytes, &cuts)];
        if bytes.len() <= 4096 {
            splits.push(bytes.chunks(1).collect());
        }
        for split in splits {
            let other = read(split, has_room, sent_text);
            assert_eq!(other.goes_on, whole.goes_on, "only one of them goes on");
            if whole.goes_on {
                assert_eq!(other, whole);
                continue;
            }
            // Of the message that ends the connection, more or less may have passed. Nobody sees it.
            let (some, most) = if other.out.len() < whole.out.len() {
                (&other.out, &whole.out)
            } else {
                (&whole.out, &other.out)
            };
            assert!(most.starts_with(some), "they begin differently");
            // Without room, a part of a message ends it, which passes if it has come.
            let is_whole = !has_room || whole_frames(some) == whole_frames(most);
            assert!(is_whole, "one has a message more");
        }
    });
});

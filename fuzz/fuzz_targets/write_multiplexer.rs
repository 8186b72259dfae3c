//! The two writers of a websocket: however their writes alternate, and however little the client accepts, it gets
//! whole frames, each writer's in order.
#![no_main]

use chat_fuzz::{Input, timed};
use chat_server::bench::WriteWebsocket;
use libfuzzer_sys::fuzz_target;

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// Returns a frame of the server.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = match payload.len() {
        short @ 0..126 => vec![first, short as u8],
        long @ 126..65_536 => [&[first, 126][..], &(long as u16).to_be_bytes()].concat(),
        long => [&[first, 127][..], &(long as u64).to_be_bytes()].concat(),
    };
    frame.extend(payload);
    frame
}

/// Takes a message of Engine.IO, and its attachments.
fn message(input: &mut Input<'_>) -> Vec<Vec<u8>> {
    let rest = |before: &str, input: &mut Input<'_>| {
        let text = [before.as_bytes(), &input.long()].concat();
        // Only what has attachments says so, and only the direct writer writes its texts.
        let is_other = [&b"45"[..], b"46", DIRECT].iter().any(|start| text.starts_with(start));
        if is_other { Vec::new() } else { vec![frame(TEXT, &text)] }
    };
    match input.byte() % 10 {
        0 => vec![frame(TEXT, b"2")],
        1 => vec![frame(TEXT, b"40{\"sid\":\"abc\"}")],
        2 => vec![frame(TEXT, b"40/admin,{\"sid\":\"abc\"}")],
        3 => rest("42", input),
        4 => rest("40/", input),
        5 => rest("44", input),
        6 => {
            let count = input.byte() % 4;
            let mut frames = vec![frame(TEXT, format!("45{count}-[\"x\"]").as_bytes())];
            frames.extend((0..count).map(|_| frame(BINARY, &input.long())));
            frames
        }
        7 => rest("4", input),
        8 => rest("", input),
        _ => vec![frame(TEXT, b"41")],
    }
}

/// What the messages of the direct writer begin with. Engine.IO's are made without it.
const DIRECT: &[u8] = b"42[\"direct\",";

/// Splits frames, of which the last one may be cut off: the kind of each, and its payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        let (count, length) = match second {
            126 => (2, None),
            127 => (8, None),
            short => (0, Some(usize::from(*short))),
        };
        let Some((header, rest)) = rest.split_at_checked(count) else { break };
        let number = || header.iter().fold(0, |sum: usize, &byte| sum << 8 | usize::from(byte));
        let Some((payload, rest)) = rest.split_at_checked(length.unwrap_or_else(number)) else {
            break;
        };
        frames.push((*first, payload));
        bytes = rest;
    }
    frames
}

/// Whether it is told to be connected. Then it has an id of its own, and the client gets another one.
fn is_connected(payload: &[u8]) -> bool {
    payload.starts_with(b"40") && payload.contains(&b'{')
}

fn is_direct(&(first, payload): &(u8, &[u8])) -> bool {
    first == TEXT && payload.starts_with(DIRECT)
}

fuzz_target!(|data: &[u8]| {
    timed(data, || {
        let mut input = Input(data);
        let mut websocket = WriteWebsocket::new();
        let mut written = Vec::new();
        // What Engine.IO has not written yet, a whole message at a time.
        let mut engine = Vec::new();
        let mut pushed = Vec::new();
        while !input.0.is_empty() && written.len() < 1 << 20 {
            match input.byte() % 8 {
                0 => websocket.accept(input.byte().into()),
                1 => websocket.accept(usize::from(input.byte()) * 256),
                2 => {
                    let text = [DIRECT, pushed.len().to_string().as_bytes(), b"]"].concat();
                    if websocket.push(&text) {
                        pushed.push(text);
                    }
                }
                3 => drop(websocket.write_direct()),
                4 => drop(websocket.flush()),
                5 => {
                    let count = usize::from(input.byte()).min(engine.len());
                    let count = if count > 0 { websocket.write(&engine[..count]) } else { 0 };
                    engine.drain(..count);
                }
                6 => {
                    let count = if engine.is_empty() { 0 } else { websocket.write(&engine) };
                    engine.drain(..count);
                }
                _ => {
                    let message = message(&mut input).concat();
                    engine.extend_from_slice(&message);
                    written.extend(message);
                }
            }
        }
        websocket.accept(1 << 30);
        while !engine.is_empty() {
            let count = websocket.write(&engine);
            assert!(count > 0, "the client accepts everything, and nothing is written");
            engine.drain(..count);
        }
        assert!(websocket.flush(), "the client accepts everything, and something waits");
        websocket.write_direct();

        let received = websocket.received();
        let got = frames(&received);
        let whole: usize = got.iter().map(|&(first, payload)| frame(first, payload).len()).sum();
        assert_eq!(whole, received.len(), "the last frame is cut off");
        type Frames<'a> = Vec<(u8, &'a [u8])>;
        let (direct, others): (Frames<'_>, Frames<'_>) =
            got.iter().copied().partition(|frame| is_direct(frame));
        let expected = frames(&written);
        assert_eq!(others.len(), expected.len(), "Engine.IO wrote another number of frames");
        for (got, expected) in others.iter().zip(&expected) {
            let is_completed = expected.1.starts_with(b"44") || is_connected(expected.1);
            assert!(got == expected || is_completed, "{got:?} instead of {expected:?}");
            assert!(got.0 == expected.0 && got.1.get(..2) == expected.1.get(..2));
        }
        let direct: Vec<_> = direct.iter().map(|(_, payload)| payload.to_vec()).collect();
        let is_root = |payload: &[u8]| {
            payload.starts_with(b"40") && matches!(payload.get(2), None | Some(b'{'))
        };
        let connected = got.iter().position(|(first, payload)| *first == TEXT && is_root(payload));
        let begun = got.iter().position(is_direct);
        let is_told = |begun| connected.is_some_and(|connected| connected < begun);
        assert!(begun.is_none_or(is_told), "the client was not connected yet");
        assert!(pushed.starts_with(&direct), "the direct writer's frames are others");

        // Nothing comes between a packet and its attachments.
        let mut attachments = 0;
        for (first, payload) in &got {
            assert!(attachments == 0 || *first == BINARY, "an attachment is missing");
            match *first {
                BINARY => attachments -= 1,
                _ => attachments = announced(payload).unwrap_or(attachments),
            }
        }
    });
});

/// Returns the number of attachments that a packet of the targets announces.
fn announced(payload: &[u8]) -> Option<u32> {
    let rest = payload.strip_prefix(b"45")?;
    let (digit, rest) = rest.split_first()?;
    (rest == b"-[\"x\"]").then(|| u32::from(digit - b'0'))
}

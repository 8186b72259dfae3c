use proptest::collection::vec;
use proptest::prelude::*;

use super::super::client_frames::{FIN_BINARY, PONG};
use super::super::dropped::Dropped;
use super::text::UNMASKED_BYTES;
use super::*;

const MAX: usize = 20_000;
const MASKED: u8 = 0x80;

/// Of a client that has sent a packet of JSON.
fn inbound() -> Inbound {
    let inbound = fresh();
    inbound.link.encoding.sent_text(2);
    inbound
}

/// Of a client that is connected to the main namespace.
fn of(budget: &Arc<Budget>) -> Inbound {
    Inbound::new(MAX, Arc::clone(budget), Arc::new(Link::connected([192, 0, 2, 1])))
}

/// Of a client that has sent nothing yet.
fn fresh() -> Inbound {
    of(&Arc::new(Budget::new("tests", 80_000)))
}

fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = if mask.is_some() { MASKED } else { 0 };
    let mut frame = match payload.len() {
        short @ 0..126 => vec![first, masked | short as u8],
        long @ 126..65_536 => [&[first, masked | 126][..], &(long as u16).to_be_bytes()].concat(),
        long => [&[first, masked | 127][..], &(long as u64).to_be_bytes()].concat(),
    };
    frame.extend(mask.iter().flatten());
    let mask = mask.unwrap_or_default();
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// What is read when these bytes come in reads that end at `cuts`.
fn read(bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
    read_by(inbound(), bytes, cuts)
}

fn read_by(mut inbound: Inbound, bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    for cut in cuts.windows(2) {
        out.extend(read_part(&mut inbound, &bytes[cut[0]..cut[1]]));
    }
    out
}

/// What is read in the place of these bytes.
fn read_part(inbound: &mut Inbound, mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let read = inbound.read(bytes);
        let (message, rest) = bytes.split_at(read.bytes);
        assert!(!message.is_empty() && (rest.is_empty() || inbound.is_between()));
        out.extend(read.rewritten.unwrap_or_else(|| message.to_vec()));
        bytes = rest;
    }
    out
}

fn some_frame() -> impl Strategy<Value = (u8, Option<[u8; 4]>, String)> {
    let first = prop_oneof![6 => Just(FIN_TEXT), 1 => prop::sample::select(vec![0x82_u8, 0x02, 0x80, 0x89])];
    let mask = prop_oneof![9 => any::<[u8; 4]>().prop_map(Some), 1 => Just(None)];
    let size = prop_oneof![
        3 => 0..40_usize,
        2 => 120..260_usize,
        2 => 16_300..16_500_usize,
        2 => 19_900..20_100_usize,
        1 => Just(70_000_usize),
    ];
    let payload = (size, any::<bool>()).prop_map(|(size, event)| {
        if event { format!("427[\"x\",\"{}\"]", "é".repeat(size / 2)) } else { "a".repeat(size) }
    });
    (first, mask, payload)
}

proptest! {
    #[test]
    fn messages_that_are_too_large_are_replaced_and_all_else_passes(
        frames in vec(some_frame(), 0..8),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes: Vec<u8> = frames
            .iter()
            .flat_map(|(first, mask, payload)| frame(*first, *mask, payload.as_bytes()))
            .collect();
        let expected: Vec<u8> = frames
            .iter()
            .flat_map(|(first, mask, payload)| {
                if *first != FIN_TEXT || mask.is_none() || payload.len() <= MAX {
                    return frame(*first, *mask, payload.as_bytes());
                }
                let mut dropped = Dropped::new(TOO_LARGE);
                dropped.take(payload.len(), payload.bytes());
                frame(FIN_TEXT, Some([0; 4]), dropped.replacement().as_bytes())
            })
            .collect();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        prop_assert_eq!(read(&bytes, &at), expected);
    }
}

#[test]
fn a_stream_can_be_cut_at_every_byte() {
    let bytes = [
        frame(FIN_TEXT, Some([1, 2, 3, 4]), b"40{}"),
        frame(FIN_TEXT, Some([9, 8, 7, 6]), format!("420[\"{}\"]", "x".repeat(MAX)).as_bytes()),
        frame(0x88, Some([1, 2, 3, 4]), b""),
    ]
    .concat();
    let expected = read(&bytes, &[0, bytes.len()]);
    for cut in 0..=bytes.len() {
        assert_eq!(read(&bytes, &[0, cut, bytes.len()]), expected, "cut at {cut}");
    }
    assert!(expected.len() < 100);
    let each: Vec<usize> = (0..=bytes.len()).collect();
    assert_eq!(read(&bytes, &each), expected);
}

#[test]
fn a_large_message_for_which_there_is_no_room_is_replaced() {
    let budget = Arc::new(Budget::new("tests", 80_000));
    let event = format!("427[\"{}\"]", "x".repeat(17_000));
    let large = frame(FIN_TEXT, Some([1, 2, 3, 4]), event.as_bytes());
    let mut streams = [(); 2].map(|()| of(&budget));
    let (begun, rest) = large.split_at(500);
    assert_eq!(read_part(&mut streams[0], begun), begun);
    let replaced = read_part(&mut streams[1], &large);
    assert!(replaced.ends_with(b"427[\"no room\",17007]"), "{replaced:?}");
    assert_eq!(streams[0].read(rest).rewritten, None, "who was first goes on");
    assert_eq!(read_part(&mut streams[1], &large), large, "and makes room at the end");
}

/// A packet of MessagePack: an event with a text, and maybe an attachment.
fn msgpack(text: &str, attachment: bool) -> Vec<u8> {
    let mut packet = b"\x84\xa4type\x02\xa4data".to_vec();
    packet.push(if attachment { 0x93 } else { 0x92 });
    packet.extend(b"\xa1e\xda");
    packet.extend((text.len() as u16).to_be_bytes());
    packet.extend(text.as_bytes());
    packet.extend(attachment.then_some(b"\xc4\x02\x01\x02").into_iter().flatten());
    packet.extend(b"\xa2id\x07\xa3nsp\xa1/");
    packet
}

#[test]
fn packets_of_msgpack_become_text_wherever_a_stream_is_cut() {
    const BINARY: u8 = 0x82;
    let mask = Some([9, 8, 7, 6]);
    let long = "x".repeat(200);
    let (huge, control) = ("x".repeat(MAX), "\u{1}".repeat(4000));
    let dropped = msgpack(&huge, false).len();
    let grows = msgpack(&control, false).len();
    let bytes = [
        frame(FIN_TEXT, mask, b"3"),
        frame(BINARY, mask, b"\x82\xa4type\x00\xa3nsp\xa1/"),
        frame(BINARY, mask, &msgpack("xxx", false)),
        frame(0x89, mask, b"ping"),
        frame(BINARY, mask, &msgpack(&huge, false)),
        frame(BINARY, mask, &msgpack(&long, true)),
        frame(BINARY, mask, &msgpack(&control, false)),
        frame(FIN_TEXT, mask, b"1"),
    ]
    .concat();
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    let zero = Some([0; 4]);
    let expected = [
        frame(FIN_TEXT, mask, b"3"),
        frame(FIN_TEXT, zero, b"40"),
        frame(FIN_TEXT, zero, b"427[\"e\",\"xxx\"]"),
        frame(0x89, mask, b"ping"),
        frame(FIN_TEXT, zero, format!("427[\"too large\",{dropped}]").as_bytes()),
        frame(FIN_TEXT, zero, format!("451-7[\"e\",\"{long}\",{placeholder}]").as_bytes()),
        frame(BINARY, zero, &[1, 2]),
        // It is within the limit, and its text is not.
        frame(FIN_TEXT, zero, format!("427[\"too large\",{grows}]").as_bytes()),
        frame(FIN_TEXT, mask, b"1"),
    ]
    .concat();
    assert_eq!(read_by(fresh(), &bytes, &[0, bytes.len()]), expected);
    for cut in (0..=bytes.len()).filter(|cut| *cut < 200 || cut % 211 == 0) {
        assert_eq!(read_by(fresh(), &bytes, &[0, cut, bytes.len()]), expected, "cut at {cut}");
    }
    let each: Vec<usize> = (0..=bytes.len()).collect();
    assert_eq!(read_by(fresh(), &bytes, &each), expected);
}

#[test]
fn names_of_events_are_written_plainly_however_they_are_cut() {
    let mask = Some([9, 8, 7, 6]);
    let long = "x".repeat(UNMASKED_BYTES);
    let argument = format!("{{\"\\n\":\"{long}\\n\"}}");
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    let frames = |names: [&str; 4]| {
        let [cafe, chat, all, many] = names;
        [
            frame(0x89, mask, b"ping"),
            frame(FIN_TEXT, mask, format!("427[\"{cafe},{argument}]").as_bytes()),
            frame(FIN_TEXT, mask, b"42[\"e\",\"\\n\"]"),
            frame(FIN_TEXT, mask, format!("42/,[\"{chat}]").as_bytes()),
            frame(FIN_TEXT, mask, format!("451-[\"{all},{placeholder}]").as_bytes()),
            frame(FIN_BINARY, mask, b"\\"),
            frame(FIN_TEXT, mask, format!("42[\"{long}{many},{argument}]").as_bytes()),
        ]
        .concat()
    };
    let escapes = "\\u00e9".repeat(UNMASKED_BYTES);
    let bytes = frames(["caf\\u00e9\"", "chat\\u0020message\"", "\\\"\"", &format!("{escapes}\"")]);
    let many = format!("{}\"{}", "é".repeat(UNMASKED_BYTES), " ".repeat(4 * UNMASKED_BYTES));
    let expected = frames(["café\"    ", "chat message\"     ", "\u{7f}\" ", &many]);
    for cut in (0..=bytes.len()).filter(|cut| *cut < 1500 || cut % 211 == 0) {
        assert!(read(&bytes, &[0, cut, bytes.len()]) == expected, "cut at {cut}");
    }
    let each: Vec<usize> = (0..=bytes.len()).collect();
    assert!(read(&bytes, &each) == expected);
    let others = frames(["e\"", "e\"", "e\"", "e\""]);
    let (mut inbound, mut rest) = (inbound(), &*others);
    while !rest.is_empty() {
        let read = inbound.read(rest);
        assert_eq!(read.rewritten, None, "it passes in place");
        rest = &rest[read.bytes..];
    }
}

/// Some frames of one message, in which a client may ping.
fn fragments(first: u8, message: &[u8], cuts: [usize; 2]) -> Vec<u8> {
    let (mask, [a, b]) = (Some([9, 8, 7, 6]), cuts);
    let frames = [
        frame(first, mask, &message[..a]),
        frame(0x89, mask, b"ping"),
        frame(0x00, mask, &message[a..b]),
        frame(0x80, mask, &message[b..]),
    ];
    frames.concat()
}

#[test]
fn a_message_in_several_frames_is_read_as_one_wherever_it_is_split() {
    let (mask, zero) = (Some([9, 8, 7, 6]), Some([0; 4]));
    let text = br#"427["caf\u00e9 \ud83d\ude00","\u00e9"]"#;
    let plain = "427[\"café 😀\"            ,\"\\u00e9\"]";
    let packet = msgpack("xxx", true);
    let translated = [
        frame(FIN_TEXT, zero, br#"451-7["e","xxx",{"_placeholder":true,"num":0}]"#),
        frame(FIN_BINARY, zero, &[1, 2]),
    ]
    .concat();
    for (first, message, expected, client) in [
        (0x01, &text[..], frame(FIN_TEXT, zero, plain.as_bytes()), inbound as fn() -> Inbound),
        (0x02, &packet, translated, fresh),
    ] {
        let expected = [frame(0x89, mask, b"ping"), expected].concat();
        for a in 0..message.len() {
            for b in [a, a + 1, message.len().min(a + 7)] {
                let bytes = fragments(first, message, [a, b]);
                let each: Vec<usize> = (0..=bytes.len()).collect();
                assert_eq!(read_by(client(), &bytes, &[0, bytes.len()]), expected, "{a}, {b}");
                assert_eq!(read_by(client(), &bytes, &each), expected, "{a}, {b}");
            }
        }
    }
}

#[test]
fn a_message_in_several_frames_that_is_too_large_is_replaced() {
    let bytes = fragments(0x01, format!("427[\"{}\"]", "x".repeat(MAX)).as_bytes(), [9, 9000]);
    let zero = Some([0; 4]);
    let refused = frame(FIN_TEXT, zero, format!("427[\"too large\",{}]", MAX + 7).as_bytes());
    let expected = [frame(0x89, Some([9, 8, 7, 6]), b"ping"), refused].concat();
    let mut inbound = of(&Arc::new(Budget::new("tests", 800_000)));
    assert_eq!(read_part(&mut inbound, &bytes), expected);
    let event = frame(FIN_TEXT, zero, b"42[\"e\"]");
    assert_eq!(read_part(&mut inbound, &event), event, "the next one is not");
}

#[test]
fn a_message_that_begins_in_another_one_ends_the_connection() {
    let mask = Some([9, 8, 7, 6]);
    let mut inbound = inbound();
    let frames = [frame(0x01, mask, b"42["), frame(FIN_TEXT, mask, b"42[\"e\"]")];
    assert_eq!(read_part(&mut inbound, &frames.concat()), b"");
    assert!(inbound.has_no_packet());
}

#[test]
fn attachments_of_a_client_with_json_pass() {
    let frames = [
        frame(FIN_TEXT, Some([1, 2, 3, 4]), b"40"),
        frame(FIN_TEXT, Some([1, 2, 3, 4]), b"451-[\"e\",{}]"),
        frame(0x82, Some([1, 2, 3, 4]), b"\x82\xa4type\x00\xa3nsp\xa1/"),
    ]
    .concat();
    let each: Vec<usize> = (0..=frames.len()).collect();
    assert_eq!(read_by(fresh(), &frames, &each), frames);
}

#[test]
fn nothing_passes_from_a_message_on_that_is_no_packet() {
    let mask = Some([9, 8, 7, 6]);
    let long = format!("427[\"x\",\"{}\"]x", "x".repeat(1000));
    let parts = [frame(0x01, mask, b"42[\"e\""), frame(0x80, mask, b"]]")].concat();
    let before = [
        frame(FIN_TEXT, mask, b"421[\"e\"]"),
        frame(0x01, mask, b"422["),
        frame(0x89, mask, b"42["),
        frame(0x00, mask, b"\"e\""),
        frame(0x80, mask, b"]"),
    ]
    .concat();
    let passes = [
        frame(FIN_TEXT, mask, b"421[\"e\"]"),
        frame(0x89, mask, b"42["),
        frame(FIN_TEXT, Some([0; 4]), b"422[\"e\"]"),
    ]
    .concat();
    for wrong in [
        frame(FIN_TEXT, mask, b"42[\"e\"]x"),
        frame(FIN_TEXT, mask, b"42[\"e\""),
        frame(FIN_TEXT, mask, b"42"),
        frame(FIN_TEXT, mask, b"42/other,[\"e\"]"),
        frame(FIN_TEXT, mask, long.as_bytes()),
        parts,
        [frame(0x01, mask, b"42[\"e\""), frame(0x80, mask, b"")].concat(),
        frame(FIN_BINARY, mask, b""),
        frame(FIN_BINARY, mask, b"\x83\xa4type\x03\xa3nsp\xa1/\xa4data\x90"),
        frame(FIN_BINARY, mask, b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa7connect"),
        frame(FIN_BINARY, mask, &vec![0xc1; 300]),
    ] {
        let bytes = [&*before, &wrong, &frame(FIN_TEXT, mask, b"423[\"e\"]")].concat();
        for cut in 0..=bytes.len() {
            let mut inbound = fresh();
            match wrong[0] {
                FIN_BINARY => inbound.link.encoding.sent_binary(),
                _ => inbound.link.encoding.sent_text(2),
            }
            let (first, second) = bytes.split_at(cut);
            let mut passed = read_part(&mut inbound, first);
            passed.extend(read_part(&mut inbound, second));
            assert!(inbound.has_no_packet());
            let of_wrong = passed.strip_prefix(&*passes);
            assert!(of_wrong.is_some_and(|passed| wrong.starts_with(passed)), "cut at {cut}");
            assert!(passed.len() < passes.len() + wrong.len(), "cut at {cut}");
        }
    }
}

#[test]
fn what_is_kept_of_messages_in_parts_and_of_attachments_needs_room() {
    const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);
    let part = [0; 5000];
    let event = || frame(FIN_TEXT, MASK, b"42[\"e\"]");
    let take = |inbound: &mut Inbound, bytes: &[u8]| {
        inbound.read(bytes);
        assert!(!inbound.has_no_packet());
        !inbound.has_no_room()
    };
    for first in [0x01, 0x02, FIN_BINARY] {
        let then = if first == FIN_BINARY { FIN_BINARY } else { 0x00 };
        let mut inbound = inbound();
        assert!(take(&mut inbound, &frame(first, MASK, &part)));
        // Only an event's attachments may have another message between them.
        let between = if first == FIN_BINARY { FIN_TEXT } else { 0x89 };
        let heartbeat = frame(between, MASK, b"3");
        let taken = (0..9).take_while(|_| {
            let more = frame(then, MASK, &part);
            take(&mut inbound, &more) && take(&mut inbound, &heartbeat)
        });
        // An address may use 20,000.
        assert_eq!(taken.count(), 3, "{first}");
    }
    let mut inbound = inbound();
    for _ in 0..10 {
        for _ in 0..4 {
            assert!(take(&mut inbound, &frame(FIN_BINARY, MASK, &part)));
        }
        assert!(take(&mut inbound, &event()));
        for (first, length) in [(0x01, 5000), (0x00, 5000), (0x80, 5000)] {
            assert!(take(&mut inbound, &frame(first, MASK, &part[..length])));
        }
    }
}

#[test]
fn what_is_no_message_that_can_be_dropped_ends_the_connection_elsewhere() {
    let mut header = vec![FIN_TEXT, MASKED | 127];
    header.extend((MAX_DROPPED_BYTES + 1).to_be_bytes());
    header.extend([0; 4]);
    assert_eq!(read(&header, &[0, header.len()]), header);
}

/// A frame with zeros for the mask and the payload.
fn zeros(first: u8, length: usize) -> Vec<u8> {
    frame(first, Some([0; 4]), &vec![0; length])
}

proptest! {
    #[test]
    fn frames_are_counted_however_they_are_cut(
        lengths in vec(prop_oneof![0usize..10, 120usize..130, 65_530usize..65_540], 1..20),
        cuts in vec(1usize..5000, 1..50),
    ) {
        let bytes: Vec<u8> = lengths.iter().flat_map(|&length| zeros(FIN_TEXT, length)).collect();
        let (mut inbound, mut rest, mut begun) = (inbound(), &*bytes, 0);
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            let mut unread = now;
            while !unread.is_empty() {
                let read = inbound.read(unread);
                begun += read.frames;
                unread = &unread[read.bytes..];
                prop_assert!(unread.is_empty() || inbound.is_between());
            }
            rest = later;
            prop_assert!(inbound.wanted() <= rest.len());
            prop_assert_eq!(inbound.wanted() == 0, inbound.is_between());
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(begun, lengths.len() as u64);
        prop_assert!(inbound.is_between());
    }
}

#[test]
fn a_message_of_several_frames_ends_with_the_last() {
    let mut inbound = inbound();
    for (bytes, between) in [
        (zeros(0x01, 5), false),
        (zeros(0x89, 3), false),
        (zeros(0x00, 0), false),
        (zeros(0x80, 200), true),
        (zeros(0x89, 0), true),
    ] {
        assert_eq!(inbound.read(&bytes).frames, 1);
        assert_eq!(inbound.is_between(), between);
    }
    assert_eq!(inbound.read(&PONG).frames, 1);
    assert!(inbound.is_between());
}

#[test]
fn a_message_without_end_is_not_read_for_ever() {
    let mut inbound = inbound();
    inbound.read(&zeros(0x01, 1));
    for _ in 0..MAX_FRAGMENTS {
        assert_eq!(inbound.wanted(), 2);
        inbound.read(&zeros(0x00, 1));
    }
    assert_eq!(inbound.wanted(), 0);
}

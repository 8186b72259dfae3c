//! What goes through the translation in both directions is what it was.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::client_packet::ClientPacket;
use super::server_packet::ServerPackets;
use super::skim::Skim;
use super::to_json::Unreadable;

const MAX: usize = 100_000;

/// A packet as a client sends it that says what this text says.
fn from_text(text: &str, attachments: &[Vec<u8>]) -> Vec<u8> {
    let mut packets = ServerPackets::default();
    let mut packet = packets.packet(text.as_bytes());
    for bytes in attachments {
        assert_eq!(packet, None, "it waits for its attachments");
        packet = packets.attachment(bytes.clone());
    }
    packet.expect("it can be translated")
}

fn read(message: &[u8]) -> Result<(String, Vec<Vec<u8>>), Unreadable> {
    let ClientPacket { text, attachments } = ClientPacket::read(message, MAX)?;
    Ok((text, attachments.iter().map(|bytes| bytes.to_vec()).collect()))
}

fn some_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        3 => "\\PC{0,12}",
        1 => any::<String>(),
        1 => prop::sample::select(vec![31_usize, 32, 255, 256, 65_535, 65_536]).prop_map(|length| "x".repeat(length)),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-200_i64..300).prop_map(Value::from),
        (-1e6..1e6).prop_map(|number: f64| json!((number * 8.0).round() / 8.0)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 20, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::from),
            vec(("\\PC{0,6}", inner), 0..20)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn some_head() -> impl Strategy<Value = String> {
    let namespace = prop::sample::select(vec!["", "/admin,", "/é/x?y=z,"]);
    let id = prop_oneof![Just(String::new()), any::<u32>().prop_map(|id| id.to_string())];
    (namespace, id).prop_map(|(namespace, id)| format!("{namespace}{id}"))
}

proptest! {
    #[test]
    fn what_was_translated_is_translated_back(head in some_head(), values in vec(some_json(), 0..4)) {
        let text = format!("42{head}{}", Value::from(values));
        prop_assume!(text.len() <= MAX);
        prop_assert_eq!(read(&from_text(&text, &[])), Ok((text, Vec::new())));
    }

    #[test]
    fn attachments_lie_where_they_were(
        head in some_head(),
        values in vec(some_json(), 1..4),
        attachments in vec(vec(any::<u8>(), 0..300), 1..4),
    ) {
        let mut data = values;
        for number in 0..attachments.len() {
            data.push(json!([{ "a": { "_placeholder": true, "num": number } }]));
        }
        let text = format!("45{}-{head}{}", attachments.len(), Value::from(data));
        prop_assume!(text.len() <= MAX);
        prop_assert_eq!(read(&from_text(&text, &attachments)), Ok((text, attachments)));
    }

    #[test]
    fn no_bytes_do_harm(bytes in vec(any::<u8>(), 0..200), max in 0..300_usize) {
        if let Ok(packet) = ClientPacket::read(&bytes, max) {
            prop_assert!(packet.text.len() <= max);
        }
        skimmed(&bytes, &[]);
    }

    #[test]
    fn a_packet_that_is_changed_does_no_harm(
        values in vec(some_json(), 0..4),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = from_text(&format!("427{}", Value::from(values)), &[]);
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Ok((text, attachments)) = read(&bytes) {
            let data = text.find(['[', '{']).map(|start| &text[start..]);
            let is_json = data.is_none_or(|data| serde_json::from_str::<Value>(data).is_ok());
            prop_assert!(is_json || text.contains('/'), "{text} with {attachments:?}");
        }
        skimmed(&bytes, &[]);
    }

    #[test]
    fn what_is_dropped_is_known_however_it_is_cut(
        head in some_head(),
        values in vec(some_json(), 0..4),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
        order in Just(["type", "nsp", "id", "data", "options"].to_vec()).prop_shuffle(),
    ) {
        let message = from_text(&format!("42{head}{}", Value::from(values)), &[]);
        let message = reordered(&message, &order);
        prop_assert_eq!(skimmed(&message, &cuts), format!("42{head}["));
    }
}

/// The same packet with its fields in this order, and one more.
fn reordered(message: &[u8], order: &[&str]) -> Vec<u8> {
    let mut rest = message;
    let pairs = rmp::decode::read_map_len(&mut rest).unwrap();
    let mut fields: Vec<(&str, &[u8])> = vec![("options", b"\xa7options\x81\xa8compress\xc3")];
    // "data" is the last one, and the others are short.
    for _ in 0..pairs {
        let name = ["type", "nsp", "id", "data"]
            .into_iter()
            .find(|name| rest[1..].starts_with(name.as_bytes()))
            .unwrap();
        let value = 1 + name.len();
        let length = match name {
            "data" => rest.len(),
            "type" => value + 1,
            "nsp" => value + 1 + usize::from(rest[value] & 0x1f),
            _ => {
                value
                    + match rest[value] {
                        0xcc => 2,
                        0xcd => 3,
                        0xce => 5,
                        _ => 1,
                    }
            }
        };
        fields.push((name, &rest[..length]));
        rest = &rest[length..];
    }
    let mut out = Vec::new();
    rmp::encode::write_map_len(&mut out, pairs + 1).unwrap();
    for name in order {
        fields
            .iter()
            .filter(|field| field.0 == *name)
            .for_each(|field| out.extend_from_slice(field.1));
    }
    out
}

/// What is known of a message that comes in these parts, in both of its forms.
fn skimmed(message: &[u8], cuts: &[prop::sample::Index]) -> String {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(message);
    let (mut binary, mut text) = (Skim::default(), Skim::default());
    for (bytes, skim, is_text) in
        [(message, &mut binary, false), (base64.as_bytes(), &mut text, true)]
    {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        for cut in at.windows(2) {
            let part = bytes[cut[0]..cut[1]].iter().copied();
            if is_text { skim.take_base64(part) } else { skim.take(part) }
        }
    }
    assert_eq!(binary.head(), text.head());
    binary.head()
}

#[test]
fn the_order_of_keys_and_the_kinds_of_numbers_stay() {
    for data in [
        r#"["e",{"z":1,"a":{"y":[],"b":{}},"":-1}]"#,
        "[18446744073709551615,-9223372036854775808,9007199254740993,0,-1,127,128,-32,-33,65535]",
        "[0.5,1.0,-2.5e300]",
    ] {
        let text = format!("42{data}").replace("e300", "e+300");
        assert_eq!(read(&from_text(&text, &[])), Ok((text, Vec::new())));
    }
}

#[test]
fn every_type_of_packet_has_its_form() {
    for (text, message) in [
        ("40", &b"\x82\xa4type\x00\xa3nsp\xa1/"[..]),
        ("40{}", b"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x80"),
        ("40/a,{\"x\":1}", b"\x83\xa4type\x00\xa3nsp\xa2/a\xa4data\x81\xa1x\x01"),
        ("40\"x\"", b"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\xa1x"),
        ("41", b"\x82\xa4type\x01\xa3nsp\xa1/"),
        ("41/a,", b"\x82\xa4type\x01\xa3nsp\xa2/a"),
        ("42[\"e\"]", b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa1e"),
        ("420[\"e\"]", b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\x00\xa4data\x91\xa1e"),
        ("43/a,7[]", b"\x84\xa4type\x03\xa3nsp\xa2/a\xa2id\x07\xa4data\x90"),
    ] {
        assert_eq!(from_text(text, &[]), message, "{text}");
        assert_eq!(read(message), Ok((text.to_owned(), Vec::new())));
    }
    let refused = b"\x83\xa4type\x04\xa3nsp\xa1/\xa4data\x81\xa7message\xa1x";
    assert_eq!(from_text("44{\"message\":\"x\"}", &[]), refused);
    assert!(read(refused).is_err(), "a client does not refuse");
}

#[test]
fn a_type_and_an_ack_id_may_be_floats() {
    let eight = [&b"\xcb"[..], &8_f64.to_be_bytes()].concat();
    let half = [&b"\xcb"[..], &8.5_f64.to_be_bytes()].concat();
    let none = [&b"\xcb"[..], &f64::NAN.to_be_bytes()].concat();
    let endless = [&b"\xca"[..], &f32::NEG_INFINITY.to_be_bytes()].concat();
    let two = [&b"\xca"[..], &2_f32.to_be_bytes()].concat();
    let event = |id: &[u8]| {
        let head = [b"\x84\xa2id", id, b"\xa4type", &two, b"\xa3nsp\xa1/\xa4data"].concat();
        [&*head, b"\x91\xa1e"].concat()
    };
    assert_eq!(read(&event(&eight)).unwrap().0, r#"428["e"]"#);
    assert!(skimmed(&event(&eight), &[]).starts_with("428["));
    for id in [&half, &none, &endless] {
        assert!(read(&event(id)).is_err());
    }
}

#[test]
fn undefined_is_left_out_as_in_json() {
    let undefined = b"\xd4\x00\x00";
    let packet = [
        &b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id"[..],
        undefined,
        b"\xa4data\x93\xa1e",
        undefined,
        b"\x83\xa1a",
        undefined,
        b"\xa1b\x01\xa1c",
        undefined,
    ];
    assert_eq!(read(&packet.concat()).unwrap().0, r#"42["e",null,{"b":1}]"#);
    let connect = [&b"\x83\xa4type\x00\xa4data"[..], undefined, b"\xa3nsp\xa1/"].concat();
    assert_eq!(read(&connect).unwrap().0, "40");
}

#[test]
fn binary_values_have_two_forms() {
    let packet = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x94\xa1e\xc4\x01\x01\xc7\x02\x00\x02\x03\xc8\x00\x01\x00\x04";
    let (text, attachments) = read(packet).unwrap();
    let places = [0, 1, 2].map(|number| format!(r#"{{"_placeholder":true,"num":{number}}}"#));
    assert_eq!(text, format!(r#"453-["e",{}]"#, places.join(",")));
    assert_eq!(attachments, [vec![1], vec![2, 3], vec![4]]);
    // Of no other extension anything is known.
    for data in [
        &b"\x91\xc7\x01\x05\x02"[..],
        b"\x91\xd4\x05\x00",
        b"\x91\xd7\x00\0\0\0\0\0\0\0\0",
        b"\x91\xd6\xff\0\0\0\0",
    ] {
        let packet = [&b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data"[..], data].concat();
        assert!(matches!(read(&packet), Err(Unreadable::Malformed(_))));
    }
}

#[test]
fn what_grows_as_json_is_bounded() {
    // One byte each, and six as JSON.
    let text = "\u{1}".repeat(1000);
    let message = from_text(&format!("427{}", json!([text])), &[]);
    assert!(message.len() < 1100);
    assert!(matches!(ClientPacket::read(&message, 6000), Err(Unreadable::TooLarge)));
    assert_eq!(ClientPacket::read(&message, 6010).unwrap().text.len(), 6007);
    // The length of a packet that is cut off promises much, and costs nothing.
    for data in [&b"\xdd\xff\xff\xff\xff"[..], b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"] {
        let packet = [&b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data"[..], data].concat();
        assert!(matches!(read(&packet), Err(Unreadable::Malformed(_))));
    }
}

#[test]
fn a_map_that_looks_like_an_attachment_is_none_without_one() {
    let text = r#"42["e",{"_placeholder":true,"num":0}]"#;
    assert_eq!(read(&from_text(text, &[])), Ok((text.to_owned(), Vec::new())));
    // The number of none that is there.
    let text = r#"451-["e",{"_placeholder":true,"num":1},{"_placeholder":true,"num":-1}]"#;
    let (translated, attachments) = read(&from_text(text, &[vec![1]])).unwrap();
    assert_eq!((translated, attachments.len()), (text.replace("451-", "42"), 0));
}

#[test]
fn what_cannot_be_translated_is_left_out_and_the_next_is_not() {
    let mut packets = ServerPackets::default();
    for text in [r#"42["\ud800"]"#, "42[", "4", "49", "4é", "42nonsense"] {
        assert_eq!(packets.packet(text.as_bytes()), None, "{text}");
    }
    let deep = format!("42{}{}", "[".repeat(1000), "]".repeat(1000));
    assert_eq!(packets.packet(deep.as_bytes()), None);
    assert_eq!(packets.packet(&[b'4', b'2', 0xff]), None);
    assert_eq!(packets.attachment(vec![1]), None, "of nothing");
    assert!(packets.packet(b"42[1]").is_some());
}

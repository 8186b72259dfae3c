//! What goes over the wire, byte for byte, and what is tolerated when it comes in.

#![allow(clippy::unwrap_used)]

use chat_core::{
    Ack, ChatMessage, ClientOffset, Content, Delivery, Epoch, Frame, FrameBody, FrameError,
    Handshake, Joined, Left, Message, NodeId, Offset, RecoveryOffset, Refusal, RefusalCode, RoomId,
    Timestamp,
};
use insta::assert_snapshot;
use serde::Serialize;

fn offset(number: u64) -> Offset {
    Offset::new(number).unwrap()
}

fn epoch() -> Epoch {
    "5f0c3b2a9d8e7f61".parse().unwrap()
}

fn message() -> Message {
    Message {
        offset: offset(7),
        room: RoomId::general(),
        content: "héllo \"you\"".parse().unwrap(),
        client_offset: Some("a-1".parse().unwrap()),
        from: Some("Ada".parse().unwrap()),
        at: Some(Timestamp::from_millis(1_700_000_000_000)),
    }
}

/// A message as the tutorial's server left it.
fn bare_message() -> Message {
    let content = Content::from_stored("");
    Message { content, client_offset: None, from: None, at: None, ..message() }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn an_ack() {
    let ack = Ack { offset: offset(7), duplicate: false };
    assert_snapshot!(json(&ack), @r#"{"offset":7,"duplicate":false}"#);
    let later = r#"{"offset":7,"duplicate":false,"new":1}"#;
    assert_eq!(serde_json::from_str::<Ack>(later).unwrap(), ack);
}

#[test]
fn a_refusal() {
    let refusal = Refusal::new(RefusalCode::ClientOffsetConflict, "choose a new one");
    assert_snapshot!(
        json(&refusal),
        @r#"{"error":{"code":"client_offset_conflict","message":"choose a new one"}}"#
    );
    assert_eq!(serde_json::from_str::<Refusal>(&json(&refusal)).unwrap(), refusal);
}

#[test]
fn every_refusal_code() {
    use RefusalCode::*;
    let codes = [
        InvalidArguments,
        InvalidContent,
        InvalidClientOffset,
        ClientOffsetConflict,
        NotInRoom,
        TooManyRooms,
        UnknownEvent,
    ];
    assert_snapshot!(
        json(&codes),
        @r#"["invalid_arguments","invalid_content","invalid_client_offset","client_offset_conflict","not_in_room","too_many_rooms","unknown_event"]"#
    );
}

#[test]
fn a_refusal_code_of_a_later_version_is_unknown() {
    let refusal = r#"{"error":{"code":"too_loud","message":"hush","until":5}}"#;
    let refusal: Refusal = serde_json::from_str(refusal).unwrap();
    assert_eq!(refusal, Refusal::new(RefusalCode::Unknown, "hush"));
}

#[test]
fn a_delivery() {
    let delivery = Delivery::new(&epoch(), message());
    assert_snapshot!(
        json(&delivery),
        @r#"["héllo \"you\"",7,{"room":"general","from":"Ada","at":1700000000000,"clientOffset":"a-1"},"5f0c3b2a9d8e7f61-7"]"#
    );
    assert_eq!(serde_json::from_str::<Delivery>(&json(&delivery)).unwrap(), delivery);
}

#[test]
fn a_delivery_of_a_message_that_little_is_known_about() {
    assert_snapshot!(
        json(&Delivery::new(&epoch(), bare_message())),
        @r#"["",7,{"room":"general","from":null,"at":null,"clientOffset":null},"5f0c3b2a9d8e7f61-7"]"#
    );
}

#[test]
fn a_handshake() {
    let handshake = Handshake { server_offset: offset(7), rooms: Vec::new() };
    assert_snapshot!(json(&handshake), @r#"{"serverOffset":7}"#);
    let handshake = Handshake { rooms: vec![RoomId::general()], ..handshake };
    assert_snapshot!(json(&handshake), @r#"{"serverOffset":7,"rooms":["general"]}"#);
}

#[test]
fn rooms_of_a_handshake_that_are_none_are_left_out() {
    for (rooms, expected) in [
        (r#"["a","b"]"#, &["a", "b"][..]),
        (r#"["a",5,"",null," x","a\u0000","b"]"#, &["a", "b"]),
        ("[]", &[]),
        ("null", &[]),
        (r#""general""#, &[]),
        ("{}", &[]),
    ] {
        let handshake = format!(r#"{{"serverOffset":5,"rooms":{rooms}}}"#);
        let handshake: Handshake = serde_json::from_str(&handshake).unwrap();
        let rooms: Vec<_> = handshake.rooms.iter().map(RoomId::as_str).collect();
        assert_eq!((handshake.server_offset, &*rooms), (offset(5), expected));
    }
}

#[test]
fn joining_and_leaving() {
    let room: RoomId = "rust".parse().unwrap();
    let joined = Joined { room: room.clone(), tail: offset(7) };
    assert_snapshot!(json(&joined), @r#"{"room":"rust","tail":7}"#);
    assert_snapshot!(json(&Left { room: room.clone() }), @r#"{"room":"rust"}"#);
    assert_eq!(chat_core::room_from_event(r#"["join","rust",{"new":1},5]"#), Ok(room));
    for event in [
        r#"["join"]"#,
        r#"["join",null]"#,
        r#"["join",5]"#,
        r#"["join",""]"#,
        r#"["join"," x"]"#,
        "",
    ] {
        let refusal = chat_core::room_from_event(event).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::InvalidArguments, "{event}");
    }
}

#[test]
fn a_handshake_that_makes_no_sense_is_one_from_the_beginning() {
    for auth in [
        "{}",
        r#"{"serverOffset":null}"#,
        r#"{"serverOffset":"5"}"#,
        r#"{"serverOffset":-1}"#,
        r#"{"serverOffset":1.5}"#,
        r#"{"serverOffset":1e300}"#,
        r#"{"serverOffset":9007199254740992}"#,
        r#"{"serverOffset":{"a":[1]}}"#,
        r#"{"token":"x","more":[{}]}"#,
    ] {
        let handshake: Handshake = serde_json::from_str(auth).unwrap();
        assert_eq!(handshake.server_offset, Offset::ZERO, "{auth}");
    }
    let handshake = r#"{"serverOffset":5,"other":true}"#;
    assert_eq!(serde_json::from_str::<Handshake>(handshake).unwrap().server_offset, offset(5));
}

#[test]
fn a_chat_message_in_every_form() {
    let parse = |json: &str| ChatMessage::from_event(json).unwrap();
    let alone = parse(r#"["chat message","hi"]"#);
    assert_eq!((alone.content.as_str(), &alone.client_offset), ("hi", &None));
    let keyed = parse(r#"["chat message","hi","a-1"]"#);
    assert_eq!(keyed.client_offset, Some("a-1".parse().unwrap()));
    let with_room = parse(r#"["chat message","hi",null,{"room":"rust","new":[1]},"more",5]"#);
    assert_eq!(with_room.options.room, Some("rust".parse().unwrap()));
    assert_eq!(parse(r#"["chat message","hi",null,null]"#), alone);
    assert_eq!(parse(r#"["chat message","hi",null,{}]"#), alone);
    let odd = parse(r#"["chat message","\u0000 🦀 \u202e"]"#);
    assert_eq!(odd.content.as_str(), "\0 🦀 \u{202e}");
}

#[test]
fn what_is_no_chat_message_is_refused_with_a_code() {
    use RefusalCode::*;
    let nested = format!(r#"["chat message",{}1{}]"#, "[".repeat(5000), "]".repeat(5000));
    let long = format!(r#"["chat message","{}"]"#, "x".repeat(Content::MAX_BYTES + 1));
    let huge = format!(r#"["chat message","{}"]"#, "x".repeat(10_000_000));
    let long_key = format!(r#"["chat message","hi","{}"]"#, "x".repeat(257));
    for (event, code) in [
        (r#"["chat message"]"#, InvalidArguments),
        (r#"["chat message",null]"#, InvalidArguments),
        (r#"["chat message",5]"#, InvalidArguments),
        (r#"["chat message",true]"#, InvalidArguments),
        (r#"["chat message",{"a":1}]"#, InvalidArguments),
        (r#"["chat message",{"_placeholder":true,"num":0}]"#, InvalidArguments),
        (&nested, InvalidArguments),
        (r#"["chat message","hi",5]"#, InvalidArguments),
        (r#"["chat message","hi","k",5]"#, InvalidArguments),
        (r#"["chat message","hi","k",["general"]]"#, InvalidArguments),
        (r#"["chat message","hi","k",{"room":5}]"#, InvalidArguments),
        (r#"["chat message","hi","k",{"room":""}]"#, InvalidArguments),
        (r#"["chat message","\ud800"]"#, InvalidArguments),
        (r#"["chat message","#, InvalidArguments),
        ("", InvalidArguments),
        ("5", InvalidArguments),
        (r#"["chat message",""]"#, InvalidContent),
        (&long, InvalidContent),
        (&huge, InvalidContent),
        (r#"["chat message","hi",""]"#, InvalidClientOffset),
        (r#"["chat message","hi","a\n"]"#, InvalidClientOffset),
        (&long_key, InvalidClientOffset),
    ] {
        let refusal = ChatMessage::from_event(event).unwrap_err();
        assert_eq!(refusal.code, code, "{}", &event[..event.len().min(60)]);
        assert!(refusal.message.len() < 200);
    }
}

#[test]
fn the_largest_message_is_accepted_however_it_is_escaped() {
    let escaped = "\\u0001".repeat(Content::MAX_BYTES);
    let key = "\\u00e9".repeat(ClientOffset::MAX_BYTES / 2);
    let event = format!(r#"["chat message","{escaped}","{key}",{{"room":"general"}}]"#);
    assert_eq!(ChatMessage::from_event(&event).unwrap().content.as_str().len(), 65_536);
}

fn frame() -> Frame {
    let messages = vec![message(), bare_message()];
    let body = FrameBody::Appended { epoch: epoch(), after: offset(6), tail: offset(9), messages };
    Frame { node: NodeId::from_random([0xab; 8]), body }
}

#[test]
fn a_frame() {
    assert_snapshot!(
        String::from_utf8(frame().encode()).unwrap(),
        @r#"{"v":1,"node":"abababababababab","type":"appended","epoch":"5f0c3b2a9d8e7f61","after":6,"tail":9,"messages":[{"offset":7,"room":"general","content":"héllo \"you\"","clientOffset":"a-1","from":"Ada","at":1700000000000},{"offset":7,"room":"general","content":""}]}"#
    );
}

#[test]
fn a_frame_about_a_session() {
    let generation = 1_700_000_000_000_000_001;
    let body = FrameBody::SessionTaken { session: "00ff".into(), generation };
    let frame = Frame { node: NodeId::from_random([0xab; 8]), body };
    assert_snapshot!(
        String::from_utf8(frame.encode()).unwrap(),
        @r#"{"v":1,"node":"abababababababab","type":"sessionTaken","session":"00ff","generation":1700000000000000001}"#
    );
    assert_eq!(Frame::decode(&frame.encode()).unwrap(), frame);
}

#[test]
fn a_frame_read_back_is_the_same() {
    // The empty content of an old log is not taken from a client, but it is from another node.
    assert_eq!(Frame::decode(&frame().encode()).unwrap(), frame());
}

#[test]
fn a_frame_without_messages_says_the_same_of_the_log_and_is_short() {
    let hint = frame().without_messages().into_owned();
    let body =
        FrameBody::Appended { epoch: epoch(), after: offset(6), tail: offset(9), messages: vec![] };
    assert_eq!(hint, Frame { node: frame().node, body });
    assert!(hint.encode().len() < 200);
    assert_eq!(*hint.without_messages(), hint);
}

#[test]
fn a_frame_with_unknown_fields_is_read() {
    let text = String::from_utf8(frame().encode()).unwrap();
    let text = text.replacen(r#""v":1"#, r#""v":1,"new":{"a":[1,2]}"#, 1);
    assert_eq!(Frame::decode(text.as_bytes()).unwrap(), frame());
}

#[test]
fn a_frame_of_another_version_is_told_from_a_damaged_one() {
    let other = Frame::decode(br#"{"v":2,"anything":"else"}"#);
    assert!(matches!(other, Err(FrameError::Version { found: 2 })));
    for damaged in [&b""[..], b"{}", b"\xff\xfe", br#"{"v":1}"#, br#"{"v":1,"node":"zz"}"#] {
        assert!(matches!(Frame::decode(damaged), Err(FrameError::Malformed(_))));
    }
}

#[test]
fn a_recovery_offset() {
    let position = RecoveryOffset { epoch: epoch(), offset: offset(12) };
    assert_snapshot!(position, @"5f0c3b2a9d8e7f61-12");
    assert_eq!("5f0c3b2a9d8e7f61-12".parse(), Ok(position));
    for text in
        ["", "-", "12", "a-", "-1", "a-+1", "a-01", "a--1", "a-1-2", "é-1", "a-9007199254740992"]
    {
        assert!(text.parse::<RecoveryOffset>().is_err(), "{text}");
    }
}

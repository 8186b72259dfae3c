//! What nodes tell each other of users, byte for byte.

#![allow(clippy::unwrap_used)]

use chat_core::{Frame, FrameBody, FrameError, NodeId, PresenceEntry, PresenceId, RoomId, UserId};
use insta::assert_snapshot;

fn ada() -> PresenceEntry {
    let who = PresenceId::user(UserId::from_stored(12));
    PresenceEntry { room: RoomId::general(), who, nickname: Some("Ada \"L\"".parse().unwrap()) }
}

fn somebody() -> PresenceEntry {
    PresenceEntry { who: PresenceId::anonymous(1), nickname: None, ..ada() }
}

fn written(body: FrameBody) -> String {
    let frame = Frame::new(NodeId::from_random([0xab; 8]), body);
    let bytes = frame.encode();
    assert_eq!(Frame::decode(&bytes).unwrap(), frame, "what is read back is the same");
    String::from_utf8(bytes).unwrap()
}

#[test]
fn changes() {
    let body =
        FrameBody::Presence { from: 6, version: 7, came: vec![ada()], left: vec![somebody()] };
    assert_snapshot!(written(body), @r#"{"v":1,"node":"abababababababab","type":"presence","from":6,"version":7,"came":[{"room":"general","member":12,"nickname":"Ada \"L\""}],"left":[{"room":"general","member":9223372036854775809}]}"#);
}

/// They would be shown to users.
#[test]
fn a_name_that_nobody_can_have_makes_it_no_frame() {
    let body = FrameBody::Presence { from: 6, version: 7, came: vec![ada()], left: Vec::new() };
    let written = written(body);
    for name in [String::new(), "x".repeat(129), "a\\u0000b".into(), "a\\nb".into()] {
        let forged = written.replace("Ada \\\"L\\\"", &name);
        assert_ne!(forged, written);
        let error = Frame::decode(forged.as_bytes()).unwrap_err();
        assert!(matches!(error, FrameError::Malformed(_)), "{error}");
    }
    let room = written.replace("general", " general");
    assert!(Frame::decode(room.as_bytes()).is_err());
}

#[test]
fn a_heartbeat_is_short() {
    let body = FrameBody::Presence { from: 7, version: 7, came: Vec::new(), left: Vec::new() };
    assert_snapshot!(written(body), @r#"{"v":1,"node":"abababababababab","type":"presence","from":7,"version":7}"#);
}

#[test]
fn a_request_for_a_list() {
    let of = NodeId::from_random([0xcd; 8]);
    assert_snapshot!(written(FrameBody::PresenceWanted { of }), @r#"{"v":1,"node":"abababababababab","type":"presenceWanted","of":"cdcdcdcdcdcdcdcd"}"#);
}

#[test]
fn a_part_of_a_list() {
    let present = vec![ada(), somebody()];
    let body = FrameBody::PresenceSnapshot { version: 7, round: 2, part: 0, parts: 3, present };
    assert_snapshot!(written(body), @r#"{"v":1,"node":"abababababababab","type":"presenceSnapshot","version":7,"round":2,"part":0,"parts":3,"present":[{"room":"general","member":12,"nickname":"Ada \"L\""},{"room":"general","member":9223372036854775809}]}"#);
}

#[test]
fn typing() {
    let PresenceEntry { room, who, .. } = ada();
    assert_snapshot!(written(FrameBody::Typing { room, who, typing: true }), @r#"{"v":1,"node":"abababababababab","type":"typing","room":"general","member":12,"typing":true}"#);
}

#[test]
fn the_end_of_a_node() {
    assert_snapshot!(written(FrameBody::NodeLeft), @r#"{"v":1,"node":"abababababababab","type":"nodeLeft"}"#);
}

#[test]
fn a_user_is_never_taken_for_an_anonymous_client() {
    let most = UserId::from_random([0xff; 8]);
    assert_ne!(PresenceId::user(most), PresenceId::anonymous(most.as_i64().cast_unsigned()));
    let numbers = [PresenceId::user(most), PresenceId::anonymous(u64::MAX)];
    let json = serde_json::to_string(&numbers).unwrap();
    assert_snapshot!(json, @"[9223372036854775807,18446744073709551615]");
    assert_eq!(serde_json::from_str::<[PresenceId; 2]>(&json).unwrap(), numbers);
}

#[test]
fn unknown_fields_are_ignored_and_damaged_frames_are_told() {
    let known = written(FrameBody::Presence { from: 1, version: 1, came: vec![], left: vec![] });
    let later = known.replacen(r#""from":1"#, r#""from":1,"new":{"a":[1]}"#, 1);
    let read = |json: &str| Frame::decode(json.as_bytes());
    assert_eq!(read(&later).unwrap(), read(&known).unwrap());
    for damage in [r#""from":-1"#, r#""from":"1""#, r#""from":null"#] {
        let damaged = known.replacen(r#""from":1"#, damage, 1);
        assert!(matches!(read(&damaged), Err(FrameError::Malformed(_))), "{damage}");
    }
}

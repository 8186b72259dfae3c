//! What goes over the wire, byte for byte, and what is tolerated when it comes in.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use chat_core::event::{
    ChatMessage, Delivery, DeliveryMeta, Handshake, History, HistoryMessage, Invitation,
    InvitationId, Invitations, Invited, Joined, KeptRoom, Left, LinkCode, LogEntry, Member,
    Members, Moderated, ModerationLog, Named, PrivateDelivery, PrivateDeliveryMeta, ReadKept,
    Reader, Readers, RoomChanged, Rooms, Seen, Token, TokenTaken, Typing, Unread,
    UnreadConversation, UnreadRoom, UserChange, Users,
};
use chat_core::{
    AccessAction, AccessScope, Ack, Audience, AuthorId, ClientOffset, Content, Epoch, Frame,
    FrameBody, FrameError, Message, NewMessage, Nickname, NodeId, Offset, Posting, PresenceId,
    RecoveryOffset, Refusal, RefusalCode, Role, RoomId, Timestamp, UserId, Visibility,
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
    message_to(RoomId::general().into(), "héllo \"you\"")
}

fn message_to(audience: Audience, content: &str) -> Message {
    let mut message = Message::new(offset(7), audience, content.parse().unwrap());
    message.client_offset = Some("a-1".parse().unwrap());
    message.from = Some("Ada".parse().unwrap());
    message.author = Some(AuthorId::from_stored(-9));
    message.user = Some(UserId::from_stored(11));
    message.at = Some(Timestamp::from_millis(1_700_000_000_000));
    message
}

fn private_message() -> Message {
    let audience = Audience::Private {
        from: UserId::from_stored(5),
        to: UserId::from_stored(i64::MAX),
        nickname: nickname("Bob"),
    };
    message_to(audience, "a\0b")
}

fn nickname(name: &str) -> Nickname {
    name.parse().unwrap()
}

fn token() -> Token {
    "secret".to_owned().try_into().unwrap()
}

/// A message as the tutorial's server left it.
fn bare_message() -> Message {
    Message::new(offset(7), RoomId::general(), Content::from_stored(""))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn an_ack() {
    let ack = Ack::new(offset(7), false);
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
fn a_refusal_for_now() {
    let refusal = Refusal::slow_down("later", Duration::from_micros(1_500_001));
    assert_snapshot!(
        json(&refusal),
        @r#"{"error":{"code":"slow_down","message":"later","retryAfter":1501}}"#
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
        InvalidNickname,
        NicknameTaken,
        NicknameRequired,
        UnknownNickname,
        NicknameFixed,
        RegistrationClosed,
        MessageToOneself,
        InvalidToken,
        InvalidCode,
        UnknownDevice,
        ExpiredToken,
        OtherUser,
        RoomExists,
        UnknownRoom,
        LastOwner,
        UnknownEvent,
        SlowDown,
        TooLarge,
        QuotaExceeded,
        Forbidden,
        Unavailable,
        Unknown,
    ];
    assert_snapshot!(
        json(&codes),
        @r#"["invalid_arguments","invalid_content","invalid_client_offset","client_offset_conflict","not_in_room","too_many_rooms","invalid_nickname","nickname_taken","nickname_required","unknown_nickname","nickname_fixed","registration_closed","message_to_oneself","invalid_token","invalid_code","unknown_device","expired_token","other_user","room_exists","unknown_room","last_owner","unknown_event","slow_down","too_large","quota_exceeded","forbidden","unavailable","unknown"]"#
    );
}

#[test]
fn a_refusal_code_of_a_later_version_is_unknown() {
    let refusal = r#"{"error":{"code":"too_loud","message":"hush","until":5}}"#;
    let refusal: Refusal = serde_json::from_str(refusal).unwrap();
    assert_eq!(refusal, Refusal::new(RefusalCode::Unknown, "hush"));
}

fn delivery(message: Message) -> Delivery {
    let Message { offset, audience, content, client_offset, from, user, at, .. } = message;
    let room = audience.room().unwrap().clone();
    let mut meta = DeliveryMeta::new(room);
    (meta.from, meta.user, meta.at, meta.client_offset) = (from, user, at, client_offset);
    Delivery(content, offset, meta, RecoveryOffset::new(epoch(), offset))
}

fn private_delivery(message: Message) -> PrivateDelivery {
    let Message { offset, audience, content, client_offset, from, at, .. } = message;
    let Audience::Private { from: sender, nickname: to, .. } = audience else {
        panic!("it is private")
    };
    let mut meta = PrivateDeliveryMeta::new(to);
    (meta.from, meta.user) = (from, Some(sender));
    (meta.at, meta.client_offset) = (at, client_offset);
    PrivateDelivery(content, offset, meta, RecoveryOffset::new(epoch(), offset))
}

#[test]
fn a_delivery() {
    let delivery = delivery(message());
    assert_snapshot!(
        json(&delivery),
        @r#"["héllo \"you\"",7,{"room":"general","from":"Ada","user":"000000000000000b","at":1700000000000,"clientOffset":"a-1"},"5f0c3b2a9d8e7f61-7"]"#
    );
    assert_eq!(serde_json::from_str::<Delivery>(&json(&delivery)).unwrap(), delivery);
}

#[test]
fn a_delivery_of_a_message_that_little_is_known_about() {
    assert_snapshot!(
        json(&delivery(bare_message())),
        @r#"["",7,{"room":"general","from":null,"user":null,"at":null,"clientOffset":null},"5f0c3b2a9d8e7f61-7"]"#
    );
}

#[test]
fn a_private_delivery_names_its_two_users_and_shows_who_wrote_it() {
    let delivery = private_delivery(private_message());
    assert_snapshot!(
        json(&delivery),
        @r#"["a\u0000b",7,{"from":"Ada","user":"0000000000000005","to":"Bob","at":1700000000000,"clientOffset":"a-1"},"5f0c3b2a9d8e7f61-7"]"#
    );
    assert_eq!(serde_json::from_str::<PrivateDelivery>(&json(&delivery)).unwrap(), delivery);
    let Message { offset, audience, content, .. } = private_message();
    let bare = Message::new(offset, audience, content);
    assert_snapshot!(
        json(&private_delivery(bare)),
        @r#"["a\u0000b",7,{"from":null,"user":"0000000000000005","to":"Bob","at":null,"clientOffset":null},"5f0c3b2a9d8e7f61-7"]"#
    );
}

#[test]
fn a_history() {
    let messages = [message(), bare_message(), private_message()].map(HistoryMessage::to_author);
    let mut messages = Vec::from(messages);
    messages.push(message().into());
    let history = History::new(messages, true);
    assert_snapshot!(
        json(&history),
        @r#"{"messages":[{"content":"héllo \"you\"","offset":7,"room":"general","from":"Ada","user":"000000000000000b","at":1700000000000,"clientOffset":"a-1"},{"content":"","offset":7,"room":"general","from":null,"user":null,"at":null,"clientOffset":null},{"content":"a\u0000b","offset":7,"from":"Ada","user":"0000000000000005","to":"Bob","at":1700000000000,"clientOffset":"a-1"},{"content":"héllo \"you\"","offset":7,"room":"general","from":"Ada","user":"000000000000000b","at":1700000000000,"clientOffset":null}],"more":true}"#
    );
    assert_eq!(serde_json::from_str::<History>(&json(&history)).unwrap(), history);
    assert_snapshot!(json(&History::default()), @r#"{"messages":[],"more":false}"#);
}

#[test]
fn a_nickname_that_was_given() {
    let named = Named::new(nickname("Ada"), Some(token()));
    assert_snapshot!(json(&named), @r#"{"nickname":"Ada","token":"secret","user":null}"#);
    assert_eq!(serde_json::from_str::<Named>(&json(&named)).unwrap(), named);
    let known = Named::new(named.nickname, None).with_user(UserId::from_stored(5));
    assert_snapshot!(json(&known), @r#"{"nickname":"Ada","token":null,"user":"0000000000000005"}"#);
    assert_eq!(serde_json::from_str::<Named>(&json(&known)).unwrap(), known);
}

#[test]
fn who_comes_who_leaves_and_who_is_there() {
    let room: RoomId = "rust".parse().unwrap();
    let change = UserChange::new(room.clone(), Some(nickname("Ada")), 3);
    let change = change.with_user(Some(UserId::from_stored(5)));
    assert_snapshot!(
        json(&change),
        @r#"{"room":"rust","nickname":"Ada","user":"0000000000000005","users":3}"#
    );
    assert_eq!(serde_json::from_str::<UserChange>(&json(&change)).unwrap(), change);
    let anonymous = UserChange::new(change.room, None, 3);
    assert_snapshot!(json(&anonymous), @r#"{"room":"rust","nickname":null,"user":null,"users":3}"#);

    let users = Users::new(room, 3, vec![nickname("Ada"), nickname("Bob")]);
    assert_snapshot!(json(&users), @r#"{"room":"rust","users":3,"nicknames":["Ada","Bob"]}"#);
    assert_eq!(serde_json::from_str::<Users>(&json(&users)).unwrap(), users);
}

#[test]
fn who_is_typing() {
    let nickname = Some(nickname("Ada"));
    let typing = Typing::new(RoomId::general(), nickname, true);
    let typing = typing.with_user(Some(UserId::from_stored(5)));
    assert_snapshot!(
        json(&typing),
        @r#"{"room":"general","nickname":"Ada","user":"0000000000000005","typing":true}"#
    );
    assert_eq!(serde_json::from_str::<Typing>(&json(&typing)).unwrap(), typing);
    let stopped = Typing::new(typing.room, None, false);
    assert_snapshot!(json(&stopped), @r#"{"room":"general","nickname":null,"user":null,"typing":false}"#);
}

#[test]
fn what_was_read() {
    let user = UserId::from_stored(5);
    let seen = Seen::new("rust".parse().unwrap(), user, Some(nickname("Ada")), offset(7));
    assert_snapshot!(
        json(&seen),
        @r#"{"room":"rust","user":"0000000000000005","nickname":"Ada","offset":7}"#
    );
    assert_eq!(serde_json::from_str::<Seen>(&json(&seen)).unwrap(), seen);
    let seen = Seen::privately(UserId::from_stored(6), user, Some(nickname("Ada")), offset(7));
    assert_snapshot!(
        json(&seen),
        @r#"{"with":"0000000000000006","user":"0000000000000005","nickname":"Ada","offset":7}"#
    );
    assert_eq!(serde_json::from_str::<Seen>(&json(&seen)).unwrap(), seen);
    assert_snapshot!(json(&ReadKept::new(offset(7))), @r#"{"offset":7}"#);
    let mut unread = Unread::default();
    unread.rooms.push(UnreadRoom { room: RoomId::general(), read: Offset::ZERO, unread: 3 });
    let conversation = UnreadConversation { user: Some(user), read: offset(7), unread: 0 };
    unread.conversations.push(conversation);
    assert_snapshot!(
        json(&unread),
        @r#"{"rooms":[{"room":"general","read":0,"unread":3}],"conversations":[{"user":"0000000000000005","read":7,"unread":0}]}"#
    );
    assert_eq!(serde_json::from_str::<Unread>(&json(&unread)).unwrap(), unread);
    let reader =
        Reader { user: Some(user), nickname: Some("Ada".parse().unwrap()), offset: offset(7) };
    let readers = Readers::new(RoomId::general(), vec![reader]);
    assert_snapshot!(
        json(&readers),
        @r#"{"room":"general","readers":[{"user":"0000000000000005","nickname":"Ada","offset":7}]}"#
    );
    assert_eq!(serde_json::from_str::<Readers>(&json(&readers)).unwrap(), readers);
    let body =
        FrameBody::Read { room: RoomId::general(), who: PresenceId::user(user), offset: offset(7) };
    let frame = Frame::new(NodeId::from_random([0xab; 8]), body);
    let bytes = frame.encode();
    assert_snapshot!(
        String::from_utf8_lossy(&bytes),
        @r#"{"v":1,"node":"abababababababab","type":"read","room":"general","member":5,"offset":7}"#
    );
    assert_eq!(Frame::decode(&bytes).unwrap(), frame);
}

#[test]
fn a_handshake() {
    let handshake = Handshake::default().with_server_offset(offset(7));
    assert_snapshot!(json(&handshake), @r#"{"serverOffset":7}"#);
    let handshake = Handshake::resume(RecoveryOffset::new(epoch(), offset(7)))
        .with_rooms(vec![RoomId::general()])
        .with_history(50)
        .with_nickname("Ada")
        .with_token(token())
        .with_echo(false);
    assert_snapshot!(
        json(&handshake),
        @r#"{"serverOffset":7,"offset":"5f0c3b2a9d8e7f61-7","rooms":["general"],"history":50,"nickname":"Ada","token":"secret","echo":false}"#
    );
    assert_eq!(serde_json::from_str::<Handshake>(&json(&handshake)).unwrap(), handshake);
}

#[test]
fn a_token_is_not_shown_in_logs() {
    let handshake = Handshake::default().with_token(token());
    assert!(!format!("{handshake:?}").contains("secret"));
}

#[test]
fn fields_of_a_handshake_that_are_not_of_their_type_count_as_absent() {
    let read = |auth: &str| serde_json::from_str::<Handshake>(auth).unwrap();
    for value in ["null", r#""""#, r#""x""#, "true", "-1", "1.5", "1e300", "[]", "{}", "[7]"] {
        assert_eq!(read(&format!(r#"{{"history":{value}}}"#)).history, None, "{value}");
    }
    for value in ["null", "0", "true", "[]", "{}"] {
        let handshake = read(&format!(r#"{{"nickname":{value},"token":{value}}}"#));
        assert_eq!((handshake.nickname, handshake.token), (None, None), "{value}");
    }
    for value in ["null", "0", r#""no""#, "[false]", "{}", "true", r#""true""#] {
        assert!(read(&format!(r#"{{"echo":{value}}}"#)).echo, "{value}");
    }
    for value in ["false", r#""false""#] {
        assert!(!read(&format!(r#"{{"echo":{value}}}"#)).echo, "{value}");
    }
    assert_eq!(read(r#"{"history":0}"#).history, Some(0));
    // What it means is decided later, when there is somebody to tell: here it is kept.
    assert_eq!(read(r#"{"nickname":""}"#).nickname, Some(String::new()));
    assert_eq!(read(r#"{"token":""}"#).token, None);
    assert_eq!(read(&format!(r#"{{"token":"{}"}}"#, "x".repeat(8193))).token, None);
    let longest = "x".repeat(Token::MAX_BYTES);
    let handshake = read(&format!(r#"{{"token":"{longest}","nickname":5,"serverOffset":5}}"#));
    assert_eq!(handshake.token.unwrap().as_str(), longest);
    assert_eq!(handshake.server_offset, offset(5), "the other fields still count");
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
    let joined = Joined::new(room.clone(), 3, offset(7));
    assert_snapshot!(json(&joined), @r#"{"room":"rust","users":3,"tail":7}"#);
    assert_snapshot!(json(&Left::new(room.clone())), @r#"{"room":"rust"}"#);
    assert_eq!(chat_core::event::room_from_event(r#"["join","rust",{"new":1},5]"#), Ok(room));
    for event in [
        r#"["join"]"#,
        r#"["join",null]"#,
        r#"["join",5]"#,
        r#"["join",""]"#,
        r#"["join"," x"]"#,
        "",
    ] {
        let refusal = chat_core::event::room_from_event(event).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::InvalidArguments, "{event}");
    }
}

#[test]
fn a_handshake_that_makes_no_sense_is_one_from_the_beginning() {
    for auth in [
        "{}",
        r#"{"serverOffset":null}"#,
        r#"{"serverOffset":"five"}"#,
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
    let messages = vec![message(), bare_message(), private_message()];
    let body = FrameBody::Appended { epoch: epoch(), after: offset(6), tail: offset(9), messages };
    Frame::new(NodeId::from_random([0xab; 8]), body)
}

#[test]
fn a_frame() {
    assert_snapshot!(
        String::from_utf8(frame().encode()).unwrap(),
        @r#"{"v":1,"node":"abababababababab","type":"appended","epoch":"5f0c3b2a9d8e7f61","after":6,"tail":9,"messages":[{"offset":7,"room":"general","content":"héllo \"you\"","clientOffset":"a-1","from":"Ada","author":-9,"user":11,"at":1700000000000},{"offset":7,"room":"general","content":""},{"offset":7,"private":{"from":5,"to":9223372036854775807,"nickname":"Bob"},"content":"a\u0000b","clientOffset":"a-1","from":"Ada","author":-9,"user":11,"at":1700000000000}]}"#
    );
}

#[test]
fn a_frame_with_an_event_of_an_application() {
    let new = NewMessage::event(RoomId::general(), "order \"updated\"".parse().unwrap(), &[1, 2]);
    let mut event = Message::from_new(offset(7), new.unwrap());
    event.at = None;
    let body = FrameBody::Appended {
        epoch: epoch(),
        after: offset(6),
        tail: offset(7),
        messages: vec![event],
    };
    let frame = Frame::new(NodeId::from_random([0xab; 8]), body);
    assert_snapshot!(
        String::from_utf8(frame.encode()).unwrap(),
        @r#"{"v":1,"node":"abababababababab","type":"appended","epoch":"5f0c3b2a9d8e7f61","after":6,"tail":7,"messages":[{"offset":7,"room":"general","content":"[1,2]","kind":{"event":"order \"updated\""}}]}"#
    );
    assert_eq!(Frame::decode(&frame.encode()).unwrap(), frame);
}

#[test]
fn a_frame_about_a_session() {
    let generation = 1_700_000_000_000_000_001;
    let body = FrameBody::SessionTaken { session: "00ff".into(), generation };
    let frame = Frame::new(NodeId::from_random([0xab; 8]), body);
    assert_snapshot!(
        String::from_utf8(frame.encode()).unwrap(),
        @r#"{"v":1,"node":"abababababababab","type":"sessionTaken","session":"00ff","generation":1700000000000000001}"#
    );
    assert_eq!(Frame::decode(&frame.encode()).unwrap(), frame);
}

#[test]
fn a_frame_about_access() {
    let written = |scope| {
        let body = FrameBody::AccessChanged { scope };
        let frame = Frame::new(NodeId::from_random([0xab; 8]), body);
        assert_eq!(Frame::decode(&frame.encode()).unwrap(), frame);
        String::from_utf8(frame.encode()).unwrap()
    };
    assert_snapshot!(written(AccessScope::Everything), @r#"{"v":1,"node":"abababababababab","type":"accessChanged","scope":"everything"}"#);
    assert_snapshot!(written(AccessScope::Room(RoomId::general())), @r#"{"v":1,"node":"abababababababab","type":"accessChanged","scope":{"room":"general"}}"#);
    assert_snapshot!(written(AccessScope::User(UserId::from_stored(12))), @r#"{"v":1,"node":"abababababababab","type":"accessChanged","scope":{"user":12}}"#);
}

#[test]
fn a_frame_read_back_is_the_same() {
    // The empty content of an old log is not taken from a client, but it is from another node.
    assert_eq!(Frame::decode(&frame().encode()).unwrap(), frame());
}

#[test]
fn a_frame_without_messages_says_the_same_of_the_log_and_is_short() {
    let notification = frame().without_messages().into_owned();
    let body =
        FrameBody::Appended { epoch: epoch(), after: offset(6), tail: offset(9), messages: vec![] };
    assert_eq!(notification, Frame::new(frame().node, body));
    assert!(notification.encode().len() < 200);
    assert_eq!(*notification.without_messages(), notification);
}

#[test]
fn a_frame_of_a_node_that_knows_no_authors_is_read() {
    let text = String::from_utf8(frame().encode()).unwrap().replace(r#""author":-9,"#, "");
    let FrameBody::Appended { messages, .. } = Frame::decode(text.as_bytes()).unwrap().body else {
        panic!("the log has grown")
    };
    let mut expected = message();
    expected.author = None;
    assert_eq!(messages[0], expected);
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
    let text = String::from_utf8(frame().encode()).unwrap();
    let other = Frame::decode(text.replacen(r#""v":1"#, r#""v":2"#, 1).as_bytes());
    assert!(matches!(other, Err(FrameError::Version { found: 2 })));
}

#[test]
fn a_frame_with_a_message_for_nobody_or_for_a_room_and_two_users_is_damaged() {
    let text = String::from_utf8(frame().encode()).unwrap();
    let private = r#""private":{"from":5,"to":6,"nickname":"Bob"}"#;
    for audience in ["", &format!(r#""room":"general",{private},"#)] {
        let damaged = text.replacen(r#""room":"general","#, audience, 1);
        assert!(matches!(Frame::decode(damaged.as_bytes()), Err(FrameError::Malformed(_))));
    }
}

#[test]
fn a_recovery_offset() {
    let position = RecoveryOffset::new(epoch(), offset(12));
    assert_snapshot!(position, @"5f0c3b2a9d8e7f61-12");
    assert_eq!("5f0c3b2a9d8e7f61-12".parse(), Ok(position.clone()));
    let rewound = position.clone().after_rewinds(3);
    assert_snapshot!(rewound, @"5f0c3b2a9d8e7f61-12-3");
    assert_eq!("5f0c3b2a9d8e7f61-12-3".parse(), Ok(rewound));
    let position = position.with_tag("00c0ffee".parse().unwrap());
    assert_snapshot!(position, @"5f0c3b2a9d8e7f61-12-00c0ffee");
    assert_eq!("5f0c3b2a9d8e7f61-12-00c0ffee".parse(), Ok(position.clone()));
    let position = position.after_rewinds(3);
    assert_snapshot!(position, @"5f0c3b2a9d8e7f61-12-00c0ffee-3");
    assert_eq!("5f0c3b2a9d8e7f61-12-00c0ffee-3".parse(), Ok(position));
    let texts =
        ["", "-", "12", "a-", "-1", "a-+1", "a-01", "a--1", "é-1", "a-9007199254740992", "a-1-"];
    let rewinds = [
        "",
        "0",
        "01",
        "+1",
        "-1",
        "1-1",
        "4294967296",
        "0c0ffee",
        "00C0FFEE",
        "+0c0ffee",
        "00c0ffee-",
        "00c0ffee-0",
        "00c0ffee-1-1",
        "00c0ffee-00c0ffee",
    ];
    let rewinds = rewinds.map(|rewinds| format!("5f0c3b2a9d8e7f61-12-{rewinds}"));
    for text in texts.into_iter().chain(rewinds.iter().map(String::as_str)) {
        assert!(text.parse::<RecoveryOffset>().is_err(), "{text}");
    }
}

#[test]
fn offsets_end_where_javascript_numbers_do() {
    assert_eq!(Offset::MAX.as_u64(), 9_007_199_254_740_991);
    assert_eq!(Offset::MAX.next(), Offset::MAX);
    assert_eq!(Offset::ZERO.previous(), Offset::ZERO);
    assert!(Offset::new(1 << 53).is_err());
}

#[test]
fn an_answer_to_a_new_token() {
    let taken =
        TokenTaken::new("Ada".parse().unwrap(), Some(Timestamp::from_millis(1_700_000_000_500)));
    assert_snapshot!(json(&taken), @r#"{"nickname":"Ada","until":1700000000500}"#);
    let endless = TokenTaken::new("Ada".parse().unwrap(), None);
    assert_snapshot!(json(&endless), @r#"{"nickname":"Ada","until":null}"#);
}

#[test]
fn kept_rooms_and_their_members() {
    let room = KeptRoom {
        room: RoomId::general(),
        topic: "All of it".parse().unwrap(),
        visibility: Visibility::Private,
        posting: Posting::Moderators,
        users: 2,
        members: 3,
        role: Some(Role::Owner),
        unread: None,
    };
    let rooms = Rooms::new(vec![room], true);
    assert_snapshot!(json(&rooms), @r#"{"rooms":[{"room":"general","topic":"All of it","visibility":"private","posting":"moderators","users":2,"members":3,"role":"owner"}],"more":true}"#);
    assert_eq!(serde_json::from_str::<Rooms>(&json(&rooms)).unwrap(), rooms);
    let member = Member { user: Some(UserId::from_stored(11)), nickname: None, role: Role::Member };
    let members = Members::new(RoomId::general(), vec![member], false);
    assert_snapshot!(json(&members), @r#"{"room":"general","members":[{"user":"000000000000000b","nickname":null,"role":"member"}],"more":false}"#);
    assert_eq!(serde_json::from_str::<Members>(&json(&members)).unwrap(), members);
    let invitation = Invitation {
        id: InvitationId::from_hash([1; 8]),
        uses_left: 2,
        expires_at: Timestamp::from_millis(9),
        by: Some(UserId::from_stored(11)),
        nickname: Some("Ada".parse().unwrap()),
    };
    let invitations = Invitations::new(RoomId::general(), vec![invitation]);
    assert_snapshot!(json(&invitations), @r#"{"room":"general","invitations":[{"id":"0101010101010101","usesLeft":2,"expiresAt":9,"by":"000000000000000b","nickname":"Ada"}]}"#);
    assert_eq!(serde_json::from_str::<Invitations>(&json(&invitations)).unwrap(), invitations);
    let invited = Invited::new(LinkCode::from_random([7; 10]), Timestamp::from_millis(9));
    assert_snapshot!(json(&invited), @r#"{"code":"77777-77777","expiresAt":9}"#);
    assert_snapshot!(json(&Moderated::new(true)), @r#"{"changed":true}"#);
    let topic = "All of it".parse().unwrap();
    let changed = RoomChanged::new(RoomId::general(), topic, Visibility::Public, Posting::Members);
    assert_snapshot!(
        json(&changed),
        @r#"{"room":"general","topic":"All of it","visibility":"public","posting":"members"}"#
    );
    assert_eq!(serde_json::from_str::<RoomChanged>(&json(&changed)).unwrap(), changed);
}

#[test]
fn what_moderators_have_done() {
    let entry = LogEntry {
        number: 3,
        at: Timestamp::from_millis(1_700_000_000_000),
        by: Some(UserId::from_stored(11)),
        by_nickname: Some("Ada".parse().unwrap()),
        action: AccessAction::SetRole,
        room: Some("general".to_owned()),
        user: Some(UserId::from_stored(12)),
        nickname: None,
        address: None,
        role: Some(Role::Moderator),
        until: None,
        reason: Some("she helps".parse().unwrap()),
    };
    let log = ModerationLog::new(vec![entry], true);
    assert_snapshot!(json(&log), @r#"{"entries":[{"number":3,"at":1700000000000,"by":"000000000000000b","byNickname":"Ada","action":"setRole","room":"general","user":"000000000000000c","nickname":null,"address":null,"role":"moderator","until":null,"reason":"she helps"}],"more":true}"#);
    assert_eq!(serde_json::from_str::<ModerationLog>(&json(&log)).unwrap(), log);
}

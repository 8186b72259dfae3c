//! What a client may ask for, in every form, and with which code what is none is refused.

#![allow(clippy::unwrap_used)]

use chat_core::RefusalCode::*;
use chat_core::event::{
    CHAT_MESSAGE, ChatMessage, HistoryOf, HistoryRequest, Join, NicknameRequest, PRIVATE_MESSAGE,
    PrivateMessage, Typing, room_from_event, token_from_event,
};
use chat_core::{Ack, Answer, Content, Nickname, Offset, Refusal, RefusalCode, RoomId};
use serde::Serialize;

fn offset(number: u64) -> Offset {
    Offset::new(number).unwrap()
}

fn nickname(name: &str) -> Nickname {
    name.parse().unwrap()
}

fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

/// None of these is what `read` takes; the message says why, and is short.
fn assert_refused<T: std::fmt::Debug>(
    read: impl Fn(&str) -> Result<T, Refusal>,
    events: &[(&str, RefusalCode)],
) {
    let huge = format!(r#"["x","{}"]"#, "x".repeat(10_000_000));
    let nested = format!(r#"["x",{}1{}]"#, "[".repeat(5000), "]".repeat(5000));
    let broken = ["", "5", "{}", "null", r#"["x","#, r#"["x"]"#, r#"["x",null]"#, &nested];
    let broken = broken.map(|event| (event, InvalidArguments));
    for (event, code) in events.iter().chain(&broken).chain(&[(&*huge, InvalidContent)]) {
        let refusal = read(event).unwrap_err();
        assert_eq!(refusal.code, *code, "{}: {refusal:?}", &event[..event.len().min(60)]);
        assert!((10..200).contains(&refusal.message.len()), "{refusal:?}");
    }
}

/// Names that nobody can have.
fn bad_nicknames() -> Vec<String> {
    let long = "x".repeat(10_000);
    [
        "",
        " ",
        r"\u0000",
        r"a\u0000b",
        r"a\nb",
        r"a\u202eb",
        r"a\u200bb",
        r"\u00a0",
        r"\u2800",
        r"\u0301",
        &long,
    ]
    .map(str::to_owned)
    .into()
}

#[test]
fn a_private_message_in_every_form() {
    let parse = |json: &str| PrivateMessage::from_event(json).unwrap();
    let alone = parse(r#"["private message","Bob","hi"]"#);
    assert_eq!((&alone.to, alone.content.as_str()), (&nickname("Bob"), "hi"));
    assert_eq!(alone.client_offset, None);
    let keyed = parse(r#"["private message"," Bob  B ","\u0000","a-1",{"new":1},5]"#);
    assert_eq!((&keyed.to, keyed.content.as_str()), (&nickname("Bob B"), "\0"));
    assert_eq!(keyed.client_offset, Some("a-1".parse().unwrap()));
    assert_eq!(parse(r#"["private message","Bob","hi",null]"#), alone);
    let reply = parse(r#"["private message","Bob","hi",null,{"replyTo":7}]"#);
    assert_eq!(reply.reply_to, Some(offset(7)));
    assert_eq!(parse(r#"["private message","Bob","hi",{"replyTo":7}]"#), reply);
}

#[test]
fn what_is_no_private_message_is_refused_with_a_code() {
    let long = format!(r#"["x","Bob","{}"]"#, "x".repeat(Content::MAX_BYTES + 1));
    let long_key = format!(r#"["x","Bob","hi","{}"]"#, "x".repeat(257));
    assert_refused(
        PrivateMessage::from_event,
        &[
            (r#"["x","Bob"]"#, InvalidArguments),
            (r#"["x",null,"hi"]"#, InvalidArguments),
            (r#"["x",5,"hi"]"#, InvalidArguments),
            (r#"["x",["Bob"],"hi"]"#, InvalidArguments),
            (r#"["x","Bob",null]"#, InvalidArguments),
            (r#"["x","Bob",5]"#, InvalidArguments),
            (r#"["x","Bob",{"a":1}]"#, InvalidArguments),
            (r#"["x","Bob","hi",5]"#, InvalidArguments),
            (r#"["x","Bob","hi",{"room":"a"}]"#, InvalidArguments),
            (r#"["x","Bob","hi",{"replyTo":7},{"replyTo":7}]"#, InvalidArguments),
            (r#"["x","\ud800","hi"]"#, InvalidArguments),
            (r#"["x","Bob","hi","\ud800"]"#, InvalidArguments),
            (r#"["x","Bob",""]"#, InvalidContent),
            (&long, InvalidContent),
            (r#"["x","Bob","hi",""]"#, InvalidClientOffset),
            (r#"["x","Bob","hi","a\n"]"#, InvalidClientOffset),
            (&long_key, InvalidClientOffset),
        ],
    );
    for name in bad_nicknames() {
        let event = format!(r#"["x","{name}","hi"]"#);
        assert_refused(PrivateMessage::from_event, &[(&event, InvalidNickname)]);
    }
}

#[test]
fn a_nickname_request_in_every_form() {
    let parse = |json: &str| NicknameRequest::from_event(json).unwrap();
    let alone = parse(r#"["nickname","Ada"]"#);
    assert_eq!(alone, NicknameRequest::new(nickname("Ada")));
    assert_eq!(parse(r#"["nickname"," Ada ",null,5]"#), alone);
    let invited = parse(r#"["nickname","Ada",null,{"invitation":"7f3kq-0m2zd"}]"#);
    assert_eq!(invited, alone.clone().with_invitation("7F3KQ-0M2ZD".parse().unwrap()));
    let labelled = parse(r#"["nickname","Ada",null,{"label":"the desk"}]"#);
    assert_eq!(labelled, alone.with_label("the desk".to_owned().try_into().unwrap()));
    let with_token = parse(r#"["nickname","Ada","secret"]"#);
    assert_eq!(with_token.token.unwrap().as_str(), "secret");
}

#[test]
fn what_is_no_nickname_request_is_refused_with_a_code() {
    let long = format!(r#"["x","Ada","{}"]"#, "x".repeat(8193));
    assert_refused(
        NicknameRequest::from_event,
        &[
            (r#"["x",5]"#, InvalidArguments),
            (r#"["x",{"name":"Ada"}]"#, InvalidArguments),
            (r#"["x","Ada",5]"#, InvalidArguments),
            (r#"["x","Ada",{}]"#, InvalidArguments),
            (r#"["x","Ada",null,{"invitation":5}]"#, InvalidArguments),
            (r#"["x","Ada",null,{"invitation":"x"}]"#, InvalidCode),
            (r#"["x","Ada",null,{"label":5}]"#, InvalidArguments),
            (r#"["x","Ada",null,{"label":""}]"#, InvalidArguments),
            (r#"["x","Ada",""]"#, InvalidToken),
            (&long, InvalidToken),
        ],
    );
    for name in bad_nicknames() {
        let event = format!(r#"["x","{name}"]"#);
        assert_refused(NicknameRequest::from_event, &[(&event, InvalidNickname)]);
    }
}

#[test]
fn a_history_request_in_every_form() {
    let parse = |json: &str| HistoryRequest::from_event(json).unwrap();
    let general = HistoryOf::Room(RoomId::general());
    let request = parse(r#"["history",{"room":"general"}]"#);
    assert_eq!(request, HistoryRequest::new(general.clone()));
    let nulls = r#"["history",{"room":"general","with":null,"before":null,"limit":null},5]"#;
    assert_eq!(parse(nulls), request);
    let full = parse(r#"["history",{"room":"general","before":7,"limit":200,"new":[1]}]"#);
    assert_eq!(full, HistoryRequest::new(general).with_before(offset(7)).with_limit(200));
    let with = parse(r#"["history",{"with":" Bob ","before":0,"limit":1}]"#);
    let of = HistoryOf::With(nickname("Bob"));
    assert_eq!(with, HistoryRequest::new(of).with_before(Offset::ZERO).with_limit(1));
}

#[test]
fn what_is_no_history_request_is_refused_with_a_code() {
    assert_refused(
        HistoryRequest::from_event,
        &[
            (r#"["x","general"]"#, InvalidArguments),
            (r#"["x",["general"]]"#, InvalidArguments),
            (r#"["x",{}]"#, InvalidArguments),
            (r#"["x",{"room":"a","with":"Bob"}]"#, InvalidArguments),
            (r#"["x",{"room":5}]"#, InvalidArguments),
            (r#"["x",{"room":""}]"#, InvalidArguments),
            (r#"["x",{"room":"a\u202eb"}]"#, InvalidArguments),
            (r#"["x",{"with":5}]"#, InvalidArguments),
            (r#"["x",{"room":"a","before":-1}]"#, InvalidArguments),
            (r#"["x",{"room":"a","before":1.5}]"#, InvalidArguments),
            (r#"["x",{"room":"a","before":"five"}]"#, InvalidArguments),
            (r#"["x",{"room":"a","before":9007199254740992}]"#, InvalidArguments),
            (r#"["x",{"room":"a","limit":0}]"#, InvalidArguments),
            (r#"["x",{"room":"a","limit":201}]"#, InvalidArguments),
            (r#"["x",{"room":"a","limit":-5}]"#, InvalidArguments),
            (r#"["x",{"room":"a","limit":"five"}]"#, InvalidArguments),
        ],
    );
    for name in bad_nicknames() {
        let event = format!(r#"["x",{{"with":"{name}"}}]"#);
        assert_refused(HistoryRequest::from_event, &[(&event, InvalidNickname)]);
    }
}

#[test]
fn joining_in_every_form() {
    let parse = |json: &str| Join::from_event(json).unwrap();
    let join = parse(r#"["join","rust"]"#);
    assert_eq!(join, Join::new(room("rust")));
    for same in
        [r#"["join","rust",null]"#, r#"["join","rust",{},1]"#, r#"["join","rust",{"after":null}]"#]
    {
        assert_eq!(parse(same), join);
    }
    let after = |json| parse(json).after;
    assert_eq!(after(r#"["join","rust",{"after":0}]"#), Some(Offset::ZERO));
    assert_eq!(after(r#"["join","rust",{"after":7,"new":true}]"#), Some(offset(7)));
}

#[test]
fn what_is_no_joining_is_refused_with_a_code() {
    let long = format!(r#"["x","{}"]"#, "x".repeat(257));
    assert_refused(
        Join::from_event,
        &[
            (r#"["x",5]"#, InvalidArguments),
            (r#"["x",["rust"]]"#, InvalidArguments),
            (r#"["x",""]"#, InvalidArguments),
            (r#"["x"," rust"]"#, InvalidArguments),
            (r#"["x","a\u0000b"]"#, InvalidArguments),
            (r#"["x","a\u202eb"]"#, InvalidArguments),
            (r#"["x","a\u2028b"]"#, InvalidArguments),
            (&long, InvalidArguments),
            (r#"["x","rust",5]"#, InvalidArguments),
            (r#"["x","rust",[5]]"#, InvalidArguments),
            (r#"["x","rust",{"after":-1}]"#, InvalidArguments),
            (r#"["x","rust",{"after":"five"}]"#, InvalidArguments),
        ],
    );
}

#[test]
fn typing_is_said_with_the_room_and_whether() {
    assert_eq!(Typing::from_event(r#"["typing","rust",true]"#), Ok((room("rust"), true)));
    assert_eq!(Typing::from_event(r#"["typing","rust",false,5]"#), Ok((room("rust"), false)));
    assert_refused(
        Typing::from_event,
        &[
            (r#"["x","rust"]"#, InvalidArguments),
            (r#"["x","rust",null]"#, InvalidArguments),
            (r#"["x","rust",1]"#, InvalidArguments),
            (r#"["x","rust","true"]"#, InvalidArguments),
            (r#"["x",true,"rust"]"#, InvalidArguments),
            (r#"["x","",true]"#, InvalidArguments),
        ],
    );
}

/// The text of an event with these arguments.
fn event(name: &str, arguments: &impl Serialize) -> String {
    let arguments = serde_json::to_string(arguments).unwrap();
    format!(r#"["{name}",{}"#, &arguments[1..])
}

#[test]
fn what_a_client_writes_is_what_the_server_reads() {
    for client_offset in [None, Some("a \"1\"".parse().unwrap())] {
        for target in [None, Some(room("\"rust\""))] {
            let mut message = ChatMessage::new("two\n\"lines\"\0".parse().unwrap());
            message.client_offset = client_offset.clone();
            message.options.room = target;
            assert_eq!(ChatMessage::from_event(&event(CHAT_MESSAGE, &message)), Ok(message));
        }
        let (to, content) = (nickname("Bob \\ B"), "hi".parse().unwrap());
        let mut message = PrivateMessage::new(to, content);
        message.client_offset = client_offset;
        assert_eq!(PrivateMessage::from_event(&event(PRIVATE_MESSAGE, &message)), Ok(message));
    }
}

#[test]
fn an_answer_is_a_result_or_a_refusal() {
    let read = |json: &str| serde_json::from_str::<Answer>(json);
    let ack = Ack::new(offset(7), true);
    assert_eq!(read(r#"{"offset":7,"duplicate":true}"#).unwrap(), Answer::Done(ack));
    let refusal = Refusal::new(NotInRoom, "join it first");
    let json = serde_json::to_string(&refusal).unwrap();
    assert_eq!(read(&json).unwrap().into_result(), Err(refusal.clone()));
    // Whatever else a type may be read from.
    let anything: Answer<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(anything, Answer::Refused(refusal.clone()));
    assert_eq!(refusal.to_string(), "join it first");
    assert!(read("{}").is_err());
    assert!(read("null").is_err());
}

/// A message that was cut within an emoji: `"hello 😀".slice(0, 7)`. Written as UTF-8 it would be the same.
#[test]
fn half_a_character_of_a_message_is_replaced() {
    let whole = "hello 😀 \u{fffd}\u{fffd} é";
    for cut in [r"hello \ud83d\ude00 \ud83d\ud83d é", r"hello 😀 \udc00\ude00 \u00e9"] {
        let chat = ChatMessage::from_event(&format!(r#"["x","{cut}","a-1"]"#)).unwrap();
        assert_eq!(chat.content.as_str(), whole);
        assert_eq!(chat.client_offset, Some("a-1".parse().unwrap()));
        let private = PrivateMessage::from_event(&format!(r#"["x","Bob","{cut}"]"#)).unwrap();
        assert_eq!(private.content.as_str(), whole);
    }
    let longest = format!(r#"["x","{}\ud83d"]"#, "x".repeat(Content::MAX_BYTES - 3));
    assert!(ChatMessage::from_event(&longest).is_ok());
    let longer = longest.replacen('x', "xx", 2);
    assert_eq!(ChatMessage::from_event(&longer).unwrap_err().code, InvalidContent);
}

#[test]
fn options_may_come_in_the_place_of_a_client_offset() {
    let parse = |json: &str| ChatMessage::from_event(json).unwrap();
    let whole = parse(r#"["chat message","hi",null,{"room":"rust"}]"#);
    assert_eq!(parse(r#"["chat message","hi",{"room":"rust"}]"#), whole);
    assert_eq!(parse(r#"["chat message","hi",{"room":"rust"},null]"#), whole);
    assert_refused(
        ChatMessage::from_event,
        &[
            (r#"["x","hi",{"room":"a"},{"room":"b"}]"#, InvalidArguments),
            (r#"["x","hi",{}]"#, InvalidArguments),
            (r#"["x","hi",{"_placeholder":true,"num":0}]"#, InvalidArguments),
            (r#"["x","hi",{"room":"a"},"a-1"]"#, InvalidArguments),
            (r#"["x","hi",{"room":""}]"#, InvalidArguments),
            (r#"["x","hi",["a"]]"#, InvalidArguments),
        ],
    );
}

/// Also for a value inside of another one.
#[test]
fn a_refusal_says_what_is_wrong() {
    fn reason<T: std::fmt::Debug>(read: impl Fn(&str) -> Result<T, Refusal>, json: &str) -> String {
        read(json).unwrap_err().message
    }
    let chat = |json| reason(ChatMessage::from_event, json);
    let join = |json| reason(Join::from_event, json);
    let history = |json| reason(HistoryRequest::from_event, json);
    let typing = |json| reason(Typing::from_event, json);
    let private = |json| reason(PrivateMessage::from_event, json);
    let named = |json| reason(NicknameRequest::from_event, json);
    let room = |json| reason(room_from_event, json);
    for (reason, says) in [
        (chat(r#"["x","hi",null,{"room":" general "}]"#), "begin or end with white space"),
        (chat(r#"["x","hi",{"room":" general "}]"#), "begin or end with white space"),
        (chat(r#"["x","hi",null,{"room":""}]"#), "must not be empty"),
        (chat(r#"["x","hi",null,{"room":"\u2060"}]"#), "cannot be seen"),
        (chat(r#"["x","hi",null,{"room":"a\ud800"}]"#), "half a character"),
        (chat(r#"["x","hi",null,{"room":5}]"#), "`room` must be"),
        (chat(r#"["x","hi","\ud800"]"#), "half a character"),
        (chat(r#"["x","hi","a\nb"]"#), "control characters"),
        (join(r#"["x"," a"]"#), "begin or end with white space"),
        (join(r#"["x","\ufeff"]"#), "cannot be seen"),
        (join(r#"["x","a\ud800"]"#), "half a character"),
        (join(r#"["x","a",{"after":-1}]"#), "`after` must be"),
        (history(r#"["x",{"room":"a "}]"#), "begin or end with white space"),
        (history(r#"["x",{"with":"\u2800"}]"#), "cannot be seen"),
        (history(r#"["x",{"with":5}]"#), "`with` must be"),
        (history(r#"["x",{"room":"a","before":"five"}]"#), "`before` must be"),
        (history(r#"["x",{"room":"a","limit":"five"}]"#), "`limit` must be"),
        (typing(r#"["x"," a",true]"#), "begin or end with white space"),
        (room(r#"["x","\u200b"]"#), "cannot be seen"),
        (room(r#"["x","a\ude00"]"#), "half a character"),
        (private(r#"["x","Bob\ud800","hi"]"#), "half a character"),
        (private(r#"["x","Ada\u2800","hi"]"#), "cannot be seen"),
        (named(r#"["x","\u0301"]"#), "before any accent"),
        (named(r#"["x","Ada","a\ud800"]"#), "half a character"),
    ] {
        assert!(reason.contains(says), "{reason} | {says}");
    }
}

#[test]
fn a_new_token_is_a_string() {
    assert_eq!(token_from_event(r#"["token","a.b.c",5]"#).unwrap().as_str(), "a.b.c");
    let long = format!(r#"["token","{}"]"#, "x".repeat(8193));
    assert_refused(
        token_from_event,
        &[
            (r#"["token"]"#, InvalidArguments),
            (r#"["token",null]"#, InvalidArguments),
            (r#"["token",{"token":"a.b.c"}]"#, InvalidArguments),
            (r#"["token",""]"#, InvalidToken),
            (&long, InvalidToken),
        ],
    );
}

#[test]
fn all_codes_are_all_that_there_are() {
    let all: Vec<_> = RefusalCode::all().collect();
    // They are numbered in their order, and this is the last one.
    assert_eq!(all.len(), RefusalCode::Unknown as usize + 1);
    assert!(all.iter().enumerate().all(|(number, code)| *code as usize == number), "{all:?}");
}

//! The arguments of each event, as the server reads them. The first byte chooses the event.
#![no_main]

use std::borrow::Cow;

use chat_core::event::{
    ChatMessage, HistoryOf, HistoryRange, HistoryRequest, Join, MAX_EVENT_BYTES, Moment,
    NicknameRequest, PrivateMessage, Typing, event_name, mended_json, room_from_event,
};
use chat_core::{Refusal, RoomId};
use chat_fuzz::timed;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

/// Returns the text of an event with these arguments.
fn event(arguments: &impl Serialize) -> String {
    let Ok(Value::Array(mut arguments)) = serde_json::to_value(arguments) else {
        panic!("arguments are no list")
    };
    arguments.insert(0, "event".into());
    Value::Array(arguments).to_string()
}

/// Reads an event. With more arguments than any event has, it has to be the same.
fn read<T: std::fmt::Debug + PartialEq>(
    text: &str,
    from_event: impl Fn(&str) -> Result<T, Refusal>,
) -> Option<T> {
    let read = from_event(text);
    if let Ok(mut arguments) = serde_json::from_str::<Vec<&RawValue>>(text) {
        let null = to_raw_value(&Value::Null).expect("JSON");
        while arguments.len() < 6 {
            arguments.push(&null);
        }
        let text = serde_json::to_string(&arguments).expect("JSON");
        if text.len() <= MAX_EVENT_BYTES {
            assert_eq!(from_event(&text), read, "extra arguments are ignored");
        }
    } else {
        assert!(read.is_err(), "something is read that is no list");
    }
    if let Err(refusal) = &read {
        let written = serde_json::to_string(refusal).expect("JSON");
        assert!(written.len() < 1024, "a refusal repeats what was sent: {written}");
    }
    read.ok()
}

fn mended(text: &str) {
    let mended = mended_json(text);
    assert_eq!(mended_json(&mended), mended, "it is mended only once");
    assert!(mended.len() <= text.len(), "it grows");
    if serde_json::from_str::<Value>(text).is_ok() {
        assert!(matches!(mended, Cow::Borrowed(_)), "something is mended that was whole");
    }
}

fuzz_target!(|data: &[u8]| {
    timed(data, || {
        let Some((&kind, text)) = data.split_first() else { return };
        let Ok(text) = str::from_utf8(text) else { return };
        match kind % 9 {
            0 => {
                if let Some(message) = read(text, ChatMessage::from_event) {
                    assert_eq!(ChatMessage::from_event(&event(&message)), Ok(message));
                }
            }
            1 => {
                if let Some(message) = read(text, PrivateMessage::from_event) {
                    assert_eq!(PrivateMessage::from_event(&event(&message)), Ok(message));
                }
            }
            2 => {
                if let Some(join) = read(text, Join::from_event) {
                    let arguments = json!([join.room, { "after": join.after }]);
                    assert_eq!(Join::from_event(&event(&arguments)), Ok(join));
                }
            }
            3 => {
                if let Some(room) = read(text, room_from_event) {
                    assert_eq!(room_from_event(&event(&[&room])), Ok(room.clone()));
                    assert_eq!(room.as_str().parse::<RoomId>(), Ok(room));
                }
            }
            4 => {
                if let Some(request) = read(text, NicknameRequest::from_event) {
                    let options = json!({ "invitation": request.invitation, "label": request.label });
                    let arguments = json!([request.nickname, request.token, options]);
                    let again = NicknameRequest::from_event(&event(&arguments));
                    assert_eq!(again, Ok(request.clone()));
                    let nickname = request.nickname;
                    let again = nickname.as_str().parse::<chat_core::Nickname>();
                    let again = again.expect("a nickname is one");
                    assert_eq!((again.key(), &again), (nickname.key(), &nickname));
                }
            }
            5 => {
                if let Some(request) = read(text, HistoryRequest::from_event) {
                    assert!((1..=HistoryRequest::MAX_LIMIT).contains(&request.limit));
                    let (room, with) = match &request.of {
                        HistoryOf::Room(room) => (Some(room), None),
                        HistoryOf::With(nickname) => (None, Some(nickname)),
                    };
                    let mut options = json!({ "room": room, "with": with, "limit": request.limit });
                    let moment = |moment| match moment {
                        Moment::Offset(offset) => json!(offset),
                        Moment::Time(at) => json!({ "at": at }),
                    };
                    match request.range {
                        HistoryRange::Newest => {}
                        HistoryRange::Before(at) => options["before"] = moment(at),
                        HistoryRange::After(at) => options["after"] = moment(at),
                        HistoryRange::Around(at) => options["around"] = moment(at),
                    }
                    assert_eq!(HistoryRequest::from_event(&event(&[options])), Ok(request));
                }
            }
            6 => {
                if let Some((room, typing)) = read(text, Typing::from_event) {
                    let arguments = json!([room, typing]);
                    assert_eq!(Typing::from_event(&event(&arguments)), Ok((room, typing)));
                }
            }
            7 => {
                event_name(text);
            }
            _ => mended(text),
        }
    });
});

//! Which names of rooms are the same, and what is kept about a room.

#![allow(clippy::unwrap_used)]

use chat_core::{
    AccessAction, Nickname, ParseError, Posting, Reason, Role, RoomId, SanctionKind, Topic,
    Visibility,
};
use proptest::prelude::*;

fn key(name: &str) -> String {
    name.parse::<RoomId>().unwrap().key().as_str().to_owned()
}

#[test]
fn names_that_differ_in_case_width_or_spaces_are_the_same() {
    for name in ["release party", "Release Party", "release   PARTY", "ｒｅｌｅａｓｅ party"]
    {
        assert_eq!(key(name), "release party", "{name}");
    }
    assert_ne!(key("general"), key("generai"));
    assert_ne!(key("cafe"), key("café"));
    assert_eq!(key("cafe\u{301}"), key("CAFÉ"));
}

#[test]
fn a_key_is_never_empty() {
    for name in ["", " ", "\u{fe0f}", "\u{3000}\u{fe0e}"] {
        assert!(!RoomId::from_stored(name).key().as_str().is_empty(), "{name:?}");
    }
}

#[test]
fn a_room_keeps_its_exact_name() {
    let [one, other]: [RoomId; 2] = ["General", "general"].map(|name| name.parse().unwrap());
    assert_ne!(one, other);
    assert_eq!(one.key(), other.key());
}

proptest! {
    #[test]
    fn names_of_rooms_compare_as_nicknames_do(name in "\\PC{1,40}") {
        if let (Ok(room), Ok(nickname)) = (name.parse::<RoomId>(), name.parse::<Nickname>()) {
            let key = room.key();
            prop_assert_eq!(key.as_str(), nickname.key().as_str().to_owned());
        }
    }
}

#[test]
fn roles_are_ordered() {
    assert!(Role::Member < Role::Moderator && Role::Moderator < Role::Owner);
}

#[test]
fn names_are_lower_case_texts_and_others_are_refused() {
    let json = |value| serde_json::to_string(&value).unwrap();
    assert_eq!(json(Role::Moderator), r#""moderator""#);
    assert_eq!(serde_json::to_string(&Visibility::Private).unwrap(), r#""private""#);
    assert_eq!(serde_json::from_str::<Posting>(r#""members""#).unwrap(), Posting::Members);
    assert_eq!(serde_json::from_str::<SanctionKind>(r#""mute""#).unwrap(), SanctionKind::Mute);
    for wrong in [r#""Member""#, r#""admin""#, r#""""#, "1", "null"] {
        assert!(serde_json::from_str::<Role>(wrong).is_err(), "{wrong}");
    }
    let error = "none".parse::<Visibility>().unwrap_err();
    assert_eq!(error.to_string(), "the visibility of a room must be public, private or deleted");
    for action in AccessAction::ALL {
        assert_eq!(action.as_str().parse(), Ok(*action));
    }
}

#[test]
fn topics_and_reasons_are_short_and_visible() {
    assert_eq!("  all about ❤️ ".parse::<Topic>().unwrap().as_str(), "all about ❤️");
    assert_eq!("".parse::<Topic>().unwrap(), Topic::default());
    assert!("x".repeat(512).parse::<Topic>().is_ok());
    let too_long = "x".repeat(513).parse::<Reason>().unwrap_err();
    assert!(matches!(too_long, ParseError::TooLong { bytes: 513, max: 512, .. }));
    for hidden in ["two\nlines", "a\0b", "right\u{202e}left"] {
        assert_eq!(hidden.parse::<Topic>(), Err(ParseError::Hidden { what: "a topic" }));
    }
    assert!(serde_json::from_str::<Topic>(r#""a\u0000b""#).is_err());
}

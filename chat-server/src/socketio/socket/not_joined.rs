use std::collections::BTreeSet;

use chat_core::event::{NotJoined, RoomNotJoined};
use chat_core::{Refusal, RefusalCode, RoomId};
use serde_json::Value as Json;

/// Maximum number of characters repeated from an invalid room name.
const SHOWN_CHARS: usize = 100;

/// Which of the rooms in `auth` a client is not in, and why; none when it is in all of them.
pub(crate) fn not_joined(rooms: &Json, max_rooms: usize) -> Option<NotJoined> {
    let mut joined = BTreeSet::new();
    let mut refuse = |room: &Json| {
        let refusal = match room {
            Json::String(text) => match text.parse::<RoomId>() {
                Ok(room) => {
                    joined.insert(room);
                    if joined.len() <= max_rooms {
                        return None;
                    }
                    let message = format!("{max_rooms} rooms are the most");
                    Refusal::new(RefusalCode::TooManyRooms, message)
                }
                Err(error) => Refusal::invalid(RefusalCode::InvalidArguments, error),
            },
            _ => Refusal::new(RefusalCode::InvalidArguments, "a room must be a string"),
        };
        let shown = room.as_str().map_or_else(|| room.to_string(), ToOwned::to_owned);
        Some(RoomNotJoined::new(shown.chars().take(SHOWN_CHARS).collect(), refusal))
    };
    let rooms: Vec<_> = match rooms {
        Json::Null => Vec::new(),
        Json::Array(rooms) => {
            rooms.iter().filter_map(&mut refuse).take(NotJoined::MAX_ROOMS).collect()
        }
        other => {
            let message = "`rooms` must be a list of strings";
            let refusal = Refusal::new(RefusalCode::InvalidArguments, message);
            let shown = other.to_string().chars().take(SHOWN_CHARS).collect();
            vec![RoomNotJoined::new(shown, refusal)]
        }
    };
    (!rooms.is_empty()).then_some(NotJoined::new(rooms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(auth: &str) -> Vec<(String, RefusalCode)> {
        let auth: Json = serde_json::from_str(auth).unwrap();
        let rooms = not_joined(&auth["rooms"], 100).map_or_else(Vec::new, |told| told.rooms);
        rooms.into_iter().map(|one| (one.room, one.refusal.code)).collect()
    }

    #[test]
    fn rooms_that_are_none_and_those_too_many_are_named() {
        use RefusalCode::{InvalidArguments, TooManyRooms};
        for auth in ["{}", r#"{"rooms":null}"#, r#"{"rooms":[]}"#, r#"{"rooms":["general","a b"]}"#]
        {
            assert!(told(auth).is_empty(), "{auth}");
        }
        let long = "x".repeat(1000);
        let expected = ["support ", "", &long[..100], "7", "null"]
            .map(|room| (room.to_owned(), InvalidArguments));
        assert_eq!(
            told(&format!(r#"{{"rooms":["support ","general","","{long}",7,null]}}"#)),
            expected
        );
        assert_eq!(told(r#"{"rooms":"general"}"#), [("\"general\"".into(), InvalidArguments)]);
        let rooms: Vec<_> = (0..350).map(|n| format!("\"r{}\"", n / 2)).collect();
        let told = told(&format!(r#"{{"rooms":[{}]}}"#, rooms.join(",")));
        assert_eq!(told.len(), NotJoined::MAX_ROOMS);
        assert_eq!(told[0], ("r100".into(), TooManyRooms));
        let json = serde_json::to_string(&not_joined(&serde_json::json!(["a "]), 100)).unwrap();
        assert!(
            json.starts_with(
                r#"{"rooms":[{"room":"a ","error":{"code":"invalid_arguments","message":""#
            ),
            "{json}"
        );
    }
}

//! What a client says in `auth` when it connects.
#![no_main]

use chat_core::event::{Handshake, NotJoined, mended_json};
use chat_fuzz::timed;
use chat_server::bench::read_auth;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const MAX_ROOMS: usize = 3;

fuzz_target!(|data: &[u8]| {
    timed(data, || {
        let Ok(text) = str::from_utf8(data) else { return };
        let read = read_auth(text, MAX_ROOMS);
        let json: Option<Value> = serde_json::from_str(&mended_json(text)).ok();
        let Some((handshake, not_joined)) = read else {
            let is_too_large = text.starts_with("{\"tooLarge");
            assert!(json.is_none() || is_too_large, "it can be read, and the client is refused");
            return;
        };
        let json = json.expect("it cannot be read, and the client is not refused");
        // One field of the wrong type must not cost the client the others.
        if json.is_object() {
            let read: Handshake = serde_json::from_value(json).expect("no object is refused");
            assert_eq!(read, handshake);
        } else {
            assert_eq!(handshake, Handshake::default());
        }
        let written = serde_json::to_string(&handshake).expect("JSON");
        assert_eq!(serde_json::from_str::<Handshake>(&written).expect("a handshake"), handshake);
        if let Some(not_joined) = not_joined {
            assert!((1..=NotJoined::MAX_ROOMS).contains(&not_joined.rooms.len()));
            let written = serde_json::to_string(&not_joined).expect("JSON");
            assert_eq!(serde_json::from_str::<NotJoined>(&written).expect("rooms"), not_joined);
        }
    });
});

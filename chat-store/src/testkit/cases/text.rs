//! What comes back is what went in.

use chat_core::{ClientOffset, Content, Message, NewMessage, Nickname, Offset, RoomId, Timestamp};

use crate::Appended::Duplicate;
use crate::testkit::Backend;
use crate::testkit::samples::{append_one, from, in_room, keyed, message, offset, read_all};

/// Each optional one present and absent.
pub async fn every_field_comes_back_as_it_was(backend: &dyn Backend) {
    let store = backend.open().await;
    let full = in_room("a room", "a").with_client_offset("k".parse().unwrap());
    let full = from("ada", full);
    let batch = [
        full.with_at(Timestamp::from_millis(1_700_000_000_123)),
        message("b"),
        from("bob", message("c")).with_at(Timestamp::from_millis(-1)),
        keyed("l", "d").with_at(Timestamp::from_millis(0)),
    ];
    store.append(&batch).await.unwrap();
    let expected: Vec<_> = batch
        .into_iter()
        .zip(1..)
        .map(|(new, number)| Message::from_new(offset(number), new))
        .collect();
    assert_eq!(read_all(&*store).await, expected);
}

/// In one batch and alone, as content and, where it is allowed, as key, room and name.
pub async fn any_text_comes_back_as_it_was(backend: &dyn Backend) {
    let texts = [
        "\0",
        "before\0after",
        "\0\0 ends with a NUL \0",
        "😀 👩‍👩‍👧‍👦 🇺🇳",
        "שלום עולם \u{202e}dlrow",
        "\"double\" 'single' `back` \\ \\u0000 \\\" ''",
        "one\ntwo\r\nthree\ttabs\u{2028}\u{2029}",
        "'; DROP TABLE messages; --",
        "?1 $1 :name @name %s {} {{}}",
        "null",
        "0",
        "1e999",
        " leading and trailing ",
        "\u{feff}byte order mark",
        "\u{fffd}\u{ffff}\u{10ffff}",
        "e\u{301} é",
        "\u{1}\u{7f}\u{80}\u{85}",
        "[1,{\"a\":null}]",
    ];
    let store = backend.open().await;
    let batch: Vec<_> = texts.iter().map(|text| message(text)).collect();
    store.append(&batch).await.unwrap();
    let mut sent = batch.clone();
    for text in texts {
        // Names allow less than contents do.
        let name = text.replace(char::is_control, " ");
        let room = name.trim().parse().unwrap_or(RoomId::general());
        let mut new = NewMessage::new(room, text.parse().unwrap());
        (new.client_offset, new.from) = (Some(name.parse().unwrap()), name.trim().parse().ok());
        // Contents of control characters alone make the same key: only the first one counts.
        if sent.iter().all(|other| other.client_offset != new.client_offset) {
            append_one(&*store, &new).await;
            let again = append_one(&*store, &new).await;
            sent.push(new);
            assert_eq!(again, Duplicate(offset(sent.len())), "{text:?}");
        }
    }
    let messages = read_all(&*store).await;
    assert_eq!(messages.len(), sent.len());
    for (message, new) in messages.iter().zip(&sent) {
        assert_eq!(message.content.as_str(), new.content.as_str());
        assert_eq!(*message, Message::from_new(message.offset, new.clone()));
    }
}

/// In bytes of UTF-8, with characters that take up to six bytes in JSON.
pub async fn the_longest_texts_come_back_as_they_were(backend: &dyn Backend) {
    let store = backend.open().await;
    for unit in ["x", "é", "😀", "\"", "\u{1}", "\0"] {
        let name = if unit.chars().any(char::is_control) { "x" } else { unit };
        let fill = |unit: &str, bytes: usize| unit.repeat(bytes / unit.len());
        let room: RoomId = fill(name, RoomId::MAX_BYTES).parse().unwrap();
        let content = fill(unit, Content::MAX_BYTES).parse().unwrap();
        let mut new = NewMessage::new(room, content).with_from(longest_nickname(name));
        if name == unit {
            new.client_offset = Some(fill(name, ClientOffset::MAX_BYTES).parse().unwrap());
        }
        let offset = append_one(&*store, &new).await.offset().expect("an offset");
        let page = store.read_after(None, offset.previous(), 1).await.unwrap();
        assert_eq!(page.messages[0], Message::from_new(offset, new));
    }
    assert_eq!(store.tail().await.unwrap(), Offset::new(6).unwrap());
}

fn longest_nickname(unit: &str) -> Nickname {
    let count = Nickname::MAX_CHARACTERS.min(Nickname::MAX_BYTES / unit.len());
    unit.repeat(count).parse().unwrap()
}

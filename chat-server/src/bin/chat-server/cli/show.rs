//! How messages and rooms look in a terminal.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value as Json;

/// Returns the line of a message: offset, time, sender and text, or its JSON.
pub(super) fn message(message: &Json, json: bool) -> String {
    if json {
        return format!("{message}\n");
    }
    let at = message["at"].as_u64().map(|millis| {
        humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(millis)).to_string()
    });
    let (offset, at) = (&message["offset"], at.as_deref().unwrap_or("-"));
    let room = text(message["room"].as_str().unwrap_or_default());
    let from = text(message["from"].as_str().unwrap_or("anonymous"));
    let content = text(message["content"].as_str().unwrap_or_default());
    match message["event"].as_str() {
        Some(event) => format!("{offset} {at} {room} {from} [{}]: {content}\n", text(event)),
        None => format!("{offset} {at} {room} {from}: {content}\n"),
    }
}

/// Returns the line of a message that was found, as [`message`] with the part of the text that has it, or its JSON.
pub(super) fn hit(hit: &Json, json: bool) -> String {
    if json {
        return format!("{hit}\n");
    }
    let mut found = hit.clone();
    found["content"] = hit["text"].clone();
    message(&found, false)
}

/// Returns the line of a room: its name, and how many users are there, or its JSON.
pub(super) fn room(room: &Json, json: bool) -> String {
    if json {
        return format!("{room}\n");
    }
    format!("{}\t{}\n", text(room["room"].as_str().unwrap_or_default()), room["users"])
}

/// Returns a text so that it does nothing to a terminal: what controls it, or turns the direction of text, is escaped.
pub(super) fn text(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns(c) || matches!(c, '\u{2028}' | '\u{2029}') {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_one_line_and_does_nothing_to_a_terminal() {
        let sent = json!({
            "offset": 7, "room": "a", "from": null, "content": "x\u{1b}[2J\r\n\u{202e}é", "at": 1_000
        });
        let line = "7 1970-01-01T00:00:01Z a anonymous: x\\u{1b}[2J\\r\\n\\u{202e}é\n";
        assert_eq!(message(&sent, false), line);
        let event =
            json!({ "offset": 8, "room": "a", "from": "CI", "content": "{}", "event": "built" });
        assert_eq!(message(&event, false), "8 - a CI [built]: {}\n");
    }
}

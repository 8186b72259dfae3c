use chat_core::RecoveryOffset;
use serde::Serialize;

/// Writes a server-sent event.
///
/// Nothing of it has a line break: JSON escapes them, and neither ids nor names have one.
pub(super) fn write_event(
    chunk: &mut Vec<u8>,
    id: &RecoveryOffset,
    name: &str,
    data: &impl Serialize,
) -> Result<(), serde_json::Error> {
    let start = chunk.len();
    chunk.extend_from_slice(format!("id: {id}\nevent: {name}\ndata: ").as_bytes());
    if let Err(error) = serde_json::to_writer(&mut *chunk, data) {
        chunk.truncate(start);
        return Err(error);
    }
    chunk.extend_from_slice(b"\n\n");
    Ok(())
}

/// Returns a comment that keeps the connection alive, with the position: no client hears an event, and each resumes from
/// there.
pub(super) fn heartbeat(position: &RecoveryOffset) -> Vec<u8> {
    format!(": heartbeat\nid: {position}\n\n").into()
}

#[cfg(test)]
mod tests {
    use chat_core::event::HistoryMessage;
    use chat_core::{Epoch, Message, NewMessage, Offset, RoomId};

    use super::*;

    #[test]
    fn a_message_is_one_event_whatever_is_in_it() {
        let id = RecoveryOffset::new(Epoch::from_random([1; 8]), Offset::FIRST);
        let content = "a\nb\r\n\nid: 7\u{2028}\u{0}".parse().unwrap();
        let new = NewMessage::new(RoomId::general(), content);
        let message = HistoryMessage::from(Message::from_new(Offset::FIRST, new));
        let mut chunk = Vec::new();
        write_event(&mut chunk, &id, "message", &message).unwrap();
        let text = String::from_utf8(chunk).unwrap();
        let lines: Vec<&str> = text.split(['\n', '\r']).collect();
        let [first, "event: message", data, "", ""] = lines[..] else { panic!("{lines:?}") };
        assert_eq!(first, "id: 0101010101010101-1");
        let data = data.strip_prefix("data: ").unwrap();
        assert_eq!(serde_json::from_str::<HistoryMessage>(data).unwrap(), message);
    }
}

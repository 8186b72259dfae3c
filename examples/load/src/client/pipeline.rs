use std::collections::VecDeque;
use std::fmt::Write as _;

use super::connection::Outgoing;
use super::stamp::{Stamp, now_micros};

/// The messages of one sender: those that are in flight, and what the next one says.
#[derive(Debug)]
pub(crate) struct Pipeline {
    sender: usize,
    /// The event's last argument, for each room in turn.
    options: Vec<String>,
    key: String,
    sent: u64,
    /// When each message after `answered` was sent, the oldest first; none when it was answered.
    in_flight: VecDeque<Option<u64>>,
    /// Up to this message all are answered.
    answered: u64,
}

impl Pipeline {
    /// A sender that writes to these rooms in turn. Its keys begin with `run`.
    pub(crate) fn new(sender: usize, rooms: &[String], run: &str) -> Self {
        let options = rooms.iter().map(|room| format!("\",{{\"room\":\"{room}\"}}]")).collect();
        let key = format!("{run}-{sender}-");
        Self { sender, options, key, sent: 0, in_flight: VecDeque::new(), answered: 0 }
    }

    /// How many messages it has sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends the next message, as the official client does: with a key, and a number that asks for
    /// an ack.
    pub(crate) fn send(&mut self, outgoing: &mut Outgoing) {
        let sent_at = now_micros();
        let sequence = self.sent;
        let options = &self.options[sequence as usize % self.options.len()];
        let mut key = [0; 20];
        let number = decimal(sequence, &mut key);
        outgoing.packet(|out| {
            out.extend(b"42");
            out.extend(number);
            out.extend(b"[\"chat message\",\"");
            Stamp { sender: self.sender, sequence, sent_at }.write(out);
            out.extend(b"\",\"");
            out.extend(self.key.as_bytes());
            out.extend(number);
            out.extend(options.as_bytes());
        });
        self.in_flight.push_back(Some(sent_at));
        self.sent += 1;
    }

    /// Notes the answer to a message: how many microseconds it took, or nothing when none was
    /// waited for.
    pub(crate) fn answered(&mut self, id: u64, now: u64) -> Option<u64> {
        let index = usize::try_from(id.checked_sub(self.answered)?).ok()?;
        let sent_at = self.in_flight.get_mut(index)?.take()?;
        while let Some(None) = self.in_flight.front() {
            self.in_flight.pop_front();
            self.answered += 1;
        }
        Some(now.saturating_sub(sent_at))
    }
}

/// What a client says when it connects: the offset of the last message it has, and its rooms.
pub(crate) fn auth(after: u64, rooms: &[String]) -> String {
    let mut auth = format!("40{{\"serverOffset\":{after},\"rooms\":[");
    for (index, room) in rooms.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(auth, "{comma}\"{room}\"");
    }
    auth + "]}"
}

fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_matched_in_any_order_and_once() {
        let mut pipeline = Pipeline::new(1, &["a".to_owned()], "run");
        let mut outgoing = Outgoing::default();
        for _ in 0..3 {
            pipeline.send(&mut outgoing);
        }
        let later = now_micros() + 1_000_000;
        assert!(pipeline.answered(1, later).is_some());
        assert!(pipeline.answered(1, later).is_none());
        assert!(pipeline.answered(3, later).is_none());
        assert!(pipeline.answered(0, later).is_some());
        assert!(pipeline.answered(0, later).is_none());
        assert!(pipeline.answered(2, later).is_some());
        assert!(pipeline.answered(2, later).is_none());
    }
}
